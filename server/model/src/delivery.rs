//! What became of a notification on one device: the one pure function that API, console and tests share (DESIGN §2).

mod acknowledgement;
mod cause;
mod derive;
mod event;
mod facts;
mod state;
mod timeline;
mod used_action;
mod whole;

pub use acknowledgement::{Acknowledgement, Ending, Exception, Hold, NotExtending, Sent};
pub use cause::{Cause, Delay};
pub use derive::{Delivery, state};
pub use event::{Event, EventType};
pub use facts::{Facts, Present, Progress, Superseded};
pub use state::State;
pub use timeline::{DELAY_MS_MIN, DELAYS_MAX};
pub use used_action::{USED_ACTIONS_MAX, UsedAction};
pub use whole::overall;
