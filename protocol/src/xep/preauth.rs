//! XEP-0445: a registration that shows an app key first.

use super::expect;
use crate::{Element, FieldError, ns};

/// The stream feature.
#[must_use]
pub fn feature() -> Element {
    Element::new(ns::IBR_TOKEN, "register")
}

/// Whether `features` offer it.
#[must_use]
pub fn is_offered(features: &Element) -> bool {
    features.has_child(ns::IBR_TOKEN, "register")
}

/// The payload of the client's IQ.
#[must_use]
pub fn request(token: &str) -> Element {
    Element::new(ns::PREAUTH, "preauth").with_attr("token", token)
}

/// Reads the client's IQ: the app key.
///
/// # Errors
/// When it is another element or holds no token.
pub fn read_request(element: &Element) -> Result<String, FieldError> {
    expect(element, ns::PREAUTH, "preauth")?;
    element.attr("token").map(str::to_owned).ok_or(FieldError::Missing { element: "preauth", field: "token" })
}
