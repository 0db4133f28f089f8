//! Why an element is not what it should be.

/// An element that cannot be read as the type asked for; names the part at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Another element was expected.
    #[error("expected <{expected}/>")]
    Unexpected {
        /// The element that should have been there.
        expected: &'static str,
    },
    /// An attribute or child is missing.
    #[error("<{element}/> lacks {field:?}")]
    Missing {
        /// The element.
        element: &'static str,
        /// The attribute or child.
        field: &'static str,
    },
    /// An attribute or child has a value that it cannot have.
    #[error("<{element}/> has an invalid {field:?}")]
    Invalid {
        /// The element.
        element: &'static str,
        /// The attribute or child.
        field: &'static str,
    },
}

impl FieldError {
    /// The attribute or child at fault, if one was named.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Unexpected { .. } => None,
            Self::Missing { field, .. } | Self::Invalid { field, .. } => Some(field),
        }
    }
}
