//! `<presence/>` (RFC 6121 §4).

use super::{Addresses, StanzaError, StanzaParseError, stanza};
use crate::{Element, Jid, ns};

/// A presence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Its id.
    pub id: Option<String>,
    /// The sender.
    pub from: Option<Jid>,
    /// The recipient.
    pub to: Option<Jid>,
    /// Its type.
    pub kind: PresenceType,
    /// Its children.
    pub payloads: Vec<Element>,
}

/// The types of a presence (RFC 6121 §4.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceType {
    /// No type: the sender is available.
    Available,
    /// The sender is available no more.
    Unavailable,
    /// A wish to subscribe.
    Subscribe,
    /// A subscription was granted.
    Subscribed,
    /// The sender unsubscribes.
    Unsubscribe,
    /// A subscription was ended.
    Unsubscribed,
    /// A server asks for presence.
    Probe,
    /// An error about another presence.
    Error,
}

impl PresenceType {
    pub(super) const TYPED: [Self; 7] = [
        Self::Unavailable,
        Self::Subscribe,
        Self::Subscribed,
        Self::Unsubscribe,
        Self::Unsubscribed,
        Self::Probe,
        Self::Error,
    ];

    /// Its name on the wire; none for available.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Available => None,
            Self::Unavailable => Some("unavailable"),
            Self::Subscribe => Some("subscribe"),
            Self::Subscribed => Some("subscribed"),
            Self::Unsubscribe => Some("unsubscribe"),
            Self::Unsubscribed => Some("unsubscribed"),
            Self::Probe => Some("probe"),
            Self::Error => Some("error"),
        }
    }
}

impl Presence {
    /// A presence of type `kind` without addresses.
    #[must_use]
    pub const fn new(kind: PresenceType) -> Self {
        Self { id: None, from: None, to: None, kind, payloads: Vec::new() }
    }

    /// The priority; 0 when absent or unreadable.
    #[must_use]
    pub fn priority(&self) -> i8 {
        let stated = self.payloads.iter().find(|payload| payload.is(ns::CLIENT, "priority"));
        stated.and_then(|priority| priority.text().trim().parse().ok()).unwrap_or(0)
    }

    /// The error of a presence of type `error`.
    #[must_use]
    pub fn error(&self) -> Option<StanzaError> {
        let error = self.payloads.iter().find(|payload| payload.is(ns::CLIENT, "error"));
        error.and_then(|error| StanzaError::from_element(error).ok())
    }

    /// Reads `<presence/>`.
    ///
    /// # Errors
    /// When it is another element, its type is unknown, or an address is malformed.
    pub fn from_element(element: Element) -> Result<Self, StanzaParseError> {
        if !element.is(ns::CLIENT, "presence") {
            return Err(StanzaParseError::Unexpected { expected: "presence" });
        }
        let Addresses { id, from, to } = Addresses::read(&element)?;
        let kind = match element.attr("type") {
            None => Some(PresenceType::Available),
            stated @ Some(_) => PresenceType::TYPED.into_iter().find(|known| known.name() == stated),
        };
        let Some(kind) = kind else { return Err(StanzaParseError::Bad { problem: "unknown type of presence" }) };
        Ok(Self { id, from, to, kind, payloads: element.into_children().collect() })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let element = stanza("presence", self.kind.name(), self.id.as_deref(), self.from.as_ref(), self.to.as_ref());
        element.with_children(self.payloads.iter().cloned())
    }
}
