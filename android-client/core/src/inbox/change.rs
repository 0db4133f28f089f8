//! The durable steps of a device, as data: a driver carries them out and answers with their outcomes.

use longwire_protocol::push::{Bound, DeviceEvent, Lane, SeqSet};

use super::{Received, Row};
use crate::account::{Account, FastToken, Installation};
use crate::backoff::Conflicts;
use crate::clock::Anchor;
use crate::heartbeat::Learned;

/// Changes that become durable together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Server time of the step in Unix milliseconds, as far as it is known.
    pub at_ms: u64,
    /// What changes, in order.
    pub changes: Vec<Change>,
}

/// What happens to one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// It is about to be handed over.
    Hand,
    /// A process died while it parsed the payload.
    Died,
    /// The app is done with it.
    Finish,
    /// The app's user opened or dismissed it.
    Close,
    /// It expired before it was handed over, or its update did.
    Expire,
    /// Its payload cannot be used, for this reason.
    Reject(String),
    /// The content of this revision is on the screen.
    Updated(u64),
    /// The content of this revision cannot be put on the screen.
    NotUpdated(u64),
    /// The platform took it from the screen.
    Removed,
}

/// One durable change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new installation: device id, cursor and FAST token of the former one are forgotten.
    Installation(Installation),
    /// The account to register, or `None` to clear it together with its FAST token.
    Account(Option<Account>),
    /// The account's registration was answered, or a login with it succeeded.
    Registered,
    /// A FAST token was refused.
    ForgetToken,
    /// The conflicts that this device met.
    Conflicts(Conflicts),
    /// How many passwords were refused in a row.
    Refusals(u32),
    /// A login succeeded: the effective cursor is the cursor, seqs above it are forgotten, ids are not.
    Bound {
        /// What the server said.
        bound: Bound,
        /// A new FAST token, when it gave one.
        token: Option<FastToken>,
        /// Its time at this moment.
        anchor: Anchor,
    },
    /// The lane's cursor moves to `seq`.
    Cursor {
        /// The lane.
        lane: Lane,
        /// The new position.
        seq: u64,
    },
    /// Whose device this is: rows of another user that were not handed yet are dropped, and reported as left; so are updates that
    /// have not reached the screen, without a report.
    User(Option<String>),
    /// An entry was received.
    Keep(Received),
    /// The row with this id turns.
    Row(String, Verb),
    /// Something to tell the server.
    Report(DeviceEvent),
    /// The server answered a report.
    Reported(DeviceEvent),
    /// What is known of a network, in place of what was; of the networks beyond [`crate::heartbeat::NETWORKS_MAX`] those with the lowest
    /// `used` are forgotten.
    Network(Learned),
    /// Rows that are done, and seqs, from before this server time are forgotten.
    Prune {
        /// Unix milliseconds of the server.
        before_ms: u64,
    },
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more is to be done.
    Quiet,
    /// The seqs in (recorded, effective] that were stored, per lane.
    Bound {
        /// In the normal lane.
        normal: SeqSet,
        /// In the background lane.
        background: SeqSet,
    },
    /// A row is new and waits to be handed over.
    Fresh(Row),
    /// A notification that is shown at most once is handed over now or never.
    Once(Row),
    /// A row's content was replaced while it was on the screen, or on its way there.
    Updated(Row),
    /// The row may be handed over now.
    Hand(Row),
    /// The row is done.
    Finished(String),
    /// The row was opened or dismissed here: nothing of it comes to the screen any more.
    Closed(String),
    /// What is on the screen under this id must go.
    Removed {
        /// The notification.
        id: String,
        /// The how-manieth hand-over put it there.
        attempt: u32,
    },
    /// These rows were dropped with their user; their reports joined those to be told.
    Left(Vec<DeviceEvent>),
    /// A report joined those to be told.
    Report(DeviceEvent),
}
