//! Stanza errors (RFC 6120 §8.3).

use super::Condition;
use crate::push::Retry;
use crate::{Element, FieldError, ns};

/// What the sender may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// Give credentials.
    Auth,
    /// Give up.
    Cancel,
    /// Go on; a warning.
    Continue,
    /// Change the request.
    Modify,
    /// Try again later.
    Wait,
}

impl ErrorType {
    const ALL: [Self; 5] = [Self::Auth, Self::Cancel, Self::Continue, Self::Modify, Self::Wait];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Cancel => "cancel",
            Self::Continue => "continue",
            Self::Modify => "modify",
            Self::Wait => "wait",
        }
    }
}

/// `<error/>` in a stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    /// What the sender may do.
    pub error_type: ErrorType,
    /// What is wrong.
    pub condition: Condition,
    /// A text for whoever reads the trace.
    pub text: Option<String>,
    /// Seconds after which another attempt is welcome.
    pub retry_after: Option<u32>,
}

impl StanzaError {
    /// An error of the type that usually goes with `condition`.
    #[must_use]
    pub const fn new(condition: Condition) -> Self {
        Self { error_type: condition.usual_type(), condition, text: None, retry_after: None }
    }

    /// Sets the type.
    #[must_use]
    pub const fn with_type(mut self, error_type: ErrorType) -> Self {
        self.error_type = error_type;
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Asks for a pause of `seconds`, which makes the error one to wait for.
    #[must_use]
    pub const fn with_retry(mut self, seconds: u32) -> Self {
        self.error_type = ErrorType::Wait;
        self.retry_after = Some(seconds);
        self
    }

    /// Reads `<error/>`; an unknown condition is `undefined-condition`, an unknown type the usual one.
    ///
    /// # Errors
    /// When it is another element.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        if !element.is(ns::CLIENT, "error") {
            return Err(FieldError::Unexpected { expected: "error" });
        }
        let named = element.children().filter(|child| child.ns() == ns::STANZA_ERRORS && child.name() != "text");
        let condition = named.filter_map(|child| Condition::from_name(child.name())).next();
        let condition = condition.unwrap_or(Condition::UndefinedCondition);
        let stated = element.attr("type");
        let error_type = ErrorType::ALL.into_iter().find(|known| stated == Some(known.as_str()));
        Ok(Self {
            error_type: error_type.unwrap_or(condition.usual_type()),
            condition,
            text: element.child_text(ns::STANZA_ERRORS, "text"),
            retry_after: Retry::find_in(element).map(|retry| retry.after_s),
        })
    }

    /// The element with the code of before XMPP (XEP-0086) as well.
    #[must_use]
    pub fn to_legacy_element(&self) -> Element {
        self.to_element().with_attr("code", self.condition.legacy_code())
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let text =
            self.text.as_ref().map(|text| Element::new(ns::STANZA_ERRORS, "text").with_lang("en").with_text(text));
        Element::new(ns::CLIENT, "error")
            .with_attr("type", self.error_type.as_str())
            .with_child(Element::new(ns::STANZA_ERRORS, self.condition.name()))
            .with_opt_child(text)
            .with_opt_child(self.retry_after.map(|after_s| Retry { after_s }.to_element()))
    }
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> Self {
        Self::new(condition)
    }
}
