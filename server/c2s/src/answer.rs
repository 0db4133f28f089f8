//! What the driver answers to a stream's questions.

use longwire_protocol::DateTime;
use longwire_protocol::jid::FullJid;
use longwire_protocol::push;
use longwire_protocol::sasl::scram;

/// The answer to the question that the stream waits for.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The account's verifier; none when there is no such account.
    Verifier(Option<Verifier>),
    /// The tokens that may be used, at most two.
    Tokens {
        /// The tokens that the device may hold for the mechanism asked.
        tokens: Vec<Token>,
        /// Whether the account is disabled.
        is_disabled: bool,
    },
    /// Whether the password is the account's.
    Password(PasswordCheck),
    /// The id of the app key, or why it admits nobody.
    AppKey(Result<String, AppKeyRefusal>),
    /// The account was made, or why not.
    Registered(Result<(), RegisterRefusal>),
    /// The login was followed; a new FAST token, if there is one.
    Followed(Option<IssuedToken>),
    /// The session exists; from now on the stream is bound.
    Bound(Box<Session>),
    /// No session.
    BindRefused(BindRefusal),
    /// The question cannot be answered now, or too many were asked.
    Unavailable {
        /// Seconds after which another attempt is welcome.
        retry_after_s: u32,
    },
}

/// The verifier of an account's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// The verifier.
    pub verifier: scram::Verifier,
    /// A disabled account cannot log in.
    pub is_disabled: bool,
}

/// A FAST token (XEP-0484).
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Its issue number.
    pub issue: u64,
    /// Its text, as the device was given it.
    pub secret: String,
    /// Whether it is refused for its age.
    pub is_expired: bool,
}

/// Shows no secret.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("issue", &self.issue).finish_non_exhaustive()
    }
}

/// What a password is to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// Its password.
    Right,
    /// Not its password, or there is no such account.
    Wrong,
    /// Its password, but the account is disabled.
    Disabled,
}

/// Why an app key admits nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppKeyRefusal {
    /// It is not one of this server.
    Invalid,
    /// It was revoked.
    Revoked,
    /// Nobody may register.
    NotAllowed,
    /// Too many registrations.
    Limited {
        /// Seconds after which another attempt is welcome.
        retry_after_s: u32,
    },
}

/// Why no account was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterRefusal {
    /// The name is taken.
    Conflict,
    /// The name or password cannot be used.
    NotAcceptable,
    /// Registration is closed for this client.
    NotAllowed,
    /// Only who shows an app key may register.
    KeyNeeded,
    /// The app key was revoked since it was shown.
    KeyRevoked,
    /// Too many registrations.
    Limited {
        /// Seconds after which another attempt is welcome.
        retry_after_s: u32,
    },
}

/// A session that was made.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its address.
    pub jid: FullJid,
    /// The effective cursors; exactly when the request was one of the push extension.
    pub push: Option<push::Bound>,
    /// A new FAST token.
    pub token: Option<IssuedToken>,
}

/// A FAST token to hand out.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// Its text.
    pub secret: String,
    /// From this instant on it is refused.
    pub expires_at: DateTime,
}

/// Shows no secret.
impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Why no session was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindRefusal {
    /// The account has as many sessions or devices as it may.
    ResourceConstraint,
    /// The request itself cannot be granted.
    NotAllowed,
    /// The account was removed meanwhile.
    NotAuthorized,
    /// The account was disabled meanwhile.
    AccountDisabled,
}
