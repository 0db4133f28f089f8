//! Conditions of stream errors.

/// A condition of a stream error (RFC 6120 §4.9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamCondition {
    /// XML that cannot be processed.
    BadFormat,
    /// A namespace prefix that is not allowed or not declared.
    BadNamespacePrefix,
    /// Another stream took this one's place.
    Conflict,
    /// The other side was silent for too long.
    ConnectionTimeout,
    /// The domain is served here no more.
    HostGone,
    /// The domain is not served here.
    HostUnknown,
    /// An address is missing or malformed.
    ImproperAddressing,
    /// The server cannot go on.
    InternalServerError,
    /// `from` is not the address of this stream.
    InvalidFrom,
    /// The stream or content namespace is not the one of this protocol.
    InvalidNamespace,
    /// XML that a validating parser refuses.
    InvalidXml,
    /// Data before the stream was authenticated.
    NotAuthorized,
    /// Not well-formed XML, or not XML at all.
    NotWellFormed,
    /// A limit or rule of this server was broken.
    PolicyViolation,
    /// A needed remote entity cannot be reached.
    RemoteConnectionFailed,
    /// The stream must be opened anew.
    Reset,
    /// The server lacks the means to go on.
    ResourceConstraint,
    /// A comment, processing instruction, DTD or entity reference.
    RestrictedXml,
    /// Another host serves this stream.
    SeeOtherHost,
    /// The server is going down.
    SystemShutdown,
    /// None of the others.
    UndefinedCondition,
    /// Another encoding than UTF-8.
    UnsupportedEncoding,
    /// A mandatory feature that the other side lacks.
    UnsupportedFeature,
    /// A first-level element that is not known here.
    UnsupportedStanzaType,
    /// A version of XMPP that is not served here.
    UnsupportedVersion,
}

impl StreamCondition {
    /// Every condition.
    pub const ALL: [Self; 25] = [
        Self::BadFormat,
        Self::BadNamespacePrefix,
        Self::Conflict,
        Self::ConnectionTimeout,
        Self::HostGone,
        Self::HostUnknown,
        Self::ImproperAddressing,
        Self::InternalServerError,
        Self::InvalidFrom,
        Self::InvalidNamespace,
        Self::InvalidXml,
        Self::NotAuthorized,
        Self::NotWellFormed,
        Self::PolicyViolation,
        Self::RemoteConnectionFailed,
        Self::Reset,
        Self::ResourceConstraint,
        Self::RestrictedXml,
        Self::SeeOtherHost,
        Self::SystemShutdown,
        Self::UndefinedCondition,
        Self::UnsupportedEncoding,
        Self::UnsupportedFeature,
        Self::UnsupportedStanzaType,
        Self::UnsupportedVersion,
    ];

    /// The name of its element.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadFormat => "bad-format",
            Self::BadNamespacePrefix => "bad-namespace-prefix",
            Self::Conflict => "conflict",
            Self::ConnectionTimeout => "connection-timeout",
            Self::HostGone => "host-gone",
            Self::HostUnknown => "host-unknown",
            Self::ImproperAddressing => "improper-addressing",
            Self::InternalServerError => "internal-server-error",
            Self::InvalidFrom => "invalid-from",
            Self::InvalidNamespace => "invalid-namespace",
            Self::InvalidXml => "invalid-xml",
            Self::NotAuthorized => "not-authorized",
            Self::NotWellFormed => "not-well-formed",
            Self::PolicyViolation => "policy-violation",
            Self::RemoteConnectionFailed => "remote-connection-failed",
            Self::Reset => "reset",
            Self::ResourceConstraint => "resource-constraint",
            Self::RestrictedXml => "restricted-xml",
            Self::SeeOtherHost => "see-other-host",
            Self::SystemShutdown => "system-shutdown",
            Self::UndefinedCondition => "undefined-condition",
            Self::UnsupportedEncoding => "unsupported-encoding",
            Self::UnsupportedFeature => "unsupported-feature",
            Self::UnsupportedStanzaType => "unsupported-stanza-type",
            Self::UnsupportedVersion => "unsupported-version",
        }
    }

    /// The condition whose element is called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::StreamCondition;

    #[test]
    fn names_are_unique_and_read_back() {
        for condition in StreamCondition::ALL {
            assert_eq!(StreamCondition::from_name(condition.name()), Some(condition));
        }
        assert_eq!(StreamCondition::from_name("no-such-condition"), None);
    }
}
