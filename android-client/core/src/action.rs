//! What the machine asks of its driver, and the randomness that the driver lends it.

use longwire_protocol::push::Lane;

use crate::config::{Target, TlsMode};
use crate::inbox::{Notification, Transaction};
use crate::requests::{Refusal, Reply};
use crate::state::State;

/// One thing for the driver to do, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Read the store; the answer is [`crate::Event::Loaded`].
    Load,
    /// Make this durable; the answer is [`crate::Event::Stored`]. One at a time.
    Store(Transaction),
    /// Ask the DNS for the SRV records of the domain's services; answered by `Resolved`.
    Resolve {
        /// The domain.
        domain: String,
        /// The services, each with an answer of its own.
        services: Vec<TlsMode>,
    },
    /// Open a connection, with TLS when it is direct; answered by `Connected`, `Secured` or `ConnectFailed`.
    Connect(Target),
    /// Begin TLS on the open connection; answered by `Secured` or `ConnectFailed`.
    StartTls,
    /// Send these bytes.
    Write(Vec<u8>),
    /// Send these bytes, which acknowledge; apart so that a test's driver can hold them back.
    Acknowledge(Vec<u8>),
    /// Send what was written, then drop the connection; it is not heard of again.
    Close,
    /// Note whose payload is about to be parsed, or that none is. The note outlives this process, not a power cut, so it needs
    /// no sync. One with an id is answered by [`crate::Event::Noted`].
    Note(Option<String>),
    /// Hand a notification to the app; answered by [`crate::Event::Finished`], of an update by [`crate::Event::Updated`].
    HandOver(Box<HandOver>),
    /// The row with this id is durably done.
    Finished(String),
    /// Take a notification from the screen; answered by [`crate::Event::Removed`], and asked for again until then. What is not
    /// there is removed all the same.
    Cancel {
        /// Its id.
        id: String,
        /// The how-manieth hand-over put it there.
        attempt: u32,
    },
    /// The server's answer to [`crate::Event::Request`].
    Answered {
        /// The request's number.
        number: u64,
        /// What it said.
        answer: Result<Reply, Refusal>,
    },
    /// The state changed.
    State(State),
}

/// A notification for the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// Its id; handing it again replaces what is on the screen.
    pub id: String,
    /// Position in the log of the entry that brought it; 0 when it is not in the log.
    pub seq: u64,
    /// Its lane.
    pub lane: Lane,
    /// The how-manieth hand-over this is, counted over processes.
    pub attempt: u32,
    /// Whether it replaces the content of a notification that was handed before: nobody is alerted again.
    pub is_update: bool,
    /// Which content of the notification this is; 0 is the first.
    pub revision: u64,
    /// Whether the row is done already: it is shown now or never.
    pub is_once: bool,
    /// The user through whose key it came, when through no other.
    pub user: Option<String>,
    /// When it was stored, in Unix milliseconds of the server.
    pub received_ms: u64,
    /// When it expires, in Unix milliseconds of the server.
    pub expires_ms: u64,
    /// The content.
    pub notification: Notification,
}

/// A source of randomness; seeded in tests and simulations.
pub trait Random {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The actions of one call, and the randomness for it.
pub struct Actions<'a> {
    list: Vec<Action>,
    random: &'a mut dyn Random,
}

impl<'a> Actions<'a> {
    /// An empty list.
    #[must_use]
    pub fn new(random: &'a mut dyn Random) -> Self {
        Self { list: Vec::new(), random }
    }

    /// What the driver has to do.
    #[must_use]
    pub fn into_list(self) -> Vec<Action> {
        self.list
    }

    pub(crate) fn push(&mut self, action: Action) {
        self.list.push(action);
    }

    pub(crate) fn extend(&mut self, actions: impl IntoIterator<Item = Action>) {
        self.list.extend(actions);
    }

    /// Joins writes that follow one another, so that they travel in one segment.
    pub(crate) fn coalesce_writes(&mut self) {
        self.list.dedup_by(|next, first| match (first, next) {
            (Action::Write(first), Action::Write(next)) => {
                first.append(next);
                true
            }
            _ => false,
        });
    }

    pub(crate) fn random_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.random_bytes())
    }

    pub(crate) fn random_bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }
}
