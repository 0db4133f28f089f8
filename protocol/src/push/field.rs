//! Reading of attributes, with errors that name the one at fault.

use std::str::FromStr;

use crate::{Element, FieldError, ns};

pub(super) fn expect(element: &Element, name: &'static str) -> Result<(), FieldError> {
    if element.is(ns::PUSH, name) { Ok(()) } else { Err(FieldError::Unexpected { expected: name }) }
}

pub(super) fn required<T: FromStr>(
    element: &Element,
    name: &'static str,
    field: &'static str,
) -> Result<T, FieldError> {
    optional(element, name, field)?.ok_or(FieldError::Missing { element: name, field })
}

pub(super) fn optional<T: FromStr>(
    element: &Element,
    name: &'static str,
    field: &'static str,
) -> Result<Option<T>, FieldError> {
    let Some(value) = element.attr(field) else { return Ok(None) };
    value.parse().map(Some).map_err(|_| FieldError::Invalid { element: name, field })
}

/// A number as we write it: digits alone, without sign.
pub(super) fn number(element: &Element, name: &'static str, field: &'static str) -> Result<Option<u64>, FieldError> {
    let has_sign = element.attr(field).is_some_and(|value| value.starts_with('+'));
    if has_sign { Err(FieldError::Invalid { element: name, field }) } else { optional(element, name, field) }
}

pub(super) fn required_number(element: &Element, name: &'static str, field: &'static str) -> Result<u64, FieldError> {
    number(element, name, field)?.ok_or(FieldError::Missing { element: name, field })
}

/// Text that must not be empty.
pub(super) fn optional_text(
    element: &Element,
    name: &'static str,
    field: &'static str,
) -> Result<Option<String>, FieldError> {
    match element.attr(field) {
        Some("") => Err(FieldError::Invalid { element: name, field }),
        value => Ok(value.map(str::to_owned)),
    }
}
