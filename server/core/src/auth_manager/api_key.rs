//! API keys `lw_<id>_<secret>`: the secret's hash is stored and compared in constant time.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longwire_model::{ApiKey, Scope, Timestamp};
use longwire_store::{Write, Written};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::AuthManager;
use crate::error::CoreError;

/// Why a request is not let in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthError {
    /// There is no key, or it is not one of ours.
    #[error("the API key is not valid")]
    Invalid,
    /// It has expired.
    #[error("the API key expired at {0}")]
    Expired(Timestamp),
    /// It was revoked.
    #[error("the API key was revoked")]
    Revoked,
    /// It lacks a scope.
    #[error("the API key lacks the scope {0}")]
    Forbidden(Scope),
    /// The core could not tell.
    #[error(transparent)]
    Core(#[from] CoreError),
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it may do; at least one.
    pub scopes: Vec<Scope>,
    /// What an operator calls it.
    pub label: Option<String>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl AuthManager {
    /// The key that `bearer` proves, if it may do what `scope` names.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn authorize(&self, bearer: &str, scope: Scope) -> Result<Arc<ApiKey>, AuthError> {
        let (id, secret) = parse(bearer).ok_or(AuthError::Invalid)?;
        let key = self.api_keys.load(id).await?;
        // The same work for a key that does not exist: the answer's time tells nothing.
        let expected = key.as_ref().map_or([0; 32], |key| key.secret_hash);
        let is_same = bool::from(hash(secret).ct_eq(&expected));
        let key = key.filter(|_| is_same).ok_or(AuthError::Invalid)?;
        if key.revoked_at.is_some() {
            return Err(AuthError::Revoked);
        }
        match key.expires_at {
            Some(end) if !key.is_valid_at(self.env.now()) => Err(AuthError::Expired(end)),
            Some(_) | None if key.allows(scope) => Ok(key),
            Some(_) | None => Err(AuthError::Forbidden(scope)),
        }
    }

    /// Makes a key; gives it and its text, which is nowhere else.
    ///
    /// # Errors
    /// [`CoreError`]; no key was made.
    pub async fn create_key(&self, new: NewKey) -> Result<(ApiKey, String), CoreError> {
        let id = hex(&self.env.random::<6>());
        let secret = URL_SAFE_NO_PAD.encode(self.env.random::<24>());
        let key = ApiKey {
            id: id.clone(),
            app: self.app,
            secret_hash: hash(&secret),
            scopes: new.scopes,
            label: new.label,
            created_at: self.env.now(),
            expires_at: new.expires_at,
            revoked_at: None,
        };
        self.log.write(Write::AddApiKey(key.clone())).await?;
        Ok((key, format!("lw_{id}_{secret}")))
    }

    /// Every key of the app, oldest first.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn keys(&self) -> Result<Vec<ApiKey>, CoreError> {
        Ok(self.store.api_keys(self.app).await?)
    }

    /// Revokes a key by its public part; false when there is none, or it is revoked already.
    ///
    /// # Errors
    /// [`CoreError`]; nothing was revoked.
    pub async fn revoke_key(&self, id: &str) -> Result<bool, CoreError> {
        let write = Write::RevokeApiKey { app: self.app, id: id.to_owned(), at: self.env.now() };
        Ok(matches!(self.log.write(write).await?, Written::Done))
    }
}

/// Id and secret of `lw_<id>_<secret>`.
fn parse(bearer: &str) -> Option<(&str, &str)> {
    bearer.strip_prefix("lw_")?.split_once('_').filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
}

pub(super) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
