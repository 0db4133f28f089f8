//! Preparation of passwords: `SASLprep` (RFC 4013), as SCRAM prescribes.

use std::borrow::Cow;

/// The password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is empty, or nothing is left of it.
    #[error("the password is empty")]
    Empty,
    /// It holds a character that `SASLprep` prohibits.
    #[error("the password holds a prohibited character")]
    Prohibited,
}

/// Prepares a password by `SASLprep`.
///
/// # Errors
/// When it is empty or holds a prohibited character.
pub fn prepare_password(password: &str) -> Result<Cow<'_, str>, PasswordError> {
    let prepared = saslprep(password)?;
    if prepared.is_empty() { Err(PasswordError::Empty) } else { Ok(prepared) }
}

#[cfg(feature = "unicode")]
fn saslprep(password: &str) -> Result<Cow<'_, str>, PasswordError> {
    stringprep::saslprep(password).map_err(|_| PasswordError::Prohibited)
}

/// Of ASCII only what controls is prohibited; a phone makes its own password, of hexadecimal digits.
#[cfg(not(feature = "unicode"))]
fn saslprep(password: &str) -> Result<Cow<'_, str>, PasswordError> {
    let is_known = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if password.bytes().all(is_known) { Ok(Cow::Borrowed(password)) } else { Err(PasswordError::Prohibited) }
}

#[cfg(all(test, feature = "unicode"))]
mod tests {
    use super::{PasswordError, prepare_password};

    /// RFC 4013 §3.
    #[test]
    fn prepares_the_examples_of_rfc_4013() {
        let cases = [("I\u{ad}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{aa}", "a"), ("\u{2168}", "IX")];
        for (password, expected) in cases {
            assert_eq!(prepare_password(password).as_deref(), Ok(expected));
        }
        assert_eq!(prepare_password("\u{7}"), Err(PasswordError::Prohibited));
        assert_eq!(prepare_password("\u{627}1"), Err(PasswordError::Prohibited));
        assert_eq!(prepare_password("\u{ad}"), Err(PasswordError::Empty));
    }
}
