//! `<retry/>`: a pause asked for inside stream, SASL and stanza errors.

use super::field;
use crate::{Element, FieldError, ns};

/// An error's wish that the other side waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The pause in seconds.
    pub after_s: u32,
}

impl Retry {
    /// Reads `<retry after='30'/>`.
    ///
    /// # Errors
    /// When it is another element, or `after` is missing or not a number of seconds.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        field::expect(element, "retry")?;
        let seconds = field::required_number(element, "retry", "after")?;
        let after_s = u32::try_from(seconds).map_err(|_| FieldError::Invalid { element: "retry", field: "after" })?;
        Ok(Self { after_s })
    }

    /// The readable `<retry/>` among the children of an error.
    #[must_use]
    pub fn find_in(error: &Element) -> Option<Self> {
        error.child(ns::PUSH, "retry").and_then(|retry| Self::from_element(retry).ok())
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(ns::PUSH, "retry").with_attr("after", self.after_s)
    }
}
