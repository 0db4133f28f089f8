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
    /// It could, and the server offers `-PLUS`, but no type of binding that both have. Only a server that signs its offer is believed
    /// then (XEP-0474 §5).
    NoneInCommon,
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
    /// What the server signed as its offer is not what was received: somebody changed it on the way (XEP-0474).
    #[error("the login mechanisms that were offered are not the ones that the server signed")]
    Downgraded,
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
    needs_signed_offer: bool,
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
            ClientBinding::Unsupported | ClientBinding::NoneInCommon => (Gs2Flag::None, &[]),
            ClientBinding::NotOffered => (Gs2Flag::NotOffered, &[]),
            ClientBinding::Exporter(data) => (Gs2Flag::Exporter, data),
        };
        let header = format!("{},,", flag.text());
        let bare = format!("n={},r={nonce}", escape_name(username));
        let first = format!("{header}{bare}").into_bytes();
        let needs_signed_offer = matches!(binding, ClientBinding::NoneInCommon);
        Ok((Self { password, nonce, bare, binding: binding_input(&header, data), needs_signed_offer }, first))
    }

    /// Reads the challenge; gives the final message. Costs as many iterations as the server asks for, within bounds. A server that
    /// signs its offer must have signed `offer_hash`, the [`offer_hash`](super::offer_hash) of what was received; `None` checks nothing.
    ///
    /// # Errors
    /// When the challenge is malformed, its nonce does not extend ours, it signs another offer or its iterations are out of bounds;
    /// nothing has been derived from the password then.
    pub fn handle_challenge(
        self,
        data: &[u8],
        offer_hash: Option<&str>,
    ) -> Result<(ClientFinal, Vec<u8>), ClientError> {
        let text = std::str::from_utf8(data).map_err(|_| ClientError::Malformed)?;
        let mut fields = text.split(',');
        let nonce = value(fields.next(), 'r').ok_or(ClientError::Malformed)?;
        let salt = value(fields.next(), 's').and_then(base64::decode).ok_or(ClientError::Malformed)?;
        let iterations: u64 =
            value(fields.next(), 'i').and_then(|number| number.parse().ok()).ok_or(ClientError::Malformed)?;
        let extensions: Vec<&str> = fields.collect();
        if salt.is_empty() || !extensions.iter().all(|part| is_extension(part)) {
            return Err(ClientError::Malformed);
        }
        let added = nonce.strip_prefix(self.nonce.as_str()).ok_or(ClientError::Nonce)?;
        if !is_nonce(added) {
            return Err(ClientError::Nonce);
        }
        self.check_offer(&extensions, offer_hash)?;
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

    fn check_offer(&self, extensions: &[&str], offer_hash: Option<&str>) -> Result<(), ClientError> {
        let mut signed = extensions.iter().filter_map(|part| value(Some(part), 'h')).peekable();
        let is_missing = self.needs_signed_offer && signed.peek().is_none();
        let is_other = offer_hash.is_some_and(|received| signed.any(|signed| signed != received));
        if is_missing || is_other { Err(ClientError::Downgraded) } else { Ok(()) }
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
