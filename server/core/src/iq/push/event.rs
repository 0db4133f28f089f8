//! Device events: displayed, opened, dismissed, rejected, left, expired, and the use of an action.

use longwire_protocol::Element;
use longwire_protocol::push::DeviceEvent;
use longwire_protocol::stanza::{Condition, StanzaError};

use super::bad;
use crate::Core;
use crate::iq::{Answer, unavailable};
use crate::notification_manager::EventError;
use crate::render::{self, Reported};
use crate::session_manager::Session;

pub(super) async fn report(core: &Core, session: &Session, payload: &Element) -> Answer {
    let reported = DeviceEvent::from_element(payload).map_err(|error| bad(error.to_string()))?;
    let entry = reported.entry.parse().map_err(|_| bad("the attribute entry is not an id"))?;
    let device = session.device.ok_or_else(|| StanzaError::new(Condition::UnexpectedRequest))?;
    let kept = match render::reported(reported) {
        Reported::Event(event) => core.notifications.report(device, entry, event).await,
        Reported::Action { action, text, at } => {
            core.notifications.report_action(device, entry, action, text, at).await
        }
    };
    match kept {
        Ok(()) => Ok(None),
        Err(EventError::UnknownEntry) => Err(StanzaError::new(Condition::ItemNotFound)),
        Err(EventError::Core(error)) => Err(unavailable(&error)),
    }
}
