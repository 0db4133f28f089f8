//! In-band registration (XEP-0077) before login.

use longwire_protocol::Element;
use longwire_protocol::jid::NodePart;
use longwire_protocol::stanza::{Condition, StanzaError};
use longwire_protocol::xep::register::{Form, Submission};

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
        let form = Form { instructions: Some("Choose a user name and a password.".to_owned()), registered: None };
        return BeforeLogin::Form(form.to_element());
    }
    match Submission::from_element(query) {
        Ok(Submission::Account { username, password }) if password.len() <= PASSWORD_BYTES_MAX => {
            match NodePart::new(&username) {
                Ok(account) => BeforeLogin::Register { account: account.into_owned(), password },
                Err(_) => BeforeLogin::Refused(Condition::NotAcceptable),
            }
        }
        Ok(Submission::Account { .. }) | Err(_) => BeforeLogin::Refused(Condition::NotAcceptable),
        Ok(Submission::Remove) => BeforeLogin::Refused(Condition::UnexpectedRequest),
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
