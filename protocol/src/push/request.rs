//! What a device asks for: its user, and topics and tags where the app allows it. Payloads of IQs of a push session.

use std::fmt;

use super::field;
use crate::stanza::{Iq, IqType};
use crate::{Element, FieldError, ns};

const USER: &str = "user";
const JOIN: &str = "join";
const LEAVE: &str = "leave";
const MEMBERSHIPS: &str = "memberships";
const KEY: &str = "key";

/// A token with which the app's back-end says whose device this is (a JWT). Its debug form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct UserToken(pub String);

impl fmt::Debug for UserToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UserToken").finish_non_exhaustive()
    }
}

/// What a device may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Bind the device to the user whom the token names; the answer is a [`super::UserChanged`].
    Login(UserToken),
    /// Unbind it.
    Logout,
    /// Join a topic or tag: `topic:a/b`, `tag:beta`.
    Join(String),
    /// Leave one.
    Leave(String),
    /// Tell the keys under which the device is reached; the answer is a [`Memberships`].
    Memberships,
}

impl Request {
    /// Reads the payload of an IQ; none when it is not one of these requests.
    ///
    /// # Errors
    /// Names the attribute that is missing or empty.
    pub fn from_iq(iq: &Iq) -> Result<Option<Self>, FieldError> {
        match &iq.kind {
            IqType::Set(payload) if payload.is(ns::PUSH, USER) => {
                let token = field::optional_text(payload, USER, "token")?;
                Ok(Some(token.map_or(Self::Logout, |token| Self::Login(UserToken(token)))))
            }
            IqType::Set(payload) if payload.is(ns::PUSH, JOIN) => Ok(Some(Self::Join(read_key(payload, JOIN)?))),
            IqType::Set(payload) if payload.is(ns::PUSH, LEAVE) => Ok(Some(Self::Leave(read_key(payload, LEAVE)?))),
            IqType::Get(payload) if payload.is(ns::PUSH, MEMBERSHIPS) => Ok(Some(Self::Memberships)),
            IqType::Get(_) | IqType::Set(_) | IqType::Result(_) | IqType::Error(_) => Ok(None),
        }
    }

    /// The IQ.
    #[must_use]
    pub fn to_iq(&self, id: impl Into<String>) -> Iq {
        let element = |name| Element::new(ns::PUSH, name);
        match self {
            Self::Login(token) => Iq::set(id, element(USER).with_attr("token", &token.0)),
            Self::Logout => Iq::set(id, element(USER)),
            Self::Join(key) => Iq::set(id, element(JOIN).with_attr("key", key)),
            Self::Leave(key) => Iq::set(id, element(LEAVE).with_attr("key", key)),
            Self::Memberships => Iq::get(id, element(MEMBERSHIPS)),
        }
    }
}

/// The keys under which a device is reached: its user, its topics and tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memberships(pub Vec<String>);

impl Memberships {
    /// Reads `<memberships/>`.
    ///
    /// # Errors
    /// When it is another element, or a `<key/>` has no name.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        field::expect(element, MEMBERSHIPS)?;
        let keys = element.children().filter(|child| child.is(ns::PUSH, KEY));
        keys.map(|key| read_text(key, KEY, "name")).collect::<Result<_, _>>().map(Self)
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let keys = self.0.iter().map(|name| Element::new(ns::PUSH, KEY).with_attr("name", name));
        Element::new(ns::PUSH, MEMBERSHIPS).with_children(keys)
    }
}

fn read_key(element: &Element, kind: &'static str) -> Result<String, FieldError> {
    read_text(element, kind, "key")
}

fn read_text(element: &Element, kind: &'static str, name: &'static str) -> Result<String, FieldError> {
    field::optional_text(element, kind, name)?.ok_or(FieldError::Missing { element: kind, field: name })
}
