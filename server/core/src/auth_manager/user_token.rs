//! User tokens: JWTs (RFC 7519, RFC 8725) with which an app's back-end says whose device it is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longwire_model::{AudienceKey, Timestamp, UserKey};
use serde_json::{Map, Value};

use super::AuthManager;
use super::user_key::is_signed_by;
use crate::error::CoreError;

/// Bytes of a token: a few claims and a signature are below one of these.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// How far a back-end's clock may be ahead, for `nbf`, in milliseconds.
const AHEAD_MS_MAX: i64 = 60_000;

/// Why a token binds nobody.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenError {
    /// It is not a JWT.
    #[error("the token is not a JWT: {0}")]
    Form(&'static str),
    /// Its `kid` names no key of this server.
    #[error("the server has no user key with the `kid` of the token")]
    UnknownKey,
    /// Its key was revoked.
    #[error("the user key of the token was revoked")]
    RevokedKey,
    /// It says that it is signed in another way than its key does.
    #[error("the `alg` of the token is not {0}, which its key is for")]
    Algorithm(&'static str),
    /// Its key did not sign it.
    #[error("the signature of the token is wrong")]
    Signature,
    /// A claim is missing, or not as it must be.
    #[error("the claim `{0}` of the token {1}")]
    Claim(&'static str, &'static str),
    /// The core could not tell.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl AuthManager {
    /// The `user:` key of the user whom a token names.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn check_user_token(&self, token: &str) -> Result<AudienceKey, TokenError> {
        let token = Token::parse(token)?;
        let key = self.store.user_key(&token.kid).await.map_err(CoreError::from)?;
        let key = key.filter(|key| key.app == self.app).ok_or(TokenError::UnknownKey)?;
        token.check(&key, &self.domain, self.env.now())
    }
}

/// A token, taken apart and not believed.
struct Token<'a> {
    kid: String,
    alg: String,
    signed: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    fn parse(text: &'a str) -> Result<Self, TokenError> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Form("it is too long"));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenError::Form("it has no signature"))?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Form("it has fewer than three parts"))?;
        let header = object(header).ok_or(TokenError::Form("its header cannot be read"))?;
        if header.contains_key("crit") {
            return Err(TokenError::Form("its header demands something unknown")); // RFC 7515 §4.1.11
        }
        let member = |name, problem| {
            header.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(TokenError::Form(problem))
        };
        Ok(Self {
            kid: member("kid", "its header has no `kid`")?,
            alg: member("alg", "its header has no `alg`")?,
            signed,
            claims,
            signature: URL_SAFE_NO_PAD
                .decode(signature)
                .map_err(|_| TokenError::Form("its signature is not base64url"))?,
        })
    }

    /// The user, if the key signed this token for `domain` and it is in force at `now`. Nothing is read of the claims before the signature
    /// stands, and the key says what it is checked by, not the token (RFC 8725 §3.1).
    fn check(&self, key: &UserKey, domain: &str, now: Timestamp) -> Result<AudienceKey, TokenError> {
        if key.revoked_at.is_some() {
            return Err(TokenError::RevokedKey);
        }
        if self.alg != key.algorithm.as_str() {
            return Err(TokenError::Algorithm(key.algorithm.as_str()));
        }
        if !is_signed_by(key, self.signed.as_bytes(), &self.signature) {
            return Err(TokenError::Signature);
        }
        let claims = object(self.claims).ok_or(TokenError::Form("its claims cannot be read"))?;
        check_time(&claims, now)?;
        let is_for_us = match claims.get("aud") {
            Some(Value::String(audience)) => audience == domain,
            Some(Value::Array(audiences)) => audiences.iter().any(|audience| audience.as_str() == Some(domain)),
            Some(_) | None => return Err(TokenError::Claim("aud", "is missing: it must be the XMPP domain")),
        };
        if !is_for_us {
            return Err(TokenError::Claim("aud", "is not the XMPP domain of this server"));
        }
        let user = claims.get("sub").and_then(Value::as_str).ok_or(TokenError::Claim("sub", "is missing"))?;
        AudienceKey::user(user).map_err(|_| TokenError::Claim("sub", "is not the name of a user"))
    }
}

fn check_time(claims: &Map<String, Value>, now: Timestamp) -> Result<(), TokenError> {
    let expires = claims.get("exp").ok_or(TokenError::Claim("exp", "is missing"))?;
    let expires_ms = millis(expires).ok_or(TokenError::Claim("exp", "is not a time in seconds"))?;
    if expires_ms <= now.as_millis() {
        return Err(TokenError::Claim("exp", "is over: the token has expired"));
    }
    let Some(begins) = claims.get("nbf") else { return Ok(()) };
    let begins_ms = millis(begins).ok_or(TokenError::Claim("nbf", "is not a time in seconds"))?;
    if begins_ms > now.as_millis().saturating_add(AHEAD_MS_MAX) {
        return Err(TokenError::Claim("nbf", "is still to come"));
    }
    Ok(())
}

/// Milliseconds of a `NumericDate` (RFC 7519 §2), which may have a fraction.
fn millis(value: &Value) -> Option<i64> {
    if let Some(seconds) = value.as_i64() {
        return Some(seconds.saturating_mul(1_000));
    }
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite())?;
    #[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the largest number")]
    let millis = (seconds * 1_000.0) as i64;
    Some(millis)
}

/// The JSON object in a part of a token.
fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}
