//! Stanzas of a bound session: to the IQ table, to other accounts (RFC 6121 §8.5), or back with an error.

mod table;

use longwire_protocol::stanza::{
    Condition, Iq, Message, MessageType, Presence, PresenceType, StanzaError, error_answer,
};
use longwire_protocol::{Element, Jid, Limits};
use longwire_router::SessionKey;

use crate::Core;
use crate::iq::answer_at_once;
use crate::session_manager::{Parcel, Session};

pub use table::{Target, targets};

/// Bytes of a stanza that is written anew: as many as a stanza may have, less what another address of 3 KiB could add.
const WRITTEN_BYTES_MAX: usize = Limits::AFTER_LOGIN.element_bytes - 4 * 1024;

/// What a stanza of a session led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What to write back to the sender.
    pub reply: Option<Element>,
    /// The session has just become available: its pushes may begin.
    pub came_online: bool,
    /// The session is no longer available.
    pub went_offline: bool,
}

impl Outcome {
    fn reply(reply: Option<Element>) -> Self {
        Self { reply, ..Self::default() }
    }
}

impl Core {
    /// Handles a stanza whose `from` is the session's full JID.
    pub async fn handle_stanza(&self, session: &Session, stanza: Element) -> Outcome {
        match self.handle_at_once(session, stanza) {
            Ok(outcome) => outcome,
            Err(stanza) => self.handle_in_time(session, stanza).await,
        }
    }

    /// Handles a stanza that [`Core::handle_at_once`] has looked at and given back.
    pub async fn handle_in_time(&self, session: &Session, stanza: Element) -> Outcome {
        if session.is_androidpn {
            return self.handle_androidpn(session, stanza).await;
        }
        Outcome::reply(self.handle_iq(session, stanza).await)
    }

    /// Handles a stanza that nothing has to be waited for: all but IQs other than pings, and what original androidpn clients say.
    ///
    /// # Errors
    /// The stanza, for [`Core::handle_in_time`].
    pub fn handle_at_once(&self, session: &Session, stanza: Element) -> Result<Outcome, Element> {
        if session.is_androidpn {
            return Err(stanza);
        }
        if is_too_long(&stanza) {
            return Ok(Outcome::reply(error_answer(&stanza, &StanzaError::new(Condition::PolicyViolation))));
        }
        match stanza.name() {
            "iq" => match answer_at_once(&stanza, &self.config.domain) {
                Some(pong) => Ok(Outcome::reply(Some(pong))),
                None => Err(stanza),
            },
            "message" => Ok(Outcome::reply(self.handle_message(session, stanza))),
            "presence" => Ok(self.handle_presence(session, &stanza)),
            _ => Ok(Outcome::default()),
        }
    }

    async fn handle_iq(&self, session: &Session, stanza: Element) -> Option<Element> {
        let iq = match Iq::from_element(stanza.clone()) {
            Ok(iq) => iq,
            Err(error) => return error_answer(&stanza, &error.answer()),
        };
        match self.place(session, iq.to.as_ref()) {
            Place::Here => self.iq.answer(self, session, &iq).await.map(|answer| answer.to_element()),
            Place::Account(to) if to.resource().is_some() => self.forward(session, &to, stanza),
            Place::Account(_) => error_answer(&stanza, &StanzaError::new(Condition::ServiceUnavailable)),
            Place::Elsewhere => error_answer(&stanza, &StanzaError::new(Condition::RemoteServerNotFound)),
        }
    }

    /// An IQ to a full JID: to that session, or `service-unavailable` (RFC 6121 §8.5.3.2.3).
    fn forward(&self, session: &Session, to: &Jid, stanza: Element) -> Option<Element> {
        let resource = to.resource().map(|resource| resource.as_str().to_owned());
        let sessions = self.sessions.reachable(to.node().map_or("", |node| node.as_str()));
        match sessions.iter().find(|other| Some(&*other.resource) == resource.as_deref()) {
            Some(other) => {
                self.deliver(other.place(), stanza);
                None
            }
            None => {
                tracing::debug!(session = session.key.0, "an IQ for a session that is not there");
                error_answer(&stanza, &StanzaError::new(Condition::ServiceUnavailable))
            }
        }
    }

