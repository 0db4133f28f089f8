//! The push extension: what devices report and what they ask for, told apart by the element. Of push sessions only.

mod event;
mod request;

use longwire_protocol::ns;
use longwire_protocol::push::Request;
use longwire_protocol::stanza::{Condition, Iq, IqType, StanzaError};

use super::{Answer, Answering, IqHandler};
use crate::Core;
use crate::session_manager::Session;

pub(crate) use request::rates as request_rates;

pub(super) struct Push;

impl IqHandler for Push {
    fn namespace(&self) -> &'static str {
        ns::PUSH
    }

    fn handle<'a>(&'a self, core: &'a Core, session: &'a Session, iq: &'a Iq) -> Answering<'a> {
        Box::pin(answer(core, session, iq))
    }
}

async fn answer(core: &Core, session: &Session, iq: &Iq) -> Answer {
    if let IqType::Set(payload) = &iq.kind
        && payload.is(ns::PUSH, "event")
    {
        return event::report(core, session, payload).await;
    }
    match Request::from_iq(iq) {
        Ok(Some(request)) => request::carry_out(core, session, request).await,
        Ok(None) => Err(StanzaError::new(Condition::BadRequest)),
        Err(error) => Err(bad(error.to_string())),
    }
}

fn bad(why: impl Into<String>) -> StanzaError {
    StanzaError::new(Condition::BadRequest).with_text(why)
}
