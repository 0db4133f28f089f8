//! What an app asks for: user, topics, tags.

use longwire_protocol::push::{Memberships, UserChanged};
use longwire_protocol::stanza::{Condition, Iq, StanzaError};

use super::harness::{Phone, bound};
use crate::requests::{Refusal, Reply};
use crate::{Event, REQUESTS_MAX, Request, TlsMode, UserToken};

fn login() -> Request {
    Request::Login(UserToken("eyJ.a.b".into()))
}

fn ask(phone: &mut Phone, number: u64, request: Request) {
    phone.event(Event::Request { number, request });
}

/// The requests that were written since the last call.
fn asked(phone: &mut Phone) -> Vec<Iq> {
    let iqs = phone.take_elements().into_iter().filter_map(|element| Iq::from_element(element).ok());
    iqs.filter(|iq| Request::from_iq(iq).is_ok_and(|request| request.is_some())).collect()
}

fn requests(phone: &mut Phone) -> Vec<Request> {
    asked(phone).iter().filter_map(|iq| Request::from_iq(iq).ok().flatten()).collect()
}

#[test]
fn each_request_gets_its_answer() {
    let mut phone = Phone::online();
    for (number, request) in
        [login(), Request::Logout, Request::Join("topic:a/b".into()), Request::Memberships].into_iter().enumerate()
    {
        ask(&mut phone, number as u64, request);
    }
    let iqs = asked(&mut phone);
    let [login, logout, join, memberships] = &iqs[..] else { panic!("four requests: {iqs:?}") };
    phone.element(&memberships.result_for(Some(Memberships(vec!["tag:x".into()]).to_element())).to_element());
    let refusal = StanzaError::new(Condition::Forbidden).with_text("no such pattern");
    phone.element(&join.error_for(refusal).to_element());
    phone.element(&logout.result_for(None).to_element());
    let alice = UserChanged { name: Some("alice".into()) };
    phone.element(&login.result_for(Some(alice.to_element())).to_element());
    let forbidden = Refusal {
        condition: "forbidden".into(),
        text: Some("no such pattern".into()),
        is_temporary: false,
        retry_after_s: None,
    };
    assert_eq!(
        phone.answered,
        [
            (3, Ok(Reply::Memberships(vec!["tag:x".into()]))),
            (2, Err(forbidden)),
            (1, Ok(Reply::Done)),
            (0, Ok(Reply::User("alice".into()))),
        ]
    );
    phone.element(&logout.result_for(None).to_element());
    assert_eq!(phone.answered.len(), 4, "answered once");
}

#[test]
fn a_request_waits_for_a_session_and_is_asked_again_when_one_ends_under_it() {
    let mut phone = Phone::new(TlsMode::Direct);
    ask(&mut phone, 1, login());
    phone.start();
    assert!(requests(&mut phone).is_empty());
    phone.log_in(&bound(100, 100));
    assert_eq!(requests(&mut phone), [login()]);
    phone.reconnect(&bound(100, 100));
    let again = asked(&mut phone);
    let again = again.first().expect("it is asked again");
    phone.element(&again.error_for(StanzaError::new(Condition::NotAuthorized)).to_element());
    assert!(matches!(&phone.answered[..], [(1, Err(refusal))] if refusal.condition == "not-authorized"));
    phone.reconnect(&bound(100, 100));
    assert!(requests(&mut phone).is_empty(), "answered is answered");
}

#[test]
fn what_was_withdrawn_is_neither_asked_nor_answered() {
    let mut phone = Phone::online();
    ask(&mut phone, 1, login());
    let iqs = asked(&mut phone);
    phone.event(Event::Withdrawn { number: 1 });
    let iq = iqs.first().expect("it was asked");
    phone.element(&iq.result_for(Some(UserChanged { name: Some("alice".into()) }.to_element())).to_element());
    phone.event(Event::Closed);
    ask(&mut phone, 2, Request::Logout);
    phone.event(Event::Withdrawn { number: 2 });
    phone.take_written();
    phone.wait();
    phone.log_in(&bound(100, 100));
    assert!(requests(&mut phone).is_empty() && phone.answered.is_empty());
}

#[test]
fn answers_from_others_are_not_heard() {
    let mut phone = Phone::online();
    ask(&mut phone, 1, login());
    phone.receive(b"<iq type='result' id='request-1' from='mallory@example.com'><user xmlns='urn:longwire:push:1' name='eve'/></iq>");
    assert!(phone.answered.is_empty());
}

#[test]
fn too_many_requests_are_refused_at_once() {
    let mut phone = Phone::new(TlsMode::Direct);
    for number in 0..=REQUESTS_MAX as u64 {
        ask(&mut phone, number, Request::Memberships);
    }
    assert!(matches!(&phone.answered[..], [(64, Err(refusal))] if refusal.is_temporary), "{:?}", phone.answered);
    phone.start();
    phone.log_in(&bound(100, 100));
    let mut answered = 1;
    while let [first, ..] = &asked(&mut phone)[..] {
        phone.element(&first.result_for(Some(Memberships::default().to_element())).to_element());
        answered += 1;
        assert_eq!(phone.answered.len(), answered);
        if answered > REQUESTS_MAX {
            break;
        }
    }
    assert!(answered > 8, "an answer makes room for the next");
}
