//! XEP-0077: in-band registration. A name that is taken is answered with the stanza error `conflict`.

use std::fmt;

use super::expect;
use crate::{Element, FieldError, ns};

/// The stream feature.
#[must_use]
pub fn feature() -> Element {
    Element::new(ns::REGISTER_FEATURE, "register")
}

/// Whether `features` offer it.
#[must_use]
pub fn is_offered(features: &Element) -> bool {
    features.has_child(ns::REGISTER_FEATURE, "register")
}

/// The payload of the question for the form.
#[must_use]
pub fn form_request() -> Element {
    Element::new(ns::REGISTER, "query")
}

/// The answer to the question for the form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// What to tell the user.
    pub instructions: Option<String>,
    /// The name under which the asker is registered already.
    pub registered: Option<String>,
}

impl Form {
    /// Reads the form.
    ///
    /// # Errors
    /// When it is another element.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::REGISTER, "query")?;
        let is_registered = element.has_child(ns::REGISTER, "registered");
        let username = element.child_text(ns::REGISTER, "username");
        let registered = is_registered.then(|| username.unwrap_or_default());
        Ok(Self { instructions: element.child_text(ns::REGISTER, "instructions"), registered })
    }

    /// The element: fields for name and password, which an empty child asks for.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let field = |name: &'static str| Element::new(ns::REGISTER, name);
        let instructions = self.instructions.as_ref().map(|text| field("instructions").with_text(text));
        form_request()
            .with_opt_child(self.registered.is_some().then(|| field("registered")))
            .with_opt_child(instructions)
            .with_child(field("username").with_text(self.registered.as_deref().unwrap_or_default()))
            .with_child(field("password"))
    }
}

/// The payload of an IQ of type `set`. Its debug form hides the password.
#[derive(Clone, PartialEq, Eq)]
pub enum Submission {
    /// A new account; from a logged-in client under its own name: a new password.
    Account {
        /// The name, not yet prepared.
        username: String,
        /// The password, not yet prepared.
        password: String,
    },
    /// A logged-in client removes its account.
    Remove,
}

impl Submission {
    /// Reads the payload.
    ///
    /// # Errors
    /// Names the field that is missing or empty; answered with `not-acceptable` (XEP-0077 §3.1).
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::REGISTER, "query")?;
        if element.has_child(ns::REGISTER, "remove") {
            return Ok(Self::Remove);
        }
        let text = |field| {
            let text = element.child_text(ns::REGISTER, field);
            text.filter(|text| !text.is_empty()).ok_or(FieldError::Missing { element: "query", field })
        };
        Ok(Self::Account { username: text("username")?, password: text("password")? })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        match self {
            Self::Account { username, password } => {
                form_request().with_text_child("username", username).with_text_child("password", password)
            }
            Self::Remove => form_request().with_child(Element::new(ns::REGISTER, "remove")),
        }
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { username, .. } => {
                f.debug_struct("Account").field("username", username).finish_non_exhaustive()
            }
            Self::Remove => f.write_str("Remove"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Submission, feature, form_request};
    use crate::FieldError;

    #[test]
    fn elements_have_known_bytes_and_read_back() {
        insta::assert_snapshot!(feature(), @"<register xmlns='http://jabber.org/features/iq-register'/>");
        let form = Form { instructions: Some("Choose".to_owned()), registered: None };
        insta::assert_snapshot!(form.to_element(), @"<query xmlns='jabber:iq:register'><instructions>Choose</instructions><username/><password/></query>");
        assert_eq!(Form::from_element(&form.to_element()), Ok(form));
        let registered = Form { instructions: None, registered: Some("alice".to_owned()) };
        insta::assert_snapshot!(registered.to_element(), @"<query xmlns='jabber:iq:register'><registered/><username>alice</username><password/></query>");
        assert_eq!(Form::from_element(&registered.to_element()), Ok(registered));
        let account = Submission::Account { username: "alice".to_owned(), password: "secret".to_owned() };
        insta::assert_snapshot!(account.to_element(), @"<query xmlns='jabber:iq:register'><username>alice</username><password>secret</password></query>");
        assert_eq!(Submission::from_element(&account.to_element()), Ok(account.clone()));
        assert!(!format!("{account:?}").contains("secret"));
        insta::assert_snapshot!(Submission::Remove.to_element(), @"<query xmlns='jabber:iq:register'><remove/></query>");
        assert_eq!(Submission::from_element(&Submission::Remove.to_element()), Ok(Submission::Remove));
    }

    #[test]
    fn missing_fields_are_named() {
        let missing = |field| Err(FieldError::Missing { element: "query", field });
        assert_eq!(Submission::from_element(&form_request()), missing("username"));
        let nameless = form_request().with_text_child("username", "alice").with_text_child("password", "");
        assert_eq!(Submission::from_element(&nameless), missing("password"));
    }
}
