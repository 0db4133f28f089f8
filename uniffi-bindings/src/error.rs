//! What can go wrong, with predicates instead of texts to compare.

/// A call that could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum PushError {
    /// The configuration cannot be used.
    #[error("{text}")]
    Config {
        /// What is wrong with it.
        text: String,
    },
    /// The phone's database failed; nothing of the call is stored.
    #[error("{text}")]
    Storage {
        /// Why.
        text: String,
    },
    /// No session with the server came about in time.
    #[error("{text}")]
    Offline {
        /// Where the phone stands instead.
        text: String,
    },
    /// It was refused, by the server or because there is no such notification here.
    #[error("{condition}: {text}")]
    Refused {
        /// The condition, a stable word such as `not-authorized`, `forbidden` or `item-not-found`.
        condition: String,
        /// The sentence for people.
        text: String,
    },
    /// A call of the platform failed.
    #[error("{text}")]
    Platform {
        /// What it said.
        text: String,
    },
    /// The client is stopped, or was while it worked on the call.
    #[error("the client is stopped")]
    Stopped,
    /// A defect of this library.
    #[error("{text}")]
    Internal {
        /// What is known of it.
        text: String,
    },
}

#[uniffi::export]
impl PushError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Storage { .. } | Self::Offline { .. } | Self::Platform { .. } => true,
            Self::Refused { condition, .. } => {
                matches!(condition.as_str(), "resource-constraint" | "internal-server-error" | "remote-server-timeout")
            }
            Self::Config { .. } | Self::Stopped | Self::Internal { .. } => false,
        }
    }

    /// Whether a new user token would mend it.
    #[must_use]
    pub fn requires_login(&self) -> bool {
        matches!(self, Self::Refused { condition, .. } if condition == "not-authorized")
    }

    /// Whether the app's configuration is wrong.
    #[must_use]
    pub const fn is_config(&self) -> bool {
        matches!(self, Self::Config { .. })
    }
}

/// A call of the platform that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum PlatformError {
    /// It says why.
    #[error("{text}")]
    Failed {
        /// The exception's name and message.
        text: String,
    },
}

/// Whatever else a callback throws is an error of the platform too, not a crash.
impl From<uniffi::UnexpectedUniFFICallbackError> for PlatformError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { text: error.reason }
    }
}
