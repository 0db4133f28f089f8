//! What a call of a stream leaves behind for the driver that lent it.

use crate::Event;

/// Bytes to write, then an action to carry out, and events to handle; lent empty, and emptied by the driver after each call.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Bytes for the connection, in order; to be written before the action is carried out.
    pub bytes: Vec<u8>,
    /// What to do with the connection after writing.
    pub action: Option<Action>,
    /// What the stream tells, in order.
    pub events: Vec<Event>,
}

/// What to do with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begin the TLS handshake as the server, then call `handle_tls`.
    StartTls,
    /// Close the connection.
    Close,
}

impl Outbox {
    /// Empties the outbox and keeps its allocations for the next stream.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.action = None;
        self.events.clear();
    }

    /// Whether nothing was left in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.action.is_none() && self.events.is_empty()
    }
}
