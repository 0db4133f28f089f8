//! Device events of the push extension: displayed, opened, dismissed, rejected, left.

use longwire_protocol::ns;
use longwire_protocol::push::DeviceEvent;
use longwire_protocol::stanza::{Condition, Iq, IqType, StanzaError};

use super::{Answer, Answering, IqHandler, unavailable};
use crate::Core;
use crate::notification_manager::EventError;
use crate::render;
use crate::session_manager::Session;

pub(super) struct Events;

impl IqHandler for Events {
    fn namespace(&self) -> &'static str {
        ns::PUSH
    }

    fn handle<'a>(&'a self, core: &'a Core, session: &'a Session, iq: &'a Iq) -> Answering<'a> {
        Box::pin(report(core, session, iq))
    }
}

async fn report(core: &Core, session: &Session, iq: &Iq) -> Answer {
    let IqType::Set(payload) = &iq.kind else {
        return Err(StanzaError::new(Condition::BadRequest));
    };
    let bad = |why: String| StanzaError::new(Condition::BadRequest).with_text(why);
    let reported = DeviceEvent::from_element(payload).map_err(|error| bad(error.to_string()))?;
    let entry = reported.entry.parse().map_err(|_| bad("the attribute entry is not an id".to_owned()))?;
    let device = session.device.ok_or_else(|| StanzaError::new(Condition::UnexpectedRequest))?;
    let event = render::event(&reported).ok_or_else(|| StanzaError::new(Condition::FeatureNotImplemented))?;
    match core.notifications.report(device, entry, event).await {
        Ok(()) => Ok(None),
        Err(EventError::UnknownEntry) => Err(StanzaError::new(Condition::ItemNotFound)),
        Err(EventError::Core(error)) => Err(unavailable(&error)),
    }
}
