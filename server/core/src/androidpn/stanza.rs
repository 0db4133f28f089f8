//! Stanzas of original clients, by rules of their own: never through the table of the others. They get pushes and nothing else.

use longwire_protocol::androidpn::Report;
use longwire_protocol::stanza::{Condition, Presence, PresenceType, StanzaError};
use longwire_protocol::xep::iq_auth;
use longwire_protocol::{Element, ns};

use crate::Core;
use crate::routing::Outcome;
use crate::session_manager::Session;

impl Core {
    /// Handles a stanza of an original client's session.
    pub(crate) async fn handle_androidpn(&self, session: &Session, stanza: Element) -> Outcome {
        let is_error = stanza.attr("type") == Some("error");
        match stanza.name() {
            "iq" => self.handle_androidpn_iq(session, &stanza).await,
            "presence" => self.handle_androidpn_presence(session, stanza),
            _ if is_error => Outcome::default(),
            // The original server closed the connection; this one carries messages of nobody.
            _ => replied(refusal(&stanza, None, Condition::ServiceUnavailable)),
        }
    }

    async fn handle_androidpn_iq(&self, session: &Session, iq: &Element) -> Outcome {
        let is_set = iq.attr("type") == Some("set");
        let payload = iq.children().next().filter(|_| is_set || iq.attr("type") == Some("get"));
        // Results, errors, and what asks for nothing.
        let Some(payload) = payload else { return Outcome::default() };
        if let Some(report) = Report::read(payload) {
            self.take_report(session, report).await;
            return Outcome::default();
        }
        replied(match payload.ns() {
            ns::PING => result(iq, None),
            ns::ROSTER if !is_set => result(iq, Some(Element::new(ns::ROSTER, "query"))),
            ns::REGISTER if !is_set => result(iq, None),
            ns::REGISTER => refusal(iq, Some(Element::new(ns::REGISTER, "query")), Condition::NotAcceptable),
            ns::IQ_AUTH if !is_set => result(iq, Some(iq_auth::form(&session.account))),
            ns::IQ_AUTH => refusal(iq, Some(iq_auth::query(&session.account)), Condition::NotAllowed),
            _ => refusal(iq, Some(payload.clone()), Condition::ServiceUnavailable),
        })
    }

    /// Presence turns pushes on and off; it is told to nobody.
    fn handle_androidpn_presence(&self, session: &Session, stanza: Element) -> Outcome {
        let is_to_all = stanza.attr("to").is_none();
        let Some(presence) = Presence::from_element(stanza).ok().filter(|_| is_to_all) else {
            return Outcome::default();
        };
        let is_available = match presence.kind {
            PresenceType::Available => true,
            PresenceType::Unavailable => false,
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Probe
            | PresenceType::Error => return Outcome::default(),
        };
        let before =
            self.sessions.set_priority(&session.account, session.key, is_available.then(|| presence.priority()));
        Outcome {
            came_online: is_available && before.is_none(),
            went_offline: !is_available && before.is_some(),
            ..Outcome::default()
        }
    }
}

fn replied(reply: Element) -> Outcome {
    Outcome { reply: Some(reply), ..Outcome::default() }
}

fn answer(stanza: &Element, kind: &str) -> Element {
    Element::new(ns::CLIENT, stanza.name().to_owned())
        .with_attr("type", kind)
        .with_opt_attr("id", stanza.attr("id"))
        .with_opt_attr("from", stanza.attr("to"))
        .with_opt_attr("to", stanza.attr("from"))
}

fn result(iq: &Element, payload: Option<Element>) -> Element {
    answer(iq, "result").with_opt_child(payload)
}

/// With what was asked, as these clients know it, but without what is secret in it.
fn refusal(stanza: &Element, payload: Option<Element>, condition: Condition) -> Element {
    answer(stanza, "error").with_opt_child(payload).with_child(StanzaError::new(condition).to_legacy_element())
}
