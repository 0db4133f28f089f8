//! XEP-0335: JSON containers.

use crate::{Element, ns};

/// `<json/>` around `text`.
#[must_use]
pub fn element(text: &str) -> Element {
    Element::new(ns::JSON, "json").with_text(text)
}

/// The text of the `<json/>` in `parent`.
#[must_use]
pub fn find_in(parent: &Element) -> Option<String> {
    parent.child_text(ns::JSON, "json")
}
