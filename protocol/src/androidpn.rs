//! What original androidpn clients and the clients of its forks read and say beyond XMPP.

use std::fmt;

use crate::xep::local_text;
use crate::{Element, ns};

/// The push.
pub const NOTIFICATION: &str = "androidpn:iq:notification";
/// The receipt of some forks.
pub const CONFIRM: &str = "androidpn:iq:deliverconfirm";
/// The alias of some forks.
pub const ALIAS: &str = "androidpn:iq:setalias";
/// The tags of some forks.
pub const TAGS: &str = "androidpn:iq:settags";

/// A push as these clients read it: five children that hold text alone, in this order, and none of them missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Push {
    /// What the client shows its app as the notification's id, and confirms.
    pub id: String,
    /// The key of the server, which clients pass on and compare with nothing.
    pub api_key: String,
    /// The title.
    pub title: String,
    /// The text below it.
    pub message: String,
    /// What a tap opens.
    pub uri: String,
    /// The address of a picture, for the forks that show one.
    pub image_url: Option<String>,
}

impl Push {
    /// The IQ, addressed to a session.
    #[must_use]
    pub fn to_iq(&self, to: impl ToString) -> Element {
        let notification = Element::new(NOTIFICATION, "notification")
            .with_text_child("id", &self.id)
            .with_text_child("apiKey", &self.api_key)
            .with_text_child("title", &self.title)
            .with_text_child("message", &self.message)
            .with_text_child("uri", &self.uri);
        let notification = match &self.image_url {
            Some(image_url) => notification.with_text_child("imageUrl", image_url),
            None => notification,
        };
        Element::new(ns::CLIENT, "iq")
            .with_attr("type", "set")
            .with_attr("id", &self.id)
            .with_attr("to", to)
            .with_child(notification)
    }
}

/// What a client of a fork tells; none of it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It has the notification of this id.
    Confirm(String),
    /// An account wants this alias.
    Alias {
        /// The account that the client names.
        username: Option<String>,
        /// The alias; blank when it wants none any more.
        alias: String,
    },
    /// An account wants these tags.
    Tags {
        /// The account that the client names.
        username: Option<String>,
        /// The tags; none when it wants none any more.
        tags: Vec<String>,
    },
}

impl Report {
    /// Reads the payload of an IQ, by its namespace: forks differ in the names of elements.
    ///
    /// # Errors
    /// [`Unusable`] when it is a report without what it should say.
    pub fn read(payload: &Element) -> Option<Result<Self, Unusable>> {
        let username = || local_text(payload, "username");
        // What is empty takes back what was said before, what is missing says nothing.
        let said = |name| payload.children().find(|child| child.name() == name).map(Element::text);
        let own_text = || Some(payload.text().trim().to_owned()).filter(|text| !text.is_empty());
        let report = match payload.ns() {
            CONFIRM => {
                ["uuid", "id"].iter().find_map(|name| local_text(payload, name)).or_else(own_text).map(Self::Confirm)
            }
            ALIAS => said("alias").map(|alias| Self::Alias { username: username(), alias }),
            TAGS => said("tags").map(|tags| {
                let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned);
                Self::Tags { username: username(), tags: tags.collect() }
            }),
            _ => return None,
        };
        Some(report.ok_or(Unusable))
    }
}

/// A report that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a report that says nothing")]
pub struct Unusable;

