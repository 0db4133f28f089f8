//! Acknowledgements: the device's `<ack/>` and the server's `<cursor/>`.

use super::{Lane, SeqSet, field};
use crate::{Element, FieldError, ns};

const ACK: &str = "ack";
const CURSOR: &str = "cursor";

/// `<ack/>`: the device has durably stored everything addressed to it up to here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// The position in the normal lane, if it moved.
    pub normal: Option<u64>,
    /// The position in the background lane, if it moved.
    pub background: Option<u64>,
    /// What was stored of (recorded, effective] of the normal lane; in the first `<ack/>` after a login only.
    pub stored: Option<SeqSet>,
    /// The same of the background lane.
    pub stored_background: Option<SeqSet>,
}

impl Ack {
    /// Reads `<ack/>`.
    ///
    /// # Errors
    /// Names the attribute that is unreadable, or `normal` when there is neither position nor list.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        field::expect(element, ACK)?;
        let ack = Self {
            normal: field::number(element, ACK, "normal")?,
            background: field::number(element, ACK, "background")?,
            stored: field::optional(element, ACK, "stored")?,
            stored_background: field::optional(element, ACK, "stored-background")?,
        };
        if ack == Self::default() { Err(FieldError::Missing { element: ACK, field: "normal" }) } else { Ok(ack) }
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(ns::PUSH, ACK)
            .with_opt_attr("normal", self.normal)
            .with_opt_attr("background", self.background)
            .with_opt_attr("stored", self.stored.as_ref())
            .with_opt_attr("stored-background", self.stored_background.as_ref())
    }
}

/// `<cursor/>`: nothing else up to here is for the device; it stores and acknowledges the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorMoved {
    /// The lane.
    pub lane: Lane,
    /// The new position.
    pub seq: u64,
}

impl CursorMoved {
    /// Reads `<cursor/>`, which names one lane.
    ///
    /// # Errors
    /// Names the attribute that is missing, unreadable or one too many.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        field::expect(element, CURSOR)?;
        let normal = field::number(element, CURSOR, "normal")?;
        let background = field::number(element, CURSOR, "background")?;
        match (normal, background) {
            (Some(seq), None) => Ok(Self { lane: Lane::Normal, seq }),
            (None, Some(seq)) => Ok(Self { lane: Lane::Background, seq }),
            (None, None) => Err(FieldError::Missing { element: CURSOR, field: "normal" }),
            (Some(_), Some(_)) => Err(FieldError::Invalid { element: CURSOR, field: "background" }),
        }
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(ns::PUSH, CURSOR).with_attr(self.lane.as_str(), self.seq)
    }
}
