//! App keys `lwa_<id>_<secret>`: they admit registrations and nothing else (DESIGN §3). Stored and compared as API keys are.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longwire_model::AppKey;
use longwire_store::{Write, Written};
use subtle::ConstantTimeEq;

use super::AuthManager;
use super::api_key::{hash, hex};
use crate::Registration;
use crate::error::CoreError;

/// Why an app key admits nobody.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppKeyError {
    /// It is not one of ours.
    #[error("the app key is not one of this server")]
    Invalid,
    /// It was revoked.
    #[error("the app key was revoked")]
    Revoked,
    /// Nobody may register, with or without a key.
    #[error("registration is closed")]
    Closed,
    /// The core could not tell.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl AuthManager {
    /// The id of the app key that `text` proves, while it admits registrations.
    ///
    /// # Errors
    /// [`AppKeyError`].
    pub async fn check_app_key(&self, text: &str) -> Result<String, AppKeyError> {
        if self.registration == Registration::Closed {
            return Err(AppKeyError::Closed);
        }
        let (id, secret) = parse(text).ok_or(AppKeyError::Invalid)?;
        let key = self.store.app_key(id).await.map_err(CoreError::from)?;
        // The same work for a key that does not exist: the answer's time tells nothing.
        let expected = key.as_ref().map_or([0; 32], |key| key.secret_hash);
        let is_same = bool::from(hash(secret).ct_eq(&expected));
        let key = key.filter(|_| is_same).ok_or(AppKeyError::Invalid)?;
        if key.revoked_at.is_some() { Err(AppKeyError::Revoked) } else { Ok(key.id) }
    }

    /// Makes an app key; gives it and its text, which is nowhere else.
    ///
    /// # Errors
    /// [`CoreError`]; no key was made.
    pub async fn create_app_key(&self, label: Option<String>) -> Result<(AppKey, String), CoreError> {
        let id = hex(&self.env.random::<6>());
        let secret = URL_SAFE_NO_PAD.encode(self.env.random::<24>());
        let key = AppKey {
            id: id.clone(),
            app: self.app,
            secret_hash: hash(&secret),
            label,
            created_at: self.env.now(),
            revoked_at: None,
            registrations: 0,
            last_used_at: None,
        };
        self.log.write(Write::AddAppKey(key.clone())).await?;
        Ok((key, format!("lwa_{id}_{secret}")))
    }

    /// Every app key of the app, oldest first.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn app_keys(&self) -> Result<Vec<AppKey>, CoreError> {
        Ok(self.store.app_keys(self.app).await?)
    }

    /// Revokes an app key by its public part; false when there is none, or it is revoked already. Whom it admitted stays.
    ///
    /// # Errors
    /// [`CoreError`]; nothing was revoked.
    pub async fn revoke_app_key(&self, id: &str) -> Result<bool, CoreError> {
        let write = Write::RevokeAppKey { app: self.app, id: id.to_owned(), at: self.env.now() };
        Ok(matches!(self.log.write(write).await?, Written::Done))
    }
}

/// The id of an app key as an operator knows it, which is no secret; none when `text` is none of ours, whatever it is.
#[must_use]
pub fn app_key_id(text: &str) -> Option<&str> {
    let is_id = |id: &str| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    parse(text).map(|(id, _)| id).filter(|id| is_id(id))
}

/// Id and secret of `lwa_<id>_<secret>`; a line end that came along from a file is no part of it.
fn parse(text: &str) -> Option<(&str, &str)> {
    let key = text.trim().strip_prefix("lwa_")?.split_once('_');
    key.filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_public_part_of_an_app_key_is_told() {
        assert_eq!(app_key_id("lwa_4be07d19a2c5_c2VjcmV0\n"), Some("4be07d19a2c5"));
        for text in ["", "lwa_4be07d19a2c5", "lw_4be07d19a2c5_x", "lwa_c2VjcmV0_x", "lwa_c2VjcmV0c2Vj_x"] {
            assert_eq!(app_key_id(text), None, "{text}");
        }
    }
}
