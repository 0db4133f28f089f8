//! What happened to a notification on a device: the payload of an IQ, deduplicated by (device, entry, type).

use std::fmt;
use std::str::FromStr;

use super::{UnknownName, field};
use crate::{DateTime, Element, FieldError, ns};

const EVENT: &str = "event";

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
    /// The device could not use it.
    Rejected,
    /// The device's user changed before it was shown: it never will be.
    Left,
    /// It expired on the device before it was shown.
    Expired,
}

impl DeviceEventType {
    /// Every type.
    pub const ALL: [Self; 6] =
        [Self::Displayed, Self::Opened, Self::Dismissed, Self::Rejected, Self::Left, Self::Expired];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Displayed => "displayed",
            Self::Opened => "opened",
            Self::Dismissed => "dismissed",
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

impl DeviceEvent {
    /// Reads `<event/>`.
    ///
    /// # Errors
    /// Names the attribute that is missing or unreadable.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        field::expect(element, EVENT)?;
        Ok(Self {
            entry: field::optional_text(element, EVENT, "entry")?
                .ok_or(FieldError::Missing { element: EVENT, field: "entry" })?,
            kind: field::required(element, EVENT, "type")?,
            at: field::required(element, EVENT, "at")?,
            reason: field::optional_text(element, EVENT, "reason")?,
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
    }
}
