//! XMPP Ping (XEP-0199).

use longwire_protocol::ns;
use longwire_protocol::stanza::{Condition, Iq, IqType, StanzaError};

use super::{Answering, IqHandler};
use crate::Core;
use crate::session_manager::Session;

pub(super) struct Ping;

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
