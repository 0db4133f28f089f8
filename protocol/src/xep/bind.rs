//! RFC 6120 §7: resource binding.

use super::expect;
use crate::jid::FullJid;
use crate::{Element, FieldError, ns};

/// The stream feature.
#[must_use]
pub fn feature() -> Element {
    Element::new(ns::BIND, "bind")
}

/// The payload of the client's IQ; without `resource` the server chooses.
#[must_use]
pub fn request(resource: Option<&str>) -> Element {
    let resource = resource.map(|name| Element::new(ns::BIND, "resource").with_text(name));
    feature().with_opt_child(resource)
}

/// Reads the client's IQ: the resource that it wishes, not yet prepared. An empty one is none.
///
/// # Errors
/// When it is another element.
pub fn read_request(element: &Element) -> Result<Option<String>, FieldError> {
    expect(element, ns::BIND, "bind")?;
    Ok(element.child_text(ns::BIND, "resource").filter(|resource| !resource.is_empty()))
}

/// The payload of the server's result.
#[must_use]
pub fn result(jid: &FullJid) -> Element {
    feature().with_text_child("jid", jid.to_string())
}

/// Reads the server's result.
///
/// # Errors
/// When it is another element or holds no full JID.
pub fn read_result(element: &Element) -> Result<FullJid, FieldError> {
    expect(element, ns::BIND, "bind")?;
    let text = element.child_text(ns::BIND, "jid").ok_or(FieldError::Missing { element: "bind", field: "jid" })?;
    FullJid::new(&text).map_err(|_| FieldError::Invalid { element: "bind", field: "jid" })
}
