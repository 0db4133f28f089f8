//! PLAIN (RFC 4616): a name and a password, inside TLS only.

use std::fmt;

use super::SaslCondition;

/// The one message of PLAIN. Its debug form hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain {
    /// The identity to act as; absent means the one that the name stands for.
    pub authzid: Option<String>,
    /// The name.
    pub authcid: String,
    /// The password.
    pub password: String,
}

impl Plain {
    /// A name and password.
    #[must_use]
    pub fn new(authcid: impl Into<String>, password: impl Into<String>) -> Self {
        Self { authzid: None, authcid: authcid.into(), password: password.into() }
    }

    /// Reads `[authzid] NUL authcid NUL passwd`.
    ///
    /// # Errors
    /// `malformed-request` when it is not UTF-8, not in three parts, or without name or password.
    pub fn parse(data: &[u8]) -> Result<Self, SaslCondition> {
        let text = std::str::from_utf8(data).map_err(|_| SaslCondition::MalformedRequest)?;
        let mut parts = text.split('\0');
        let (Some(authzid), Some(authcid), Some(password), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SaslCondition::MalformedRequest);
        };
        if authcid.is_empty() || password.is_empty() {
            return Err(SaslCondition::MalformedRequest);
        }
        let authzid = (!authzid.is_empty()).then(|| authzid.to_owned());
        Ok(Self { authzid, authcid: authcid.to_owned(), password: password.to_owned() })
    }

    /// The message.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let authzid = self.authzid.as_deref().unwrap_or_default();
        format!("{authzid}\0{}\0{}", self.authcid, self.password).into_bytes()
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain").field("authzid", &self.authzid).field("authcid", &self.authcid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Plain;

    #[test]
    fn reads_what_it_writes() {
        for authzid in [None, Some("alice@example.com".to_owned())] {
            let plain = Plain { authzid, ..Plain::new("alice", "sécret") };
            assert_eq!(Plain::parse(&plain.to_bytes()), Ok(plain.clone()));
            assert!(!format!("{plain:?}").contains("sécret"));
        }
        assert_eq!(Plain::new("tim", "tanstaaftanstaaf").to_bytes(), b"\0tim\0tanstaaftanstaaf");
    }

    #[test]
    fn refuses_other_shapes() {
        let wrong: [&[u8]; 8] =
            [b"", b"alice", b"alice\0secret", b"\0\0secret", b"\0alice\0", b"\0a\0b\0c", b"\0a\0\xff", b"\0a\0b\0"];
        for data in wrong {
            assert!(Plain::parse(data).is_err(), "{data:?}");
        }
    }
}
