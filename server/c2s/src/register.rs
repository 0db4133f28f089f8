//! In-band registration (XEP-0077) before login, and the app key shown before it (XEP-0445).

use longwire_protocol::jid::NodePart;
use longwire_protocol::stanza::{Condition, StanzaError};
use longwire_protocol::xep::preauth;
use longwire_protocol::xep::register::{Form, Submission};
use longwire_protocol::{Element, ns};

use crate::{AppKey, AppKeyRefusal, RegisterRefusal, Registration};

/// The longest password taken, in bytes.
const PASSWORD_BYTES_MAX: usize = 1024;
/// The longest app key taken, in bytes.
const APP_KEY_BYTES_MAX: usize = 256;

/// What a client asks for before login.
pub(crate) enum BeforeLogin {
    /// Answer with this form.
    Form(Element),
    /// Ask the driver whether this key is good.
    CheckAppKey(AppKey),
    /// Ask the driver for this account.
    Register { account: NodePart, password: String },
    /// Answer with this error.
    Refused(StanzaError),
    /// As [`Self::Refused`], for an app key that cannot be one.
    KeyRefused(StanzaError),
}

/// The app key that a stream was shown and that was found good.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    pub(crate) id: String,
    /// Whether its check still stands for the next registration, where an address may make so many.
    pub(crate) is_fresh: bool,
}

/// Whether an IQ holds what this file reads.
pub(crate) fn is_asked(iq: &Element) -> bool {
    iq.has_child(ns::REGISTER, "query") || iq.has_child(ns::PREAUTH, "preauth")
}

/// Reads a request of a client that has not logged in; `is_admitted` when it has shown a good app key.
pub(crate) fn before_login(request: &Element, is_set: bool, who: Registration, is_admitted: bool) -> BeforeLogin {
    if who == Registration::Closed {
        return BeforeLogin::Refused(StanzaError::new(Condition::NotAllowed).with_text("registration is closed"));
    }
    if request.ns() == ns::PREAUTH {
        return app_key(request, is_set);
    }
    let is_locked = who == Registration::AppKey && !is_admitted;
    if !is_set {
        let instructions = if is_locked { KEY_NEEDED } else { "Choose a user name and a password." };
        return BeforeLogin::Form(Form { instructions: Some(instructions.to_owned()), registered: None }.to_element());
    }
    let not_acceptable = || BeforeLogin::Refused(refusal(RegisterRefusal::NotAcceptable));
    match Submission::from_element(request) {
        Ok(_) | Err(_) if is_locked => BeforeLogin::Refused(refusal(RegisterRefusal::KeyNeeded)),
        Ok(Submission::Account { username, password }) if password.len() <= PASSWORD_BYTES_MAX => {
            let Ok(account) = NodePart::new(&username) else { return not_acceptable() };
            BeforeLogin::Register { account: account.into_owned(), password }
        }
        Ok(Submission::Account { .. }) | Err(_) => not_acceptable(),
        Ok(Submission::Remove) => BeforeLogin::Refused(Condition::UnexpectedRequest.into()),
    }
}

fn app_key(request: &Element, is_set: bool) -> BeforeLogin {
    let bad = |why: &str| BeforeLogin::Refused(StanzaError::new(Condition::BadRequest).with_text(why));
    if !is_set {
        return bad("an app key is shown by an IQ of type set");
    }
    match preauth::read_request(request) {
        Ok(key) if key.trim().is_empty() => bad("the token is empty"),
        Ok(key) if key.len() > APP_KEY_BYTES_MAX => BeforeLogin::KeyRefused(key_refusal(AppKeyRefusal::Invalid)),
        Ok(key) => BeforeLogin::CheckAppKey(AppKey(key)),
        Err(error) => bad(&error.to_string()),
    }
}

/// What a client reads that shows no app key where one is needed.
const KEY_NEEDED: &str = "This server registers apps that show an app key first (XEP-0445): ask its operator for one.";

/// What a client reads whose name or password is not taken.
const NOT_ACCEPTABLE: &str =
    "the name cannot be an account's, or the password is empty, has more than 1023 bytes or control characters";

/// The stanza error of a refused registration.
pub(crate) fn refusal(refusal: RegisterRefusal) -> StanzaError {
    match refusal {
        RegisterRefusal::Conflict => Condition::Conflict.into(),
        RegisterRefusal::NotAcceptable => StanzaError::new(Condition::NotAcceptable).with_text(NOT_ACCEPTABLE),
        RegisterRefusal::NotAllowed => StanzaError::new(Condition::NotAllowed).with_text("registration is closed"),
        RegisterRefusal::KeyNeeded => StanzaError::new(Condition::NotAuthorized).with_text(KEY_NEEDED),
        RegisterRefusal::KeyRevoked => key_refusal(AppKeyRefusal::Revoked),
        RegisterRefusal::Limited { retry_after_s } => {
            StanzaError::new(Condition::ResourceConstraint).with_retry(retry_after_s)
        }
    }
}

/// The stanza error of a refused app key (XEP-0445 §4).
pub(crate) fn key_refusal(refusal: AppKeyRefusal) -> StanzaError {
    match refusal {
        AppKeyRefusal::Invalid => {
            StanzaError::new(Condition::ItemNotFound).with_text("The provided token is unknown or revoked")
        }
        AppKeyRefusal::Revoked => StanzaError::new(Condition::ItemNotFound).with_text("The provided token was revoked"),
        AppKeyRefusal::NotAllowed => StanzaError::new(Condition::NotAllowed).with_text("registration is closed"),
        AppKeyRefusal::Limited { retry_after_s } => {
            StanzaError::new(Condition::ResourceConstraint).with_retry(retry_after_s)
        }
    }
}
