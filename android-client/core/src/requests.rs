//! What the app asks the server for: kept in memory until a session, and asked again when one ends before its answer.

use std::collections::{BTreeMap, VecDeque};

use longwire_protocol::push::{Memberships, Request, UserChanged};
use longwire_protocol::stanza::{Condition, ErrorType, Iq, IqType, StanzaError};

/// So many requests may await their answers; one more is refused at once. Apps ask for a few things after a login; more are a loop.
pub const REQUESTS_MAX: usize = 64;
/// So many of them are on their way at a time.
const IN_FLIGHT_MAX: usize = 8;
/// How the ids of their IQs begin.
const ID: &str = "request-";

/// The server did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// As asked.
    Done,
    /// The device is bound to this user.
    User(String),
    /// The keys under which the device is reached.
    Memberships(Vec<String>),
}

/// The server did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server refused: {condition}{}", .text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
pub struct Refusal {
    /// The condition that it named (RFC 6120 §8.3.3).
    pub condition: String,
    /// Its text.
    pub text: Option<String>,
    /// Whether the same may be granted later.
    pub is_temporary: bool,
    /// Seconds after which another attempt is welcome.
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    fn new(condition: Condition, text: &str) -> Self {
        StanzaError::new(condition).with_text(text).into()
    }
}

impl From<StanzaError> for Refusal {
    fn from(error: StanzaError) -> Self {
        Self {
            condition: error.condition.name().to_owned(),
            text: error.text,
            is_temporary: error.error_type == ErrorType::Wait || error.retry_after.is_some(),
            retry_after_s: error.retry_after,
        }
    }
}

/// A request and who awaits its answer; nobody, when it was withdrawn on its way.
#[derive(Debug)]
struct Asked {
    number: Option<u64>,
    request: Request,
}

/// Requests that await their answers.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    waiting: VecDeque<(u64, Request)>,
    /// By the number in the id of the IQ, so in the order of asking.
    asked: BTreeMap<u64, Asked>,
    last: u64,
}

impl Requests {
    /// Takes a request, or refuses it because too many wait.
    pub(crate) fn add(&mut self, number: u64, request: Request) -> Result<(), Refusal> {
        if self.waiting.len() + self.asked.len() >= REQUESTS_MAX {
            let refusal = Refusal::new(Condition::ResourceConstraint, "too many requests await their answers");
            return Err(refusal);
        }
        self.waiting.push_back((number, request));
        Ok(())
    }

    /// Nobody waits for this one any more.
    pub(crate) fn withdraw(&mut self, number: u64) {
        self.waiting.retain(|(waiting, _)| *waiting != number);
        self.asked.values_mut().filter(|asked| asked.number == Some(number)).for_each(|asked| asked.number = None);
    }

    /// The next request to send.
    pub(crate) fn next(&mut self) -> Option<Iq> {
        if self.asked.len() >= IN_FLIGHT_MAX {
            return None;
        }
        let (number, request) = self.waiting.pop_front()?;
        self.last += 1;
        let iq = request.to_iq(format!("{ID}{}", self.last));
        self.asked.insert(self.last, Asked { number: Some(number), request });
        Some(iq)
    }

    /// Whether an IQ looks like the answer to a request.
    pub(crate) fn is_answer(iq: &Iq) -> bool {
        !iq.is_request() && iq.id.starts_with(ID)
    }

    /// What such an answer says, and to whom; none when nobody asked, or nobody waits for it any more.
    pub(crate) fn answered(&mut self, iq: &Iq) -> Option<(u64, Result<Reply, Refusal>)> {
        let asked = self.asked.remove(&iq.id.strip_prefix(ID)?.parse().ok()?)?;
        Some((asked.number?, read(&asked.request, &iq.kind)))
    }

    /// The session ended: what was not answered is asked again in the next one, before the rest.
    pub(crate) fn session_ended(&mut self) {
        for asked in std::mem::take(&mut self.asked).into_values().rev() {
            let Some(number) = asked.number else { continue };
            self.waiting.push_front((number, asked.request));
        }
    }
}

fn read(request: &Request, kind: &IqType) -> Result<Reply, Refusal> {
    let payload = match kind {
        IqType::Error(error) => return Err(error.clone().into()),
        IqType::Result(payload) => payload.as_ref(),
        IqType::Get(_) | IqType::Set(_) => None,
    };
    let unreadable = || Refusal::new(Condition::UndefinedCondition, "the answer of the server cannot be read");
    match request {
        Request::Logout | Request::Join(_) | Request::Leave(_) => Ok(Reply::Done),
        Request::Login(_) => {
            let user = payload.and_then(|payload| UserChanged::from_element(payload).ok()?.name);
            user.map(Reply::User).ok_or_else(unreadable)
        }
        Request::Memberships => {
            let keys = payload.and_then(|payload| Memberships::from_element(payload).ok());
            keys.map(|keys| Reply::Memberships(keys.0)).ok_or_else(unreadable)
        }
    }
}

#[cfg(test)]
mod tests {
    use longwire_protocol::push::UserToken;

    use super::*;

    fn ids(requests: &mut Requests) -> Vec<String> {
        std::iter::from_fn(|| requests.next()).map(|iq| iq.id).collect()
    }

    #[test]
    fn so_many_wait_and_one_more_is_refused() {
        let mut requests = Requests::default();
        for number in 0..REQUESTS_MAX as u64 {
            assert_eq!(requests.add(number, Request::Memberships), Ok(()));
        }
        assert_eq!(ids(&mut requests).len(), IN_FLIGHT_MAX);
        let refusal = requests.add(99, Request::Memberships).expect_err("one too many");
        assert!(refusal.is_temporary && refusal.condition == "resource-constraint", "{refusal}");
        requests.withdraw(63);
        assert_eq!(requests.add(99, Request::Memberships), Ok(()));
    }

    #[test]
    fn what_was_not_answered_is_asked_again_in_its_order_and_not_when_withdrawn() {
        let mut requests = Requests::default();
        for number in 0..12 {
            requests.add(number, Request::Join(format!("tag:{number}"))).expect("there is room");
        }
        assert_eq!(ids(&mut requests).len(), IN_FLIGHT_MAX);
        requests.withdraw(1);
        requests.withdraw(10);
        requests.session_ended();
        let numbers: Vec<_> = requests.waiting.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [0, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
    }

    #[test]
    fn an_answer_without_what_was_asked_for_is_a_refusal() {
        let mut requests = Requests::default();
        requests.add(7, Request::Login(UserToken("t".to_owned()))).expect("there is room");
        let asked = requests.next().expect("a request");
        assert!(!Requests::is_answer(&asked), "a request of the server's");
        let (number, answer) = requests.answered(&asked.result_for(None)).expect("its answer");
        assert_eq!(number, 7);
        assert!(answer.expect_err("no user").text.is_some_and(|text| text.contains("cannot be read")));
        assert_eq!(requests.answered(&asked.result_for(None)), None, "answered once");
    }
}