/// A registration as these clients send it; what is missing or blank is none. Its debug form hides the password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Registration {
    /// The name, not yet prepared.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// A mail address.
    pub email: Option<String>,
    /// A person's name.
    pub full_name: Option<String>,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Registration {
    /// Reads the query of `jabber:iq:register`.
    #[must_use]
    pub fn read(query: &Element) -> Self {
        let filled = |name| local_text(query, name).filter(|text| !text.trim().is_empty());
        Self {
            username: filled("username"),
            password: filled("password"),
            email: filled("email"),
            full_name: filled("name"),
        }
    }

    /// Whether the client has made the name up, as original clients do: a UUID without its dashes.
    #[must_use]
    pub fn is_generated(&self) -> bool {
        let name = self.username.as_deref().unwrap_or_default();
        name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }

    /// The form that the original server shows.
    #[must_use]
    pub fn form() -> Element {
        let fields = ["username", "password", "email", "name"].map(|name| Element::new(ns::REGISTER, name));
        Element::new(ns::REGISTER, "query").with_children(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::{ALIAS, CONFIRM, Push, Registration, Report, TAGS, Unusable};
    use crate::{Element, ns};

    #[test]
    fn a_push_has_five_children_in_order_and_perhaps_a_picture() {
        let push = Push { id: "i".to_owned(), title: "a&b\u{1}".to_owned(), ..Push::default() };
        insta::assert_snapshot!(push.to_iq("u@d/r"), @"<iq xmlns='jabber:client' type='set' id='i' to='u@d/r'><notification xmlns='androidpn:iq:notification'><id>i</id><apiKey/><title>a&amp;b\u{fffd}</title><message/><uri/></notification></iq>");
        let push = Push { image_url: Some("http://h/p.png".to_owned()), uri: "tel:1".to_owned(), ..push };
        assert!(
            push.to_iq("u@d/r")
                .to_string()
                .ends_with("<uri>tel:1</uri><imageUrl>http://h/p.png</imageUrl></notification></iq>")
        );
    }

    #[test]
    fn reports_are_read_in_their_spellings() {
        let confirm = Report::Confirm("u1".to_owned());
        for name in ["deliverconfirm", "notification"] {
            let payload = Element::new(CONFIRM, name).with_text_child("uuid", "u1");
            assert_eq!(Report::read(&payload), Some(Ok(confirm.clone())), "{name}");
        }
        assert_eq!(Report::read(&Element::new(CONFIRM, "deliverconfirm")), Some(Err(Unusable)));
        let alias = Element::new(ALIAS, "setalias").with_text_child("username", "u").with_text_child("alias", "A");
        let read = Report::Alias { username: Some("u".to_owned()), alias: "A".to_owned() };
        assert_eq!(Report::read(&alias), Some(Ok(read)));
        let tags = Element::new(TAGS, "settags").with_text_child("tags", " a,b ,,c");
        let read = Report::Tags { username: None, tags: ["a", "b", "c"].map(str::to_owned).to_vec() };
        assert_eq!(Report::read(&tags), Some(Ok(read)));
        assert_eq!(Report::read(&Element::new(ns::PING, "ping")), None);
    }

    #[test]
    fn an_empty_report_takes_back_and_one_without_its_element_says_nothing() {
        let none = Report::Alias { username: None, alias: String::new() };
        let alias = Element::new(ALIAS, "setalias");
        assert_eq!(Report::read(&alias), Some(Err(Unusable)));
        assert_eq!(Report::read(&alias.with_child(Element::new(ALIAS, "alias"))), Some(Ok(none)));
        let tags = Element::new(TAGS, "settags");
        assert_eq!(Report::read(&tags), Some(Err(Unusable)));
        for text in ["", " , "] {
            let tags = tags.clone().with_text_child("tags", text);
            assert_eq!(Report::read(&tags), Some(Ok(Report::Tags { username: None, tags: Vec::new() })), "{text:?}");
        }
    }

    #[test]
    fn a_registration_hides_its_password_and_knows_blanks() {
        let query = Registration::form();
        assert_eq!(Registration::read(&query), Registration::default());
        let query =
            Element::new(ns::REGISTER, "query").with_text_child("password", "secret").with_text_child("username", " ");
        let read = Registration::read(&query);
        assert_eq!((read.password.as_deref(), read.username.as_deref()), (Some("secret"), None));
        assert!(!format!("{read:?}").contains("secret"));
    }
}
