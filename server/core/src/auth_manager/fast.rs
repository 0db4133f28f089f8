//! FAST tokens (XEP-0484): derived from a key outside the database; only number, mechanism and expiry are stored (DESIGN §3). The
//! account is part of the derivation with the salt of its password: another password, or another account of that name, ends them all.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use longwire_model::account::{FastToken, FastTokens};
use longwire_model::{Account, DeviceId, DeviceKind, Timestamp};
use longwire_store::Write;
use sha2::Sha256;

use super::AuthManager;
use crate::error::CoreError;

/// How a login used and asks for tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FastLogin {
    /// The issue number of the token that was proven.
    pub used: Option<u64>,
    /// That token must not be accepted again.
    pub is_spent: bool,
    /// The mechanism for which a new token is asked.
    pub wanted: Option<&'static str>,
}

/// The tokens that a device may hold.
#[derive(Clone, Default)]
pub struct FastHeld {
    /// The newest first, at most two.
    pub tokens: Vec<HeldToken>,
    /// Whether the account is disabled.
    pub is_disabled: bool,
}

/// A token that a device may hold.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldToken {
    /// Its issue number.
    pub issue: u64,
    /// Its text.
    pub secret: String,
    /// Whether it is refused for its age.
    pub is_expired: bool,
}

/// A token as handed out.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// Its text.
    pub secret: String,
    /// From this instant on it is refused.
    pub expires_at: Timestamp,
}

impl AuthManager {
    /// The tokens that the account's device with this user-agent id may hold.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn fast_tokens(&self, account: &str, agent: &str, mechanism: &str) -> Result<FastHeld, CoreError> {
        let Some(account) = self.account(account).await? else { return Ok(FastHeld::default()) };
        let none = FastHeld { tokens: Vec::new(), is_disabled: account.is_disabled };
        let kind = DeviceKind::Push(agent.to_owned());
        let Some(device) = self.directory.find(self.app, &account.name, &kind).await? else { return Ok(none) };
        let tokens = self.directory.fast_tokens(device).await?.filter(|tokens| tokens.mechanism == mechanism);
        let Some(tokens) = tokens else { return Ok(none) };
        let now = self.env.now();
        let held = [tokens.newest, tokens.current].into_iter().flatten().map(|token| HeldToken {
            issue: token.issue,
            secret: self.text(&account, device, mechanism, token),
            is_expired: now >= token.expires_at,
        });
        Ok(FastHeld { tokens: held.collect(), ..none })
    }

    /// Follows a login: moves on to the token that was used, issues a new one when asked, or when the one used is past half its life.
    /// The record is written behind the login, which waits for no write. A token that must not be used again ends all that the device
    /// has, durably before the login is answered, and is followed by a new one only when that is asked for.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read, or a spent token cannot be forgotten.
    pub async fn follow_login(
        &self,
        account: &Account,
        device: DeviceId,
        mechanism: &str,
        login: FastLogin,
    ) -> Result<Option<Issued>, CoreError> {
        if login.used.is_none() && login.wanted.is_none() {
            return Ok(None);
        }
        let before = self.directory.fast_tokens(device).await?;
        let now = self.env.now();
        let mechanism = login.wanted.unwrap_or(mechanism);
        let mut tokens = before.clone().filter(|tokens| tokens.mechanism == mechanism).unwrap_or_else(|| FastTokens {
            mechanism: mechanism.to_owned(),
            current: None,
            newest: None,
        });
        let used = [tokens.newest, tokens.current].into_iter().flatten().find(|token| Some(token.issue) == login.used);
        if let Some(used) = used {
            let newest = tokens.newest.filter(|newest| newest.issue != used.issue);
            tokens = FastTokens { current: Some(used), newest, ..tokens };
        }
        let is_spent = used.is_some() && login.is_spent;
        if is_spent {
            tokens = FastTokens { current: None, newest: None, ..tokens };
        }
        let is_old = used.is_some_and(|used| used.expires_at.millis_since(now) < self.fast_token_ms / 2) && !is_spent;
        let issued = (login.wanted.is_some() || is_old).then(|| self.issue(&mut tokens, before.as_ref(), now));
        if is_spent {
            self.log.write(Write::FastTokens { device, tokens: Some(tokens) }).await?;
        } else if before.as_ref() != Some(&tokens) {
            let directory = Arc::clone(&self.directory);
            directory.expect_tokens(device, tokens.clone());
            self.log.post(vec![Write::FastTokens { device, tokens: Some(tokens) }], move |result| {
                directory.tokens_written(device);
                if let Err(error) = result {
                    tracing::warn!(%device, %error, "a FAST token was not recorded; the device will use its password");
                }
            });
        }
        Ok(issued
            .map(|token| Issued { secret: self.text(account, device, mechanism, token), expires_at: token.expires_at }))
    }

    fn issue(&self, tokens: &mut FastTokens, before: Option<&FastTokens>, now: Timestamp) -> FastToken {
        let numbers = before.into_iter().flat_map(|tokens| [tokens.newest, tokens.current]).flatten();
        let last = numbers.map(|token| token.issue).max().unwrap_or(0);
        let token = FastToken { issue: last.saturating_add(1), expires_at: now.plus_millis(self.fast_token_ms) };
        tokens.newest = Some(token);
        token
    }

    /// HMAC of the server key over account, device, mechanism, number and expiry.
    fn text(&self, account: &Account, device: DeviceId, mechanism: &str, token: FastToken) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&self.server_key);
        let mut mac = mac.unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        let number = token.issue.to_be_bytes();
        let expiry = token.expires_at.as_millis().to_be_bytes();
        for part in [account.name.as_bytes(), &account.salt, device.as_bytes(), mechanism.as_bytes(), &number, &expiry]
        {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}
