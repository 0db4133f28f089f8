//! XEP-0440: which channel bindings the server has.

use crate::{Element, ns};

/// The stream feature.
#[must_use]
pub fn feature(types: &[&str]) -> Element {
    let bindings = types.iter().map(|name| Element::new(ns::SASL_CB, "channel-binding").with_attr("type", name));
    Element::new(ns::SASL_CB, "sasl-channel-binding").with_children(bindings)
}

/// Whether `features` offer the channel binding `name`.
#[must_use]
pub fn is_offered(features: &Element, name: &str) -> bool {
    let offer = features.child(ns::SASL_CB, "sasl-channel-binding");
    offer.is_some_and(|offer| offer.children().any(|child| child.attr("type") == Some(name)))
}
