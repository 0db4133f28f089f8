//! `<message/>` (RFC 6121 §5).

use super::{Addresses, StanzaError, StanzaParseError, stanza};
use crate::{Element, Jid, ns};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: Option<String>,
    /// The sender.
    pub from: Option<Jid>,
    /// The recipient.
    pub to: Option<Jid>,
    /// Its type.
    pub kind: MessageType,
    /// Its `xml:lang`.
    pub lang: Option<String>,
    /// Its children.
    pub payloads: Vec<Element>,
}

/// The types of a message (RFC 6121 §5.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageType {
    /// Part of a conversation.
    Chat,
    /// An error about another message.
    Error,
    /// In a room.
    Groupchat,
    /// An alert to which no reply is expected.
    Headline,
    /// Stands alone; also what an absent or unknown type means.
    #[default]
    Normal,
}

impl MessageType {
    fn read(text: Option<&str>) -> Self {
        match text {
            Some("chat") => Self::Chat,
            Some("error") => Self::Error,
            Some("groupchat") => Self::Groupchat,
            Some("headline") => Self::Headline,
            Some(_) | None => Self::Normal,
        }
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Error => "error",
            Self::Groupchat => "groupchat",
            Self::Headline => "headline",
            Self::Normal => "normal",
        }
    }
}

impl Message {
    /// A message of type `kind` without addresses.
    #[must_use]
    pub const fn new(kind: MessageType) -> Self {
        Self { id: None, from: None, to: None, kind, lang: None, payloads: Vec::new() }
    }

    /// The payload `name` of namespace `ns`.
    #[must_use]
    pub fn payload(&self, ns: &str, name: &str) -> Option<&Element> {
        self.payloads.iter().find(|payload| payload.is(ns, name))
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> Option<String> {
        self.payload(ns::CLIENT, "body").map(Element::text)
    }

    /// The error of a message of type `error`.
    #[must_use]
    pub fn error(&self) -> Option<StanzaError> {
        self.payload(ns::CLIENT, "error").and_then(|error| StanzaError::from_element(error).ok())
    }

    /// Reads `<message/>`.
    ///
    /// # Errors
    /// When it is another element or an address is malformed.
    pub fn from_element(element: Element) -> Result<Self, StanzaParseError> {
        if !element.is(ns::CLIENT, "message") {
            return Err(StanzaParseError::Unexpected { expected: "message" });
        }
        let Addresses { id, from, to } = Addresses::read(&element)?;
        let (kind, lang) = (MessageType::read(element.attr("type")), element.lang().map(str::to_owned));
        Ok(Self { id, from, to, kind, lang, payloads: element.into_children().collect() })
    }

    /// Whom a `<message/>` is for and its type, without the rest of it.
    ///
    /// # Errors
    /// When it is another element or that address is malformed.
    pub fn heading(element: &Element) -> Result<(Option<Jid>, MessageType), StanzaParseError> {
        if !element.is(ns::CLIENT, "message") {
            return Err(StanzaParseError::Unexpected { expected: "message" });
        }
        Ok((Addresses::jid(element, "to")?, MessageType::read(element.attr("type"))))
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let kind = (self.kind != MessageType::Normal).then_some(self.kind.as_str());
        let element = stanza("message", kind, self.id.as_deref(), self.from.as_ref(), self.to.as_ref());
        let element = match &self.lang {
            Some(lang) => element.with_lang(lang),
            None => element,
        };
        element.with_children(self.payloads.iter().cloned())
    }
}
