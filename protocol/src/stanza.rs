//! The three stanzas (RFC 6120 §8), typed, and their errors.

mod condition;
mod error;
mod iq;
mod message;
mod presence;

pub use condition::Condition;
pub use error::{ErrorType, StanzaError};
pub use iq::{Iq, IqType};
pub use message::{Message, MessageType};
pub use presence::{Presence, PresenceType};

use crate::{Element, Jid, ns};

/// Attributes that every stanza has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) id: Option<String>,
    pub(crate) from: Option<Jid>,
    pub(crate) to: Option<Jid>,
}

/// Why an element is not a stanza, and what to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StanzaParseError {
    /// Not the stanza that was asked for.
    #[error("not <{expected}/>")]
    Unexpected {
        /// The stanza's name.
        expected: &'static str,
    },
    /// `to` or `from` is not a JID.
    #[error("malformed address in {field:?}")]
    MalformedJid {
        /// The attribute.
        field: &'static str,
    },
    /// The stanza breaks a rule of its kind.
    #[error("bad stanza: {problem}")]
    Bad {
        /// The rule.
        problem: &'static str,
    },
}

impl StanzaParseError {
    /// The stanza error to answer with (RFC 6120 §8.3.3).
    #[must_use]
    pub fn answer(&self) -> StanzaError {
        let condition = match self {
            Self::Unexpected { .. } | Self::Bad { .. } => Condition::BadRequest,
            Self::MalformedJid { .. } => Condition::JidMalformed,
        };
        StanzaError::new(condition).with_text(self.to_string())
    }
}

/// Whether `element` is one of the three stanzas of a client stream.
#[must_use]
pub fn is_stanza(element: &Element) -> bool {
    element.ns() == ns::CLIENT && matches!(element.name(), "iq" | "message" | "presence")
}

/// The error answer to any stanza, addressed back; none when the stanza may not be answered with an error (RFC 6120 §8.3.1:
/// errors and results are not).
#[must_use]
pub fn error_answer(stanza: &Element, error: &StanzaError) -> Option<Element> {
    if !is_stanza(stanza) || matches!(stanza.attr("type"), Some("error" | "result")) {
        return None;
    }
    let name = stanza.name().to_owned();
    let answer = Element::new(ns::CLIENT, name)
        .with_attr("type", "error")
        .with_opt_attr("id", stanza.attr("id"))
        .with_opt_attr("to", stanza.attr("from").filter(|from| Jid::new(from).is_ok()))
        .with_opt_attr("from", stanza.attr("to").filter(|to| Jid::new(to).is_ok()));
    Some(answer.with_child(error.to_element()))
}

impl Addresses {
    pub(crate) fn read(element: &Element) -> Result<Self, StanzaParseError> {
        let (from, to) = (Self::jid(element, "from")?, Self::jid(element, "to")?);
        Ok(Self { id: element.attr("id").map(str::to_owned), from, to })
    }

    fn jid(element: &Element, field: &'static str) -> Result<Option<Jid>, StanzaParseError> {
        element.attr(field).map(Jid::new).transpose().map_err(|_| StanzaParseError::MalformedJid { field })
    }
}

fn stanza(
    name: &'static str,
    kind: Option<&'static str>,
    id: Option<&str>,
    from: Option<&Jid>,
    to: Option<&Jid>,
) -> Element {
    Element::new(ns::CLIENT, name)
        .with_opt_attr("type", kind)
        .with_opt_attr("id", id)
        .with_opt_attr("from", from)
        .with_opt_attr("to", to)
}

#[cfg(test)]
mod tests;
