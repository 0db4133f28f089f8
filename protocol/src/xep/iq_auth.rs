//! XEP-0078: non-SASL authentication, for original androidpn clients only.

use std::fmt;

use super::{expect, local_text};
use crate::{Element, FieldError, ns};

/// The stream feature.
#[must_use]
pub fn feature() -> Element {
    Element::new("http://jabber.org/features/iq-auth", "auth")
}

/// The answer to the question which fields are wanted of `username`: the same whether or not there is such an account.
#[must_use]
pub fn form(username: &str) -> Element {
    let field = |name: &'static str| Element::new(ns::IQ_AUTH, name);
    query(username).with_child(field("password")).with_child(field("digest")).with_child(field("resource"))
}

/// What is told back of a request: never what proves it.
#[must_use]
pub fn query(username: &str) -> Element {
    Element::new(ns::IQ_AUTH, "query").with_text_child("username", username)
}

/// A request to log in, as it was sent: what is missing is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The name, not yet prepared.
    pub username: Option<String>,
    /// The resource, not yet prepared.
    pub resource: Option<String>,
    /// What proves the account; the digest where there are both.
    pub proof: Option<Proof>,
}

/// What proves an account. Its debug form hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// SHA-1 of stream id and password, as hexadecimal digits.
    Digest(String),
    /// The password.
    Password(String),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digest(_) => "Digest",
            Self::Password(_) => "Password",
        })
    }
}

impl Request {
    /// Reads the payload of an IQ of either type.
    ///
    /// # Errors
    /// When it is another element.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::IQ_AUTH, "query")?;
        let digest = local_text(element, "digest").map(Proof::Digest);
        let password = local_text(element, "password").map(Proof::Password);
        let (username, resource) = (local_text(element, "username"), local_text(element, "resource"));
        Ok(Self { username, resource, proof: digest.or(password) })
    }
}

#[cfg(test)]
mod tests {
    use super::{Proof, Request, feature, form};
    use crate::{Element, FieldError, ns};

    #[test]
    fn elements_have_known_bytes() {
        insta::assert_snapshot!(feature(), @"<auth xmlns='http://jabber.org/features/iq-auth'/>");
        insta::assert_snapshot!(form("bob"), @"<query xmlns='jabber:iq:auth'><username>bob</username><password/><digest/><resource/></query>");
    }

    #[test]
    fn a_request_is_read_with_what_it_has() {
        let query = Element::new(ns::IQ_AUTH, "query").with_text_child("username", "bob");
        let read = Request::from_element(&query).expect("a request");
        assert_eq!((read.username.as_deref(), read.resource, read.proof), (Some("bob"), None, None));
        let query =
            query.with_text_child("password", "p").with_text_child("resource", "").with_text_child("digest", "d");
        let read = Request::from_element(&query).expect("a request");
        assert_eq!((read.proof, read.resource), (Some(Proof::Digest("d".to_owned())), None));
        assert!(!format!("{:?}", Proof::Password("secret".to_owned())).contains("secret"));
        let other = Request::from_element(&Element::new(ns::REGISTER, "query"));
        assert_eq!(other, Err(FieldError::Unexpected { expected: "query" }));
    }
}
