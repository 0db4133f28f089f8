//! The client's side of SCRAM.

use std::fmt;

use subtle::ConstantTimeEq as _;

use super::message::{Gs2Flag, binding_input, escape_name, is_extension, is_nonce, value};
use super::verifier::{Keys, hmac, xor};
use super::{ITERATIONS_MAX, ITERATIONS_MIN};
use crate::sasl::{PasswordError, base64, prepare_password};

/// What the client can do about channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientBinding {
    /// Nothing.
    Unsupported,
    /// It could, but the server does not offer `-PLUS`.
    NotOffered,
    /// `-PLUS`; the data that this connection exports (RFC 9266).
    Exporter([u8; 32]),
}

/// Why a client ends the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The server's message breaks the grammar.
    #[error("malformed message from the server")]
    Malformed,
    /// The server answered with a nonce that does not extend ours.
    #[error("the server's nonce does not extend the client's")]
    Nonce,
    /// The number of iterations is too small to protect the password or too large to compute.
    #[error("the server asks for {0} iterations")]
    Iterations(u64),
    /// The server reports an error of its own.
    #[error("the server reports an error")]
    Refused,
    /// The server does not know the password: it is not the one that it claims to be.
    #[error("the server could not prove that it knows the password")]
    Impostor,
}

/// A client that has sent its first message. Its debug form hides the password.
pub struct Client {
    password: String,
    nonce: String,
    bare: String,
    binding: String,
}

impl Client {
    /// Starts with the first message. `nonce` is random, printable ASCII without comma, of at least 18 characters.
    ///
    /// # Errors
    /// When the password cannot be prepared.
    pub fn new(
        username: &str,
        password: &str,
        nonce: impl Into<String>,
        binding: ClientBinding,
    ) -> Result<(Self, Vec<u8>), PasswordError> {
        let password = prepare_password(password)?.into_owned();
        let nonce = nonce.into();
        let (flag, data): (Gs2Flag, &[u8]) = match &binding {
            ClientBinding::Unsupported => (Gs2Flag::None, &[]),
            ClientBinding::NotOffered => (Gs2Flag::NotOffered, &[]),
            ClientBinding::Exporter(data) => (Gs2Flag::Exporter, data),
        };
        let header = format!("{},,", flag.text());
        let bare = format!("n={},r={nonce}", escape_name(username));
        let first = format!("{header}{bare}").into_bytes();
        Ok((Self { password, nonce, bare, binding: binding_input(&header, data) }, first))
    }

    /// Reads the challenge; gives the final message. Costs as many iterations as the server asks for, within bounds.
    ///
    /// # Errors
    /// When the challenge is malformed, its nonce does not extend ours or its iterations are out of bounds; nothing has
    /// been derived from the password then.
    pub fn handle_challenge(self, data: &[u8]) -> Result<(ClientFinal, Vec<u8>), ClientError> {
        let text = std::str::from_utf8(data).map_err(|_| ClientError::Malformed)?;
        let mut fields = text.split(',');
        let nonce = value(fields.next(), 'r').ok_or(ClientError::Malformed)?;
        let salt = value(fields.next(), 's').and_then(base64::decode).ok_or(ClientError::Malformed)?;
        let iterations: u64 =
            value(fields.next(), 'i').and_then(|number| number.parse().ok()).ok_or(ClientError::Malformed)?;
        if salt.is_empty() || !fields.all(|part| is_extension(part) && !part.starts_with("m=")) {
            return Err(ClientError::Malformed);
        }
        let added = nonce.strip_prefix(self.nonce.as_str()).ok_or(ClientError::Nonce)?;
        if !is_nonce(added) {
            return Err(ClientError::Nonce);
        }
        let bounded = u32::try_from(iterations).ok().filter(|n| (ITERATIONS_MIN..=ITERATIONS_MAX).contains(n));
        let bounded = bounded.ok_or(ClientError::Iterations(iterations))?;

        let keys = Keys::derive(self.password.as_bytes(), &salt, bounded);
        let without_proof = format!("c={},r={nonce}", self.binding);
        let auth_message = format!("{},{text},{without_proof}", self.bare);
        let proof = xor(keys.client_key, hmac(&keys.stored_key, auth_message.as_bytes()));
        let signature = hmac(&keys.server_key, auth_message.as_bytes());
        let response = format!("{without_proof},p={}", base64::encode(&proof)).into_bytes();
        Ok((ClientFinal { signature }, response))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// A client that waits for the server's proof. Its debug form hides the signature.
pub struct ClientFinal {
    signature: [u8; 32],
}

impl ClientFinal {
    /// Checks the data that came with success; without it a login has not succeeded.
    ///
    /// # Errors
    /// When the server reports an error or cannot prove that it knows the password.
    pub fn verify(self, data: &[u8]) -> Result<(), ClientError> {
        let text = std::str::from_utf8(data).map_err(|_| ClientError::Malformed)?;
        if text.starts_with("e=") {
            return Err(ClientError::Refused);
        }
        let signature = value(text.split(',').next(), 'v').and_then(base64::decode).ok_or(ClientError::Malformed)?;
        let is_server: bool = self.signature.ct_eq(signature.as_slice()).into();
        if is_server { Ok(()) } else { Err(ClientError::Impostor) }
    }
}

impl fmt::Debug for ClientFinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientFinal").finish_non_exhaustive()
    }
}
