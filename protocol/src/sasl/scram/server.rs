//! The server's side of SCRAM.

use subtle::ConstantTimeEq as _;

use super::Verifier;
use super::message::{Gs2Flag, binding_input, is_extension, is_nonce, unescape_name, value};
use super::verifier::{hmac, sha256, xor};
use crate::sasl::{Failure, SaslCondition, TLS_EXPORTER, base64};

/// What the connection and the chosen mechanism say about channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerBinding {
    /// No `-PLUS` was offered.
    NotOffered,
    /// `-PLUS` was offered, the client chose the plain mechanism.
    Offered,
    /// `-PLUS` was chosen; the data that this connection exports (RFC 9266).
    Exporter([u8; 32]),
}

/// The client's first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFirst {
    /// The identity to act as, if one is stated.
    pub authzid: Option<String>,
    /// The name, not yet prepared.
    pub username: String,
    nonce: String,
    bare: String,
    /// The expected value of `c=` in the final message.
    binding: String,
}

impl ClientFirst {
    /// Reads the message.
    ///
    /// # Errors
    /// `malformed-request` for bad syntax, `not-authorized` with the mark of a channel binding when what it says of that contradicts
    /// what was offered: somebody took `-PLUS` out of the list on the way.
    pub fn parse(data: &[u8], binding: ServerBinding) -> Result<Self, Failure> {
        let text = std::str::from_utf8(data).map_err(|_| SaslCondition::MalformedRequest)?;
        Self::parse_text(text, binding).ok_or(SaslCondition::MalformedRequest)?
    }

    /// `None` for bad syntax.
    fn parse_text(text: &str, binding: ServerBinding) -> Option<Result<Self, Failure>> {
        let mut parts = text.splitn(3, ',');
        let (flag, authzid, bare) = (parts.next()?, parts.next()?, parts.next()?);
        let stated = match flag {
            "n" => Gs2Flag::None,
            "y" => Gs2Flag::NotOffered,
            _ if value(Some(flag), 'p')? == TLS_EXPORTER => Gs2Flag::Exporter,
            _ => return Some(Err(Failure::of_binding("unsupported-channel-binding-type"))),
        };
        let header = format!("{flag},{authzid},");
        let authzid = if authzid.is_empty() { None } else { Some(unescape_name(value(Some(authzid), 'a')?)?) };
        let mut fields = bare.split(',');
        let username = unescape_name(value(fields.next(), 'n')?)?;
        let nonce = value(fields.next(), 'r').filter(|nonce| is_nonce(nonce))?.to_owned();
        if !fields.all(is_extension) {
            return None;
        }
        let data: &[u8] = match (&binding, stated) {
            (ServerBinding::Exporter(data), Gs2Flag::Exporter) => data,
            (ServerBinding::NotOffered | ServerBinding::Offered, Gs2Flag::None)
            | (ServerBinding::NotOffered, Gs2Flag::NotOffered) => &[],
            (ServerBinding::NotOffered, Gs2Flag::Exporter) => {
                return Some(Err(Failure::of_binding("channel-binding-not-supported")));
            }
            (ServerBinding::Offered, Gs2Flag::NotOffered) => {
                return Some(Err(Failure::of_binding("server-does-support-channel-binding")));
            }
            (ServerBinding::Offered, Gs2Flag::Exporter)
            | (ServerBinding::Exporter(_), Gs2Flag::None | Gs2Flag::NotOffered) => {
                return Some(Err(Failure::of_binding("channel-bindings-dont-match")));
            }
        };
        let binding = binding_input(&header, data);
        Some(Ok(Self { authzid, username, nonce, bare: bare.to_owned(), binding }))
    }

    /// The challenge for the account behind the name; for a name without account, [`Verifier::fake`].
    ///
    /// `server_nonce` is random, printable ASCII without comma, of at least 18 characters; `offer_hash` is the
    /// [`offer_hash`](super::offer_hash) of what was advertised.
    #[must_use]
    pub fn challenge(self, verifier: Verifier, server_nonce: &str, offer_hash: Option<&str>) -> (Challenged, Vec<u8>) {
        let nonce = format!("{}{server_nonce}", self.nonce);
        let mut server_first = format!("r={nonce},s={},i={}", base64::encode(&verifier.salt), verifier.iterations);
        if let Some(hash) = offer_hash {
            server_first.push_str(",h=");
            server_first.push_str(hash);
        }
        let challenge = server_first.clone().into_bytes();
        (
            Challenged { verifier, nonce, signed: format!("{},{server_first}", self.bare), binding: self.binding },
            challenge,
        )
    }
}

/// A server that waits for the client's proof.
#[derive(Clone, Debug)]
pub struct Challenged {
    verifier: Verifier,
    nonce: String,
    signed: String,
    binding: String,
}

impl Challenged {
    /// Reads the client's final message and checks the proof; gives the data of success, which proves the server.
    ///
    /// # Errors
    /// `malformed-request` for bad syntax; `not-authorized` for a wrong proof or another nonce, and with the mark of a channel binding
    /// when the proof is right and only the binding another one.
    pub fn finish(self, data: &[u8]) -> Result<Vec<u8>, Failure> {
        let text = std::str::from_utf8(data).map_err(|_| SaslCondition::MalformedRequest)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(SaslCondition::MalformedRequest)?;
        let proof: Option<[u8; 32]> = base64::decode(proof).and_then(|proof| proof.try_into().ok());
        let proof = proof.ok_or(SaslCondition::MalformedRequest)?;
        let mut fields = without_proof.split(',');
        let binding = value(fields.next(), 'c').ok_or(SaslCondition::MalformedRequest)?;
        let nonce = value(fields.next(), 'r').ok_or(SaslCondition::MalformedRequest)?;
        if !fields.all(is_extension) {
            return Err(SaslCondition::MalformedRequest.into());
        }
        let auth_message = format!("{},{without_proof}", self.signed);
        let client_signature = hmac(&self.verifier.stored_key, auth_message.as_bytes());
        let is_proved = sha256(&xor(proof, client_signature)).ct_eq(&self.verifier.stored_key);
        let is_bound = binding.as_bytes().ct_eq(self.binding.as_bytes());
        let is_fresh = nonce.as_bytes().ct_eq(self.nonce.as_bytes());
        if !bool::from(is_proved & is_fresh) {
            return Err(SaslCondition::NotAuthorized.into());
        }
        if !bool::from(is_bound) {
            return Err(Failure::of_binding("channel-bindings-dont-match"));
        }
        let signature = hmac(&self.verifier.server_key, auth_message.as_bytes());
        Ok(format!("v={}", base64::encode(&signature)).into_bytes())
    }
}
