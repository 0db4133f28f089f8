//! RFC 6120 §5: STARTTLS.

use crate::{Element, ns};

/// The stream feature; `is_required` when nothing else may be negotiated before it.
#[must_use]
pub fn feature(is_required: bool) -> Element {
    let required = is_required.then(|| Element::new(ns::TLS, "required"));
    request().with_opt_child(required)
}

/// The client's wish to start.
#[must_use]
pub fn request() -> Element {
    Element::new(ns::TLS, "starttls")
}

/// Whether `element` is the client's wish to start.
#[must_use]
pub fn is_request(element: &Element) -> bool {
    element.is(ns::TLS, "starttls")
}

/// Whether `features` offer it.
#[must_use]
pub fn is_offered(features: &Element) -> bool {
    features.has_child(ns::TLS, "starttls")
}

/// The server's consent; the TLS handshake follows its last byte.
#[must_use]
pub fn proceed() -> Element {
    Element::new(ns::TLS, "proceed")
}

/// Whether `element` is the server's consent.
#[must_use]
pub fn is_proceed(element: &Element) -> bool {
    element.is(ns::TLS, "proceed")
}

/// The server's refusal; it closes the stream.
#[must_use]
pub fn failure() -> Element {
    Element::new(ns::TLS, "failure")
}
