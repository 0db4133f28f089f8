//! XEP-0440: which channel bindings the server has.

use crate::{Element, ns};

/// The stream feature.
#[must_use]
pub fn feature(types: &[&str]) -> Element {
    let bindings = types.iter().map(|name| Element::new(ns::SASL_CB, "channel-binding").with_attr("type", name));
    Element::new(ns::SASL_CB, "sasl-channel-binding").with_children(bindings)
}

/// The types that `features` announce; `None` when they announce no list of them.
#[must_use]
pub fn types(features: &Element) -> Option<Vec<String>> {
    let offer = features.child(ns::SASL_CB, "sasl-channel-binding")?;
    let types = offer.children().filter(|child| child.is(ns::SASL_CB, "channel-binding"));
    Some(types.filter_map(|child| child.attr("type").map(str::to_owned)).collect())
}
