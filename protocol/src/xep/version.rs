//! XEP-0092: software version.

use super::expect;
use crate::{Element, FieldError, ns};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The software.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The operating system, if it is told.
    pub os: Option<String>,
}

/// The payload of the question.
#[must_use]
pub fn request() -> Element {
    Element::new(ns::VERSION, "query")
}

impl Version {
    /// Reads the answer.
    ///
    /// # Errors
    /// Names the child that is missing.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::VERSION, "query")?;
        let text =
            |field| element.child_text(ns::VERSION, field).ok_or(FieldError::Missing { element: "query", field });
        Ok(Self { name: text("name")?, version: text("version")?, os: element.child_text(ns::VERSION, "os") })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let os = self.os.as_ref().map(|os| Element::new(ns::VERSION, "os").with_text(os));
        request().with_text_child("name", &self.name).with_text_child("version", &self.version).with_opt_child(os)
    }
}
