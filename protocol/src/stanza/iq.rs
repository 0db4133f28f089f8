//! `<iq/>` (RFC 6120 §8.2.3).

use super::{Addresses, StanzaError, StanzaParseError, stanza};
use crate::{Element, Jid, ns};

/// An IQ; its id is never missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iq {
    /// The id that pairs request and answer.
    pub id: String,
    /// The sender.
    pub from: Option<Jid>,
    /// The recipient.
    pub to: Option<Jid>,
    /// What it is, with its payload.
    pub kind: IqType,
}

/// The four types of an IQ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IqType {
    /// A question.
    Get(Element),
    /// A request for a change.
    Set(Element),
    /// The answer, which may be empty.
    Result(Option<Element>),
    /// The refusal.
    Error(StanzaError),
}

impl Iq {
    /// A question without addresses.
    #[must_use]
    pub fn get(id: impl Into<String>, payload: Element) -> Self {
        Self { id: id.into(), from: None, to: None, kind: IqType::Get(payload) }
    }

    /// A request for a change, without addresses.
    #[must_use]
    pub fn set(id: impl Into<String>, payload: Element) -> Self {
        Self { id: id.into(), from: None, to: None, kind: IqType::Set(payload) }
    }

    /// Sets the sender.
    #[must_use]
    pub fn with_from(mut self, from: Jid) -> Self {
        self.from = Some(from);
        self
    }

    /// Sets the recipient.
    #[must_use]
    pub fn with_to(mut self, to: Jid) -> Self {
        self.to = Some(to);
        self
    }

    /// The payload of a request, by whose namespace it finds its handler.
    #[must_use]
    pub const fn request(&self) -> Option<&Element> {
        match &self.kind {
            IqType::Get(payload) | IqType::Set(payload) => Some(payload),
            IqType::Result(_) | IqType::Error(_) => None,
        }
    }

    /// Whether this is a request, which must be answered.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        self.request().is_some()
    }

    /// The result of this request, addressed back.
    #[must_use]
    pub fn result_for(&self, payload: Option<Element>) -> Self {
        self.answer(IqType::Result(payload))
    }

    /// The refusal of this request, addressed back.
    #[must_use]
    pub fn error_for(&self, error: impl Into<StanzaError>) -> Self {
        self.answer(IqType::Error(error.into()))
    }

    fn answer(&self, kind: IqType) -> Self {
        Self { id: self.id.clone(), from: self.to.clone(), to: self.from.clone(), kind }
    }

    /// Reads `<iq/>`.
    ///
    /// # Errors
    /// When the id, the type or the one payload of a request is missing, or an address is malformed.
    pub fn from_element(element: Element) -> Result<Self, StanzaParseError> {
        if !element.is(ns::CLIENT, "iq") {
            return Err(StanzaParseError::Unexpected { expected: "iq" });
        }
        let Addresses { id, from, to } = Addresses::read(&element)?;
        let Some(id) = id.filter(|id| !id.is_empty()) else { return Err(bad("an IQ has an id")) };
        let kind = read_kind(element)?;
        Ok(Self { id, from, to, kind })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let (name, payload) = match &self.kind {
            IqType::Get(payload) => ("get", Some(payload.clone())),
            IqType::Set(payload) => ("set", Some(payload.clone())),
            IqType::Result(payload) => ("result", payload.clone()),
            IqType::Error(error) => ("error", Some(error.to_element())),
        };
        stanza("iq", Some(name), Some(&self.id), self.from.as_ref(), self.to.as_ref()).with_opt_child(payload)
    }
}

fn read_kind(element: Element) -> Result<IqType, StanzaParseError> {
    let kind = element.attr("type").map(str::to_owned);
    match kind.as_deref() {
        Some("get") => only_child(element).map(IqType::Get),
        Some("set") => only_child(element).map(IqType::Set),
        Some("result") => Ok(IqType::Result(element.into_children().next())),
        Some("error") => {
            let error = element.child(ns::CLIENT, "error").map(StanzaError::from_element);
            let Some(Ok(error)) = error else { return Err(bad("an IQ of type error holds an error")) };
            Ok(IqType::Error(error))
        }
        Some(_) | None => Err(bad("the type of an IQ is get, set, result or error")),
    }
}

fn only_child(element: Element) -> Result<Element, StanzaParseError> {
    let mut children = element.into_children();
    match (children.next(), children.next()) {
        (Some(payload), None) => Ok(payload),
        (None, _) | (Some(_), Some(_)) => Err(bad("an IQ request holds exactly one payload")),
    }
}

const fn bad(problem: &'static str) -> StanzaParseError {
    StanzaParseError::Bad { problem }
}
