//! What happened to a notification on a device: the payload of an IQ, deduplicated by (device, entry, type); each use of an action is
//! one of its own, told apart by action, time and text too.

use std::fmt;
use std::str::FromStr;

use super::{UnknownName, field};
use crate::{DateTime, Element, FieldError, ns};

const EVENT: &str = "event";
const TEXT: &str = "text";
/// The longest text of an event, in bytes.
pub const EVENT_TEXT_BYTES_MAX: usize = 16 * 1024;

/// `<event/>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEvent {
    /// The id of the entry.
    pub entry: String,
    /// What happened.
    pub kind: DeviceEventType,
    /// When, by the server's time as the device knows it.
    pub at: DateTime,
    /// Why, for `rejected`.
    pub reason: Option<String>,
    /// Which action was used, for `action` and for nothing else.
    pub action: Option<String>,
    /// What the user wrote with the action; never empty.
    pub text: Option<String>,
}

/// What may happen to a notification on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceEventType {
    /// It was shown.
    Displayed,
    /// The user opened it.
    Opened,
    /// The user dismissed it.
    Dismissed,
    /// The user used one of its actions.
    Action,
    /// The device could not use it.
    Rejected,
    /// The device's user changed before it was shown: it never will be.
    Left,
    /// It expired on the device before it was shown.
    Expired,
}

impl DeviceEventType {
    /// Every type.
    pub const ALL: [Self; 7] =
        [Self::Displayed, Self::Opened, Self::Dismissed, Self::Action, Self::Rejected, Self::Left, Self::Expired];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Displayed => "displayed",
            Self::Opened => "opened",
            Self::Dismissed => "dismissed",
            Self::Action => "action",
            Self::Rejected => "rejected",
            Self::Left => "left",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for DeviceEventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeviceEventType {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownName)
    }
}

/// Whether `text` is the id of an action: 1 to 64 of `A-Z a-z 0-9 _ . -`.
#[must_use]
pub fn is_action_id(text: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(is_known)
}

impl DeviceEvent {
    /// An event that says no more than its type.
    #[must_use]
    pub fn new(entry: impl Into<String>, kind: DeviceEventType, at: DateTime) -> Self {
        Self { entry: entry.into(), kind, at, reason: None, action: None, text: None }
    }

    /// The use of an action. Of a text beyond [`EVENT_TEXT_BYTES_MAX`] the beginning is kept.
    #[must_use]
    pub fn of_action(entry: impl Into<String>, action: impl Into<String>, text: Option<String>, at: DateTime) -> Self {
        let text = text.filter(|text| !text.is_empty()).map(|mut text| {
            text.truncate(text.floor_char_boundary(EVENT_TEXT_BYTES_MAX));
            text
        });
        Self { action: Some(action.into()), text, ..Self::new(entry, DeviceEventType::Action, at) }
    }

    /// Reads `<event/>`.
    ///
    /// # Errors
    /// Names the attribute that is missing or unreadable, or the text that is too long.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        field::expect(element, EVENT)?;
        let kind = field::required(element, EVENT, "type")?;
        let (action, text) = if kind == DeviceEventType::Action { read_action(element)? } else { (None, None) };
        Ok(Self {
            entry: field::optional_text(element, EVENT, "entry")?
                .ok_or(FieldError::Missing { element: EVENT, field: "entry" })?,
            kind,
            at: field::required(element, EVENT, "at")?,
            reason: field::optional_text(element, EVENT, "reason")?,
            action,
            text,
        })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(ns::PUSH, EVENT)
            .with_attr("entry", &self.entry)
            .with_attr("type", self.kind)
            .with_attr("at", self.at)
            .with_opt_attr("reason", self.reason.as_ref())
            .with_opt_attr("action", self.action.as_ref())
            .with_opt_child(self.text.as_ref().map(|text| Element::new(ns::PUSH, TEXT).with_text(text)))
    }
}

/// The id of the action, and what was written with it.
fn read_action(element: &Element) -> Result<(Option<String>, Option<String>), FieldError> {
    let action = element.attr("action").ok_or(FieldError::Missing { element: EVENT, field: "action" })?;
    if !is_action_id(action) {
        return Err(FieldError::Invalid { element: EVENT, field: "action" });
    }
    let text = element.child_text(ns::PUSH, TEXT).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.len() > EVENT_TEXT_BYTES_MAX) {
        return Err(FieldError::Invalid { element: EVENT, field: TEXT });
    }
    Ok((Some(action.to_owned()), text))
}
