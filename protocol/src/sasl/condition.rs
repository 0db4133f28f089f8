//! Why SASL fails (RFC 6120 §6.5), and the failure that says so.

use crate::push::Retry;
use crate::{Element, FieldError, ns};

/// A condition of a SASL failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaslCondition {
    /// The client gave up.
    Aborted,
    /// The account may not log in for the moment.
    AccountDisabled,
    /// The credentials were valid once.
    CredentialsExpired,
    /// The mechanism needs TLS.
    EncryptionRequired,
    /// Not canonical Base64.
    IncorrectEncoding,
    /// The authorization identity is not one that this client may take.
    InvalidAuthzid,
    /// The mechanism is not offered.
    InvalidMechanism,
    /// The data breaks the syntax of the mechanism.
    MalformedRequest,
    /// The mechanism is weaker than the account demands.
    MechanismTooWeak,
    /// The credentials are wrong.
    NotAuthorized,
    /// The server could not decide.
    TemporaryAuthFailure,
}

impl SaslCondition {
    /// Every condition.
    pub const ALL: [Self; 11] = [
        Self::Aborted,
        Self::AccountDisabled,
        Self::CredentialsExpired,
        Self::EncryptionRequired,
        Self::IncorrectEncoding,
        Self::InvalidAuthzid,
        Self::InvalidMechanism,
        Self::MalformedRequest,
        Self::MechanismTooWeak,
        Self::NotAuthorized,
        Self::TemporaryAuthFailure,
    ];

    /// The name of its element.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::AccountDisabled => "account-disabled",
            Self::CredentialsExpired => "credentials-expired",
            Self::EncryptionRequired => "encryption-required",
            Self::IncorrectEncoding => "incorrect-encoding",
            Self::InvalidAuthzid => "invalid-authzid",
            Self::InvalidMechanism => "invalid-mechanism",
            Self::MalformedRequest => "malformed-request",
            Self::MechanismTooWeak => "mechanism-too-weak",
            Self::NotAuthorized => "not-authorized",
            Self::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }

    /// The condition whose element is called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.name() == name)
    }
}

/// The application-specific condition beside `not-authorized`: credentials are not what was refused.
const OF_BINDING: &str = "channel-binding-mismatch";

/// `<failure/>`, of SASL or SASL2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub condition: SaslCondition,
    /// A text for whoever reads the trace.
    pub text: Option<String>,
    /// Seconds after which another attempt is welcome.
    pub retry_after: Option<u32>,
    /// Whether it was the channel binding that was refused, and not the credentials.
    pub is_of_binding: bool,
}

impl Failure {
    /// A failure without text.
    #[must_use]
    pub const fn new(condition: SaslCondition) -> Self {
        Self { condition, text: None, retry_after: None, is_of_binding: false }
    }

    /// The channel binding is refused, in the words of RFC 5802 §7: no proof that a password is wrong.
    #[must_use]
    pub fn of_binding(text: &str) -> Self {
        Self { is_of_binding: true, ..Self::new(SaslCondition::NotAuthorized).with_text(text) }
    }

    /// Adds a text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Asks for a pause of `seconds`.
    #[must_use]
    pub const fn with_retry(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Reads `<failure/>` of SASL or SASL2; an unknown condition counts as a temporary failure,
    /// so that it costs no account.
    ///
    /// # Errors
    /// When it is another element.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        let is_sasl = element.ns() == ns::SASL || element.ns() == ns::SASL2;
        if !is_sasl || element.name() != "failure" {
            return Err(FieldError::Unexpected { expected: "failure" });
        }
        let condition = element.children().find_map(|child| {
            let is_named = child.ns() == ns::SASL && child.name() != "text";
            is_named.then(|| SaslCondition::from_name(child.name())).flatten()
        });
        let text = element.child_text(element.ns(), "text").or_else(|| element.child_text(ns::SASL, "text"));
        Ok(Self {
            condition: condition.unwrap_or(SaslCondition::TemporaryAuthFailure),
            text,
            retry_after: Retry::find_in(element).map(|retry| retry.after_s),
            is_of_binding: element.has_child(ns::PUSH, OF_BINDING),
        })
    }

    /// The element of classic SASL (RFC 6120 §6.4.5).
    #[must_use]
    pub fn to_sasl(&self) -> Element {
        self.to_element(ns::SASL)
    }

    /// The element of SASL2 (XEP-0388 §2.6.2).
    #[must_use]
    pub fn to_sasl2(&self) -> Element {
        self.to_element(ns::SASL2)
    }

    fn to_element(&self, ns: &'static str) -> Element {
        let text = self.text.as_ref().map(|text| Element::new(ns, "text").with_lang("en").with_text(text));
        Element::new(ns, "failure")
            .with_child(Element::new(ns::SASL, self.condition.name()))
            .with_opt_child(text)
            .with_opt_child(self.is_of_binding.then(|| Element::new(ns::PUSH, OF_BINDING)))
            .with_opt_child(self.retry_after.map(|after_s| Retry { after_s }.to_element()))
    }
}

impl From<SaslCondition> for Failure {
    fn from(condition: SaslCondition) -> Self {
        Self::new(condition)
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, SaslCondition};

    #[test]
    fn failures_read_back_from_both_profiles() {
        for condition in SaslCondition::ALL {
            let failure = Failure::new(condition).with_text("why").with_retry(7);
            assert_eq!(Failure::from_element(&failure.to_sasl()), Ok(failure.clone()));
            assert_eq!(Failure::from_element(&failure.to_sasl2()), Ok(failure));
        }
        let failure = Failure::of_binding("channel-bindings-dont-match");
        assert_eq!(Failure::from_element(&failure.to_sasl2()), Ok(failure));
    }

    #[test]
    fn failure_bytes() {
        let failure = Failure::new(SaslCondition::NotAuthorized).with_retry(30);
        insta::assert_snapshot!(failure.to_sasl(), @"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/><retry xmlns='urn:longwire:push:1' after='30'/></failure>");
        insta::assert_snapshot!(failure.to_sasl2(), @"<failure xmlns='urn:xmpp:sasl:2'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/><retry xmlns='urn:longwire:push:1' after='30'/></failure>");
    }
}
