//! XEP-0484: FAST tokens, inside SASL2.

use std::fmt;

use super::{expect, flag, texts};
use crate::{DateTime, Element, FieldError, ns};

/// The feature inside `<authentication><inline/>`; TLS 0-RTT is never offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feature {
    /// The mechanisms for which tokens are given.
    pub mechanisms: Vec<String>,
}

impl Feature {
    /// Reads the feature.
    ///
    /// # Errors
    /// When it is another element.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::FAST, "fast")?;
        Ok(Self { mechanisms: texts(element, "mechanism") })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let element = Element::new(ns::FAST, "fast");
        self.mechanisms.iter().fold(element, |element, mechanism| element.with_text_child("mechanism", mechanism))
    }
}

/// `<request-token/>` in `<authenticate/>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestToken {
    /// The mechanism that the token is to be for.
    pub mechanism: String,
}

impl RequestToken {
    /// Reads the request.
    ///
    /// # Errors
    /// When it is another element or names no mechanism.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::FAST, "request-token")?;
        let mechanism =
            element.attr("mechanism").ok_or(FieldError::Missing { element: "request-token", field: "mechanism" })?;
        Ok(Self { mechanism: mechanism.to_owned() })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(ns::FAST, "request-token").with_attr("mechanism", &self.mechanism)
    }
}

/// `<token/>` in `<success/>`. Its debug form hides the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The token; its bytes as written are the key of the mechanism.
    pub token: String,
    /// When it ends to be valid.
    pub expiry: DateTime,
}

impl Token {
    /// Reads the token.
    ///
    /// # Errors
    /// Names the attribute that is missing or unreadable.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::FAST, "token")?;
        let attr = |field| element.attr(field).ok_or(FieldError::Missing { element: "token", field });
        let expiry = attr("expiry")?.parse().map_err(|_| FieldError::Invalid { element: "token", field: "expiry" })?;
        let token = attr("token")?;
        if token.is_empty() {
            return Err(FieldError::Invalid { element: "token", field: "token" });
        }
        Ok(Self { token: token.to_owned(), expiry })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(ns::FAST, "token").with_attr("expiry", self.expiry).with_attr("token", &self.token)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expiry", &self.expiry).finish_non_exhaustive()
    }
}

/// `<fast/>` in `<authenticate/>`: the login is by a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fast {
    /// The number of this use of the token.
    pub count: Option<u64>,
    /// Whether the token ends with this login.
    pub is_invalidating: bool,
}

impl Fast {
    /// Reads `<fast/>` of a client.
    ///
    /// # Errors
    /// Names the attribute that is unreadable.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::FAST, "fast")?;
        let count = element.attr("count").map(str::parse).transpose();
        let count = count.map_err(|_| FieldError::Invalid { element: "fast", field: "count" })?;
        Ok(Self { count, is_invalidating: flag(element, "fast", "invalidate")? })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(ns::FAST, "fast")
            .with_opt_attr("count", self.count)
            .with_opt_attr("invalidate", self.is_invalidating.then_some("true"))
    }
}
