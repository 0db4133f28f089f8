//! Extensions and negotiations, one file per specification.

pub mod bind;
pub mod bind2;
pub mod disco;
pub mod fast;
pub mod iq_auth;
pub mod json;
pub mod ping;
pub mod preauth;
pub mod register;
pub mod sasl;
pub mod sasl2;
pub mod sasl_cb;
pub mod session;
pub mod starttls;
pub mod version;

use crate::{Element, FieldError};

/// The texts of the children `name` that share their parent's namespace.
fn texts(parent: &Element, name: &str) -> Vec<String> {
    parent.children().filter(|child| child.is(parent.ns(), name)).map(Element::text).collect()
}

/// The text of the first child called `name`, in whatever namespace; none when it is empty.
pub(crate) fn local_text(parent: &Element, name: &str) -> Option<String> {
    parent.children().find(|child| child.name() == name).map(Element::text).filter(|text| !text.is_empty())
}

fn expect(element: &Element, ns: &str, name: &'static str) -> Result<(), FieldError> {
    if element.is(ns, name) { Ok(()) } else { Err(FieldError::Unexpected { expected: name }) }
}

/// Reads an XML Schema boolean; absent means no.
fn flag(element: &Element, name: &'static str, field: &'static str) -> Result<bool, FieldError> {
    match element.attr(field) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(FieldError::Invalid { element: name, field }),
    }
}

#[cfg(test)]
mod tests;
