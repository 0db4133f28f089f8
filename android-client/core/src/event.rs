//! What the driver tells the machine.

use longwire_protocol::push::Request;

use crate::config::AppKey;
use crate::config::TlsMode;
use crate::heartbeat::NetworkId;
use crate::inbox::{Outcome, Snapshot, StoreError};
use crate::state::Failure;
use crate::targets::SrvAnswer;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Begin, or try again when blocked.
    Start,
    /// End politely.
    Stop,
    /// The answer to `Load`.
    Loaded(Result<Box<Snapshot>, StoreError>),
    /// The answer to `Store`: the outcome of each change, all of them durable, or nothing stored.
    Stored(Result<Vec<Outcome>, StoreError>),
    /// The answer to `Note`: whose payload may be parsed now is noted.
    Noted,
    /// What the DNS said of each service.
    Resolved(Vec<(TlsMode, SrvAnswer)>),
    /// TCP stands; TLS is still to come by STARTTLS.
    Connected,
    /// TLS stands; with the 32 bytes of tls-exporter (RFC 9266) when it is TLS 1.3.
    Secured {
        /// Channel-binding data.
        exporter: Option<[u8; 32]>,
    },
    /// The connection did not come about.
    ConnectFailed(Failure),
    /// The connection ended.
    Closed,
    /// The app's key is another one now: a device that was refused registration tries again at once.
    AppKey(Option<AppKey>),
    /// The network as the platform sees it.
    Network(Network),
    /// The app has it for good, as far as handing over goes.
    Finished {
        /// The notification.
        id: String,
    },
    /// The newer content is on the screen.
    Updated {
        /// The notification.
        id: String,
        /// Which content: that of the hand-over.
        revision: u64,
    },
    /// It was taken from the screen, as asked for.
    Removed {
        /// The notification.
        id: String,
    },
    /// It is on the screen.
    Displayed {
        /// The notification.
        id: String,
    },
    /// The user opened it.
    Opened {
        /// The notification.
        id: String,
    },
    /// The user dismissed it.
    Dismissed {
        /// The notification.
        id: String,
    },
    /// The user used one of its actions; that opened it, too.
    Acted {
        /// The notification.
        id: String,
        /// The action's id.
        action: String,
        /// What the user wrote, if it is an action with a reply.
        text: Option<String>,
    },
    /// The app asks the server for something; answered by [`crate::Action::Answered`], in the next session when there is none now. It is
    /// in memory only.
    Request {
        /// The number under which it is answered.
        number: u64,
        /// What it asks for.
        request: Request,
    },
    /// Nobody waits for the answer any more: what was not sent is not asked for, and nothing is answered.
    Withdrawn {
        /// The request's number.
        number: u64,
    },
}

/// What the platform says of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// There is none: nothing is attempted.
    None,
    /// There is one, new or changed: waits end, a live session is probed. Which one, the platform cannot tell.
    Usable,
    /// The same, and the platform can tell which one: what was learned there is in force.
    Known(NetworkId),
}
