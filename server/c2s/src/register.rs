//! In-band registration (XEP-0077) before login.

use longwire_protocol::jid::NodePart;
use longwire_protocol::stanza::{Condition, StanzaError};
use longwire_protocol::{Element, ns};

use crate::RegisterRefusal;

/// The longest password taken, in bytes.
const PASSWORD_BYTES_MAX: usize = 1024;

/// What a client asks for before login.
pub(crate) enum BeforeLogin {
    /// Answer with this form.
    Form(Element),
    /// Ask the driver.
    Register { account: NodePart, password: String },
    /// Answer with this error.
    Refused(Condition),
}

/// Reads a registration query of a client that has not logged in.
pub(crate) fn before_login(query: &Element, is_set: bool, is_open: bool) -> BeforeLogin {
    if !is_open {
        return BeforeLogin::Refused(Condition::NotAllowed);
    }
    if !is_set {
        return BeforeLogin::Form(form());
    }
    if query.has_child(ns::REGISTER, "remove") {
        return BeforeLogin::Refused(Condition::UnexpectedRequest);
    }
    match (read_account(query), read_password(query)) {
        (Some(account), Some(password)) => BeforeLogin::Register { account, password },
        (None, _) | (_, None) => BeforeLogin::Refused(Condition::NotAcceptable),
    }
}

/// The stanza error of a refused registration.
pub(crate) const fn refusal(refusal: RegisterRefusal) -> StanzaError {
    match refusal {
        RegisterRefusal::Conflict => StanzaError::new(Condition::Conflict),
        RegisterRefusal::NotAcceptable => StanzaError::new(Condition::NotAcceptable),
        RegisterRefusal::NotAllowed => StanzaError::new(Condition::NotAllowed),
        RegisterRefusal::Limited { retry_after_s } => {
            StanzaError::new(Condition::ResourceConstraint).with_retry(retry_after_s)
        }
    }
}

fn form() -> Element {
    Element::new(ns::REGISTER, "query")
        .with_text_child("instructions", "Choose a user name and a password.")
        .with_child(Element::new(ns::REGISTER, "username"))
        .with_child(Element::new(ns::REGISTER, "password"))
}

fn read_account(query: &Element) -> Option<NodePart> {
    let name = query.child_text(ns::REGISTER, "username")?;
    NodePart::new(&name).ok().map(std::borrow::Cow::into_owned)
}

fn read_password(query: &Element) -> Option<String> {
    let password = query.child_text(ns::REGISTER, "password")?;
    (!password.is_empty() && password.len() <= PASSWORD_BYTES_MAX).then_some(password)
}
