//! Entries as stanzas; the same bytes for every push session.

use super::{Lane, field};
use crate::xep::json;
use crate::{DateTime, Element, FieldError, ns};

const ENTRY: &str = "entry";

/// What a device notes of an entry before it looks at the rest, which may be of a newer format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryHead {
    /// The entry's id: the `id` of the message.
    pub id: String,
    /// Its position; 0 for an entry that is not in the log (`ttl: 0`).
    pub seq: u64,
    /// Its lane.
    pub lane: Lane,
}

/// An entry of the log as it is sent to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's id: the `id` of the message.
    pub id: String,
    /// Its position; 0 for an entry that is not in the log (`ttl: 0`).
    pub seq: u64,
    /// Its lane.
    pub lane: Lane,
    /// When it ends to be of use.
    pub expires: DateTime,
    /// The user, when the device gets it through a user key and no other.
    pub user: Option<String>,
    /// Of a notification that is sent with the content of a later update: the id of that update, which the device need not show again.
    pub update: Option<String>,
    /// What it says.
    pub content: EntryContent,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryContent {
    /// A notification.
    Notification {
        /// The payload, a JSON object.
        json: String,
    },
    /// New content for an earlier notification.
    Update {
        /// The id of the earlier entry.
        target: String,
        /// The payload, a JSON object.
        json: String,
    },
    /// The sender takes an earlier notification back.
    Recall {
        /// The id of the earlier entry.
        target: String,
    },
    /// The user dismissed an earlier notification on another device.
    Dismissal {
        /// The id of the earlier entry.
        target: String,
    },
}

impl EntryContent {
    /// The `kind` on the wire; none for a notification.
    #[must_use]
    pub const fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Notification { .. } => None,
            Self::Update { .. } => Some("update"),
            Self::Recall { .. } => Some("recall"),
            Self::Dismissal { .. } => Some("dismissal"),
        }
    }

    /// The id of the earlier entry that this one is about.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::Notification { .. } => None,
            Self::Update { target, .. } | Self::Recall { target } | Self::Dismissal { target } => Some(target),
        }
    }

    /// The payload.
    #[must_use]
    pub fn json(&self) -> Option<&str> {
        match self {
            Self::Notification { json } | Self::Update { json, .. } => Some(json),
            Self::Recall { .. } | Self::Dismissal { .. } => None,
        }
    }
}

impl EntryHead {
    /// Reads what every version has of a `<message/>` with an `<entry/>`.
    ///
    /// # Errors
    /// Names the attribute that is missing or unreadable.
    pub fn from_message(message: &Element) -> Result<Self, FieldError> {
        let entry = entry_of(message)?;
        Ok(Self {
            id: field::optional_text(message, "message", "id")?
                .ok_or(FieldError::Missing { element: "message", field: "id" })?,
            seq: field::required_number(entry, ENTRY, "seq")?,
            lane: field::required(entry, ENTRY, "lane")?,
        })
    }
}

impl Entry {
    /// Reads a `<message/>` with an `<entry/>`.
    ///
    /// # Errors
    /// Names the attribute that is missing or unreadable; [`EntryHead`] may be readable still.
    pub fn from_message(message: &Element) -> Result<Self, FieldError> {
        let EntryHead { id, seq, lane } = EntryHead::from_message(message)?;
        let entry = entry_of(message)?;
        Ok(Self {
            id,
            seq,
            lane,
            expires: field::required(entry, ENTRY, "expires")?,
            user: field::optional_text(entry, ENTRY, "user")?,
            update: field::optional_text(entry, ENTRY, "update")?,
            content: read_content(entry)?,
        })
    }

    /// Whether `message` holds an entry.
    #[must_use]
    pub fn is_in(message: &Element) -> bool {
        entry_of(message).is_ok()
    }

    /// The stanza, without `to`: `from` is the server's domain.
    #[must_use]
    pub fn to_message(&self, domain: &str) -> Element {
        let entry = Element::new(ns::PUSH, ENTRY)
            .with_attr("seq", self.seq)
            .with_attr("lane", self.lane)
            .with_attr("expires", self.expires)
            .with_opt_attr("kind", self.content.kind())
            .with_opt_attr("target", self.content.target())
            .with_opt_attr("user", self.user.as_ref())
            .with_opt_attr("update", self.update.as_ref())
            .with_opt_child(self.content.json().map(json::element));
        Element::new(ns::CLIENT, "message")
            .with_attr("from", domain)
            .with_attr("id", &self.id)
            .with_attr("type", "headline")
            .with_child(entry)
    }

    /// The stanza's bytes, which every push session shares.
    #[must_use]
    pub fn to_shared_bytes(&self, domain: &str) -> Vec<u8> {
        self.to_message(domain).to_stream_bytes()
    }
}

fn entry_of(message: &Element) -> Result<&Element, FieldError> {
    let is_message = message.is(ns::CLIENT, "message");
    let entry = is_message.then(|| message.child(ns::PUSH, ENTRY)).flatten();
    entry.ok_or(FieldError::Unexpected { expected: "message with entry" })
}

fn read_content(entry: &Element) -> Result<EntryContent, FieldError> {
    let target =
        || field::optional_text(entry, ENTRY, "target")?.ok_or(FieldError::Missing { element: ENTRY, field: "target" });
    let json = || json::find_in(entry).ok_or(FieldError::Missing { element: ENTRY, field: "json" });
    match entry.attr("kind") {
        None => Ok(EntryContent::Notification { json: json()? }),
        Some("update") => Ok(EntryContent::Update { target: target()?, json: json()? }),
        Some("recall") => Ok(EntryContent::Recall { target: target()? }),
        Some("dismissal") => Ok(EntryContent::Dismissal { target: target()? }),
        Some(_) => Err(FieldError::Invalid { element: ENTRY, field: "kind" }),
    }
}