    fn handle_message(&self, session: &Session, stanza: Element) -> Option<Element> {
        let (to, kind) = match Message::heading(&stanza) {
            Ok(heading) => heading,
            Err(error) => return error_answer(&stanza, &error.answer()),
        };
        let to = match self.place(session, to.as_ref()) {
            Place::Here if to.as_ref().is_none_or(|to| to.node().is_some()) => {
                to.or_else(|| self.jid(&session.account, None))
            }
            // The server itself reads no messages.
            Place::Here => return error_answer(&stanza, &StanzaError::new(Condition::ServiceUnavailable)),
            Place::Account(to) => Some(to),
            Place::Elsewhere => return error_answer(&stanza, &StanzaError::new(Condition::RemoteServerNotFound)),
        };
        let to = to?;
        let resource = to.resource().map(|resource| resource.as_str());
        let places = self.sessions.look_at_reachable(to.node().map_or("", |node| node.as_str()), |sessions| {
            match targets(kind, resource, sessions) {
                Target::Sessions(targets) => Some(targets.into_iter().map(Session::place).collect()),
                Target::Ignore => Some(Vec::new()),
                Target::Unavailable if kind == MessageType::Error => Some(Vec::new()),
                Target::Unavailable => None,
            }
        });
        let Some(places) = places else {
            return error_answer(&stanza, &StanzaError::new(Condition::ServiceUnavailable));
        };
        let (last, others) = places.split_last()?;
        let mut addressed = stanza;
        addressed.set_attr("to", &to);
        for place in others {
            self.deliver(*place, addressed.clone());
        }
        self.deliver(*last, addressed);
        None
    }

    fn handle_presence(&self, session: &Session, stanza: &Element) -> Outcome {
        let presence = match Presence::from_element(stanza.clone()) {
            Ok(presence) => presence,
            Err(error) => return Outcome::reply(error_answer(stanza, &error.answer())),
        };
        match (&presence.to, presence.kind) {
            (None, PresenceType::Available | PresenceType::Unavailable) => self.broadcast(session, &presence, stanza),
            (Some(to), PresenceType::Available | PresenceType::Unavailable) => {
                let is_available = presence.kind == PresenceType::Available;
                if !self.sessions.direct(&session.account, session.key, to, is_available) {
                    let error = StanzaError::new(Condition::ResourceConstraint);
                    return Outcome::reply(error_answer(stanza, &error));
                }
                self.direct(session, to, stanza);
                Outcome::default()
            }
            // Subscriptions need a roster, which this server does not keep yet.
            (_, PresenceType::Subscribe) => {
                Outcome::reply(error_answer(stanza, &StanzaError::new(Condition::ServiceUnavailable)))
            }
            (
                _,
                PresenceType::Subscribed
                | PresenceType::Unsubscribe
                | PresenceType::Unsubscribed
                | PresenceType::Probe
                | PresenceType::Error,
            ) => Outcome::default(),
        }
    }

    /// Undirected presence: noted, and told to the account's other available sessions (RFC 6121 §4.2.2, §4.5.2).
    fn broadcast(&self, session: &Session, presence: &Presence, stanza: &Element) -> Outcome {
        let is_available = presence.kind == PresenceType::Available;
        let before =
            self.sessions.set_priority(&session.account, session.key, is_available.then(|| presence.priority()));
        if !is_available {
            self.undirect(session, stanza);
        }
        for other in self.sessions.reachable(&session.account) {
            if other.priority.is_some() {
                let mut addressed = stanza.clone();
                addressed.set_attr("to", format!("{}@{}/{}", other.account, self.config.domain, other.resource));
                self.deliver(other.place(), addressed);
            }
        }
        Outcome {
            reply: None,
            came_online: is_available && before.is_none(),
            went_offline: !is_available && before.is_some(),
        }
    }

