//! XMPP Ping (XEP-0199).

use longwire_protocol::stanza::{Condition, Iq, IqType, StanzaError};
use longwire_protocol::{Element, ns};

use super::{Answering, IqHandler};
use crate::Core;
use crate::session_manager::Session;

pub(super) struct Ping;

/// The answer to a ping of the server itself, as most heartbeats are: as the table would give it, but none of it is waited for.
pub(crate) fn answer_at_once(stanza: &Element, domain: &str) -> Option<Element> {
    let is_get = stanza.is(ns::CLIENT, "iq") && stanza.attr("type") == Some("get");
    let is_here = stanza.attr("to").is_none_or(|to| to == domain);
    let id = stanza.attr("id").filter(|id| !id.is_empty() && is_get && is_here)?;
    let mut payloads = stanza.children();
    let is_ping = payloads.next().is_some_and(|payload| payload.is(ns::PING, "ping")) && payloads.next().is_none();
    is_ping.then(|| {
        Element::new(ns::CLIENT, "iq")
            .with_attr("type", "result")
            .with_attr("id", id)
            .with_opt_attr("from", stanza.attr("to"))
            .with_opt_attr("to", stanza.attr("from"))
    })
}

impl IqHandler for Ping {
    fn namespace(&self) -> &'static str {
        ns::PING
    }

    fn handle<'a>(&'a self, _: &'a Core, _: &'a Session, iq: &'a Iq) -> Answering<'a> {
        Box::pin(async move {
            match &iq.kind {
                IqType::Get(payload) if payload.name() == "ping" => Ok(None),
                IqType::Get(_) | IqType::Set(_) | IqType::Result(_) | IqType::Error(_) => {
                    Err(StanzaError::new(Condition::BadRequest))
                }
            }
        })
    }
}
