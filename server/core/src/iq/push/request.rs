//! What a device asks for: its user by a token, topics and tags where the operator allows their names, and what it is a member of.

use std::num::NonZeroU32;

use longwire_model::{AudienceKey, DeviceId, DeviceKind, KeyKind};
use longwire_protocol::push::{Memberships, Request, UserChanged};
use longwire_protocol::stanza::{Condition, StanzaError};

use super::bad;
use crate::Core;
use crate::auth_manager::TokenError;
use crate::devices::{Change, ChangeError};
use crate::iq::{Answer, unavailable};
use crate::rate::Rates;
use crate::session_manager::Session;

/// Requests that a device may make at once: as many as one of ours lets wait.
const BURST: u32 = 64;
/// Milliseconds after which it may make one more: what it changes is an entry of the log, kept and synced, and at this pace a hostile
/// one makes eight thousand a day.
const EVERY_MS: u64 = 10_000;

/// The buckets of all devices: kept over sessions, so that a new one is no way out.
pub(crate) fn rates() -> Rates<DeviceId> {
    Rates::new(NonZeroU32::MIN, EVERY_MS, BURST)
}

pub(super) async fn carry_out(core: &Core, session: &Session, request: Request) -> Answer {
    let device = session.device.ok_or_else(|| StanzaError::new(Condition::UnexpectedRequest))?;
    let allowance = core.requests.take(&device, core.env.clock.mono_ms());
    if !allowance.is_granted {
        core.metrics.requests_limited.inc();
        return Err(StanzaError::new(Condition::ResourceConstraint)
            .with_text("this device asks more often than it may")
            .with_retry(allowance.retry_s));
    }
    let memberships = memberships(core, device).await?;
    match request {
        Request::Login(token) => {
            let user = core.auth.check_user_token(&token.0).await.map_err(|error| refused_token(&error))?;
            let name = user.name().to_owned();
            change(core, device, Change::User(Some(user))).await?;
            Ok(Some(UserChanged { name: Some(name) }.to_element()))
        }
        Request::Logout => change(core, device, Change::User(None)).await,
        Request::Join(key) => change(core, device, Change::Join(allowed(core, &key)?)).await,
        Request::Leave(key) => change(core, device, Change::Leave(allowed(core, &key)?)).await,
        Request::Memberships => Ok(Some(Memberships(memberships).to_element())),
    }
}

/// The keys that a push device holds: user, topics, tags.
async fn memberships(core: &Core, device: DeviceId) -> Result<Vec<String>, StanzaError> {
    let loaded = core.directory.load(device).await.map_err(|error| unavailable(&error))?;
    let loaded = loaded.ok_or_else(|| StanzaError::new(Condition::ItemNotFound))?.device;
    if !matches!(loaded.kind, DeviceKind::Push(_)) {
        return Err(
            StanzaError::new(Condition::NotAllowed).with_text("only devices with the push extension may ask this")
        );
    }
    let is_told = |kind| matches!(kind, KeyKind::User | KeyKind::Topic | KeyKind::Tag);
    let open = loaded.memberships.iter().filter(|own| own.left.is_none() && is_told(own.key.kind()));
    let mut keys: Vec<String> = open.map(|own| own.key.as_str().to_owned()).collect();
    keys.sort_unstable();
    Ok(keys)
}

/// The key, when the operator lets devices join such names.
fn allowed(core: &Core, text: &str) -> Result<AudienceKey, StanzaError> {
    let key: AudienceKey =
        text.parse().map_err(|error: longwire_model::audience::AudienceError| bad(error.to_string()))?;
    let patterns = match key.kind() {
        KeyKind::Topic => core.config.device_topics.as_slice(),
        KeyKind::Tag => core.config.device_tags.as_slice(),
        KeyKind::All | KeyKind::Device | KeyKind::User => &[],
    };
    if patterns.iter().any(|pattern| pattern.fits(key.name())) {
        return Ok(key);
    }
    Err(StanzaError::new(Condition::Forbidden).with_text("the server lets devices change no such topic or tag"))
}

async fn change(core: &Core, device: DeviceId, change: Change) -> Answer {
    match core.change(device, change).await {
        Ok(()) => Ok(None),
        Err(ChangeError::UnknownDevice) => Err(StanzaError::new(Condition::ItemNotFound)),
        Err(error @ ChangeError::TooMany) => Err(StanzaError::new(Condition::NotAllowed).with_text(error.to_string())),
        Err(ChangeError::Core(error)) => Err(unavailable(&error)),
    }
}

fn refused_token(error: &TokenError) -> StanzaError {
    if let TokenError::Core(error) = error {
        return unavailable(error);
    }
    StanzaError::new(Condition::NotAuthorized).with_text(error.to_string())
}
