//! RFC 3921 §3: sessions, which mean nothing since RFC 6121 but are asked for by old clients.

use crate::{Element, ns};

/// The stream feature, marked as optional (draft-cridland-xmpp-session).
#[must_use]
pub fn feature() -> Element {
    request().with_child(Element::new(ns::SESSION, "optional"))
}

/// The payload of the client's IQ; the result is empty.
#[must_use]
pub fn request() -> Element {
    Element::new(ns::SESSION, "session")
}

/// Whether `element` is the payload of the client's IQ.
#[must_use]
pub fn is_request(element: &Element) -> bool {
    element.is(ns::SESSION, "session")
}