    fn direct(&self, session: &Session, to: &Jid, stanza: &Element) {
        if matches!(self.place(session, Some(to)), Place::Elsewhere) {
            return;
        }
        let resource = to.resource().map(|resource| resource.as_str());
        let sessions = self.sessions.reachable(to.node().map_or("", |node| node.as_str()));
        let meant =
            |other: &&Session| resource.map_or(other.priority.is_some(), |resource| *other.resource == *resource);
        for other in sessions.iter().filter(meant) {
            self.deliver(other.place(), stanza.clone());
        }
    }

    /// Hands a stanza to another session; back it goes while as much is on the way as there is memory for.
    fn deliver(&self, place: (usize, SessionKey), stanza: Element) {
        if self.pressure.is_full() { self.bounce(&stanza) } else { self.hand_over(place, stanza) }
    }

    fn hand_over(&self, place: (usize, SessionKey), stanza: Element) {
        let weight = self.pressure.weigh(stanza.memory_bytes());
        self.sessions.deliver(place, Parcel { stanza, weight });
    }

    /// Sends a stanza for which its recipient has no room back to the session that it came from, with an error (RFC 6120 §8.3.3.18);
    /// what is an error, or an answer, is dropped.
    pub fn bounce(&self, stanza: &Element) {
        let error = StanzaError::new(Condition::ResourceConstraint);
        let Some(answer) = error_answer(stanza, &error) else { return };
        let Some(to) = answer.attr("to").and_then(|to| Jid::new(to).ok()) else { return };
        let sessions = self.sessions.reachable(to.node().map_or("", |node| node.as_str()));
        let resource = to.resource().map(|resource| resource.as_str());
        if let Some(sender) = sessions.iter().find(|sender| Some(&*sender.resource) == resource) {
            self.hand_over(sender.place(), answer);
        }
    }

    /// Tells whoever has directed presence of a session that it is gone (RFC 6121 §4.6.3).
    fn undirect(&self, session: &Session, stanza: &Element) {
        for to in self.sessions.take_directed(session.key) {
            self.direct(session, &to, &stanza.clone().with_attr("to", &to));
        }
    }

    /// Ends a session's presence when its stream ends without saying so. To be called while the session is still listed.
    pub fn end_presence(&self, session: &Session) {
        if session.is_androidpn {
            return;
        }
        let from = format!("{}@{}/{}", session.account, self.config.domain, session.resource);
        let stanza = Presence::new(PresenceType::Unavailable).to_element().with_attr("from", from);
        self.undirect(session, &stanza);
        if session.priority.is_none() {
            return;
        }
        for other in self.sessions.reachable(&session.account) {
            if other.key != session.key && other.priority.is_some() {
                let to = format!("{}@{}/{}", other.account, self.config.domain, other.resource);
                self.deliver(other.place(), stanza.clone().with_attr("to", to));
            }
        }
    }

    fn jid(&self, account: &str, resource: Option<&str>) -> Option<Jid> {
        let text = match resource {
            Some(resource) => format!("{account}@{}/{resource}", self.config.domain),
            None => format!("{account}@{}", self.config.domain),
        };
        Jid::new(&text).ok()
    }

    fn place(&self, session: &Session, to: Option<&Jid>) -> Place {
        let Some(to) = to else { return Place::Here };
        if to.domain().as_str() != self.config.domain {
            return Place::Elsewhere;
        }
        match to.node() {
            None => Place::Here,
            Some(node) if *node.as_str() == *session.account && to.resource().is_none() => Place::Here,
            Some(_) => Place::Account(to.clone()),
        }
    }
}

/// Whether a stanza would be longer than whoever it is for may read. Escaped anew it can have six times the bytes that it came with, and
/// nobody may end another's stream by that.
fn is_too_long(stanza: &Element) -> bool {
    stanza.stream_bytes_max() > WRITTEN_BYTES_MAX && stanza.to_stream_bytes().len() > WRITTEN_BYTES_MAX
}

/// Where a stanza is addressed to.
enum Place {
    /// The server, or the sender's own account.
    Here,
    /// An account here.
    Account(Jid),
    /// Another domain; this server speaks to none.
    Elsewhere,
}
