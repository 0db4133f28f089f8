//! What the driver tells the machine.

use longwire_protocol::DateTime;
use longwire_protocol::push::{DeviceEvent, DeviceEventType, Request, is_action_id};

use crate::config::AppKey;
use crate::config::TlsMode;
use crate::heartbeat::NetworkId;
use crate::inbox::{Change, Outcome, Snapshot, StoreError, Verb};
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
        /// Whether it is on the screen: the server is told so, and no death of the process comes between the two.
        is_displayed: bool,
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
    /// It is on the screen, and the app is not done with it, or was before.
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

impl Event {
    /// What the app or its user says of a notification, as changes: the same in a device that runs and in a process that was woken for
    /// this alone. None of any other event.
    #[must_use]
    pub fn said(self, at: DateTime) -> Vec<Change> {
        let row = |id: &str, verb| Change::Row(id.to_owned(), verb);
        let report = |id: String, kind| Change::Report(DeviceEvent::new(id, kind, at));
        match self {
            Self::Finished { id, is_displayed } => {
                let finished = row(&id, Verb::Finish);
                [finished].into_iter().chain(is_displayed.then(|| report(id, DeviceEventType::Displayed))).collect()
            }
            Self::Updated { id, revision } => vec![row(&id, Verb::Updated(revision))],
            Self::Removed { id } => vec![row(&id, Verb::Removed)],
            Self::Displayed { id } => vec![report(id, DeviceEventType::Displayed)],
            // Opening or dismissing ends the row before anything could hand it again.
            Self::Opened { id } => vec![row(&id, Verb::Close), report(id, DeviceEventType::Opened)],
            Self::Dismissed { id } => vec![row(&id, Verb::Close), report(id, DeviceEventType::Dismissed)],
            // What nobody could have used, an action without a proper id, counts as opening alone.
            Self::Acted { id, action, .. } if !is_action_id(&action) => Self::Opened { id }.said(at),
            Self::Acted { id, action, text } => {
                let used = Change::Report(DeviceEvent::of_action(&id, action, text, at));
                vec![row(&id, Verb::Close), report(id, DeviceEventType::Opened), used]
            }
            Self::Start
            | Self::Stop
            | Self::Loaded(_)
            | Self::Stored(_)
            | Self::Noted
            | Self::Resolved(_)
            | Self::Connected
            | Self::Secured { .. }
            | Self::ConnectFailed(_)
            | Self::Closed
            | Self::AppKey(_)
            | Self::Network(_)
            | Self::Request { .. }
            | Self::Withdrawn { .. } => Vec::new(),
        }
    }
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
