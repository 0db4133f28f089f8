//! XEP-0199: XMPP ping.

use crate::{Element, ns};

/// The payload of the IQ; the result is empty.
#[must_use]
pub fn request() -> Element {
    Element::new(ns::PING, "ping")
}

/// Whether `element` is the payload of the IQ.
#[must_use]
pub fn is_request(element: &Element) -> bool {
    element.is(ns::PING, "ping")
}
