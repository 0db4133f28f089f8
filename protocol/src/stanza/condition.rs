//! Conditions of stanza errors.

use super::ErrorType;

/// A condition of a stanza error (RFC 6120 §8.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The stanza does not follow its schema.
    BadRequest,
    /// Something of that name or address exists already.
    Conflict,
    /// Known but not offered.
    FeatureNotImplemented,
    /// The sender may not do this.
    Forbidden,
    /// The recipient is at this address no more.
    Gone,
    /// The server failed.
    InternalServerError,
    /// There is no such thing.
    ItemNotFound,
    /// An address is malformed.
    JidMalformed,
    /// The request does not meet the recipient's criteria.
    NotAcceptable,
    /// Nobody may do this.
    NotAllowed,
    /// Credentials are missing.
    NotAuthorized,
    /// A limit or rule of this server was broken.
    PolicyViolation,
    /// The recipient is not there for the moment.
    RecipientUnavailable,
    /// The recipient is elsewhere for now.
    Redirect,
    /// The sender must register first.
    RegistrationRequired,
    /// The recipient's server does not exist.
    RemoteServerNotFound,
    /// The recipient's server does not answer.
    RemoteServerTimeout,
    /// The server lacks the means.
    ResourceConstraint,
    /// Not served here.
    ServiceUnavailable,
    /// The sender must subscribe first.
    SubscriptionRequired,
    /// None of the others.
    UndefinedCondition,
    /// Not at this point.
    UnexpectedRequest,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 22] = [
        Self::BadRequest,
        Self::Conflict,
        Self::FeatureNotImplemented,
        Self::Forbidden,
        Self::Gone,
        Self::InternalServerError,
        Self::ItemNotFound,
        Self::JidMalformed,
        Self::NotAcceptable,
        Self::NotAllowed,
        Self::NotAuthorized,
        Self::PolicyViolation,
        Self::RecipientUnavailable,
        Self::Redirect,
        Self::RegistrationRequired,
        Self::RemoteServerNotFound,
        Self::RemoteServerTimeout,
        Self::ResourceConstraint,
        Self::ServiceUnavailable,
        Self::SubscriptionRequired,
        Self::UndefinedCondition,
        Self::UnexpectedRequest,
    ];

    /// The name of its element.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Conflict => "conflict",
            Self::FeatureNotImplemented => "feature-not-implemented",
            Self::Forbidden => "forbidden",
            Self::Gone => "gone",
            Self::InternalServerError => "internal-server-error",
            Self::ItemNotFound => "item-not-found",
            Self::JidMalformed => "jid-malformed",
            Self::NotAcceptable => "not-acceptable",
            Self::NotAllowed => "not-allowed",
            Self::NotAuthorized => "not-authorized",
            Self::PolicyViolation => "policy-violation",
            Self::RecipientUnavailable => "recipient-unavailable",
            Self::Redirect => "redirect",
            Self::RegistrationRequired => "registration-required",
            Self::RemoteServerNotFound => "remote-server-not-found",
            Self::RemoteServerTimeout => "remote-server-timeout",
            Self::ResourceConstraint => "resource-constraint",
            Self::ServiceUnavailable => "service-unavailable",
            Self::SubscriptionRequired => "subscription-required",
            Self::UndefinedCondition => "undefined-condition",
            Self::UnexpectedRequest => "unexpected-request",
        }
    }

    /// The condition whose element is called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.name() == name)
    }

    /// The code that goes with it in the errors of before XMPP (XEP-0086): what original androidpn clients look for.
    #[must_use]
    pub const fn legacy_code(self) -> u16 {
        match self {
            Self::Gone | Self::Redirect => 302,
            Self::BadRequest | Self::JidMalformed | Self::UnexpectedRequest => 400,
            Self::NotAuthorized => 401,
            Self::Forbidden => 403,
            Self::ItemNotFound | Self::RecipientUnavailable | Self::RemoteServerNotFound => 404,
            Self::NotAllowed | Self::PolicyViolation => 405,
            Self::NotAcceptable => 406,
            Self::RegistrationRequired | Self::SubscriptionRequired => 407,
            Self::Conflict => 409,
            Self::InternalServerError | Self::ResourceConstraint | Self::UndefinedCondition => 500,
            Self::FeatureNotImplemented => 501,
            Self::ServiceUnavailable => 503,
            Self::RemoteServerTimeout => 504,
        }
    }

    /// The error type that RFC 6120 §8.3.3 recommends with the condition.
    #[must_use]
    pub const fn usual_type(self) -> ErrorType {
        match self {
            Self::BadRequest | Self::JidMalformed | Self::NotAcceptable | Self::PolicyViolation | Self::Redirect => {
                ErrorType::Modify
            }
            Self::Forbidden | Self::NotAuthorized | Self::RegistrationRequired | Self::SubscriptionRequired => {
                ErrorType::Auth
            }
            Self::RecipientUnavailable
            | Self::RemoteServerTimeout
            | Self::ResourceConstraint
            | Self::UnexpectedRequest => ErrorType::Wait,
            Self::Conflict
            | Self::FeatureNotImplemented
            | Self::Gone
            | Self::InternalServerError
            | Self::ItemNotFound
            | Self::NotAllowed
            | Self::RemoteServerNotFound
            | Self::ServiceUnavailable
            | Self::UndefinedCondition => ErrorType::Cancel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Condition;

    #[test]
    fn names_are_unique_and_read_back() {
        for condition in Condition::ALL {
            assert_eq!(Condition::from_name(condition.name()), Some(condition));
        }
        assert_eq!(Condition::from_name("no-such-condition"), None);
    }

    #[test]
    fn only_a_missing_login_has_the_code_that_costs_an_account() {
        let costly = Condition::ALL.into_iter().filter(|condition| condition.legacy_code() == 401);
        assert_eq!(costly.collect::<Vec<_>>(), [Condition::NotAuthorized]);
    }
}
