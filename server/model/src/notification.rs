//! A notification as a sender asks for it, checked: after this door it cannot be invalid.

use std::sync::Arc;

use crate::limits::{AUDIENCE_KEYS_MAX, COLLAPSE_KEY_BYTES_MAX, TTL_SECONDS_MAX};
use crate::{AudienceKey, Filter, Lane};

/// What a sender asks us to deliver.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// To whom: 1 to 1,000 keys, without repeats.
    pub audience: Arc<[AudienceKey]>,
    /// Who of them.
    pub filter: Option<Filter>,
    /// The lane.
    pub lane: Lane,
    /// Seconds until it expires; 0 is now or never (DESIGN rule 12).
    pub ttl_seconds: u64,
    /// Newer replaces pending.
    pub collapse_key: Option<Arc<str>>,
    /// The JSON object that devices are given.
    pub payload: Arc<str>,
}

/// Why an audience, a TTL or a collapse key is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotificationError {
    /// No audience key at all.
    #[error("an empty list reaches nobody: name at least one audience")]
    NoAudience,
    /// More than 1,000 keys.
    #[error("{0} audiences are more than the {AUDIENCE_KEYS_MAX} that one notification may have")]
    TooManyKeys(usize),
    /// Over 28 days.
    #[error("{0} seconds are more than the longest TTL, {TTL_SECONDS_MAX} (28 days)")]
    Ttl(u64),
    /// Empty or too long.
    #[error("a collapse key has 1 to {COLLAPSE_KEY_BYTES_MAX} bytes")]
    CollapseKey,
}

/// The keys without repeats, in the sender's order.
///
/// # Errors
/// [`NotificationError::NoAudience`] for none, [`NotificationError::TooManyKeys`] for over 1,000.
pub fn audience(keys: Vec<AudienceKey>) -> Result<Arc<[AudienceKey]>, NotificationError> {
    if keys.len() > AUDIENCE_KEYS_MAX {
        return Err(NotificationError::TooManyKeys(keys.len()));
    }
    let mut seen = std::collections::HashSet::new();
    let distinct: Arc<[AudienceKey]> = keys.into_iter().filter(|key| seen.insert(key.clone())).collect();
    if distinct.is_empty() { Err(NotificationError::NoAudience) } else { Ok(distinct) }
}

/// A TTL in seconds; the default is the longest.
///
/// # Errors
/// [`NotificationError::Ttl`] when it is over 28 days.
pub const fn ttl(seconds: Option<u64>) -> Result<u64, NotificationError> {
    match seconds {
        None => Ok(TTL_SECONDS_MAX),
        Some(seconds) if seconds <= TTL_SECONDS_MAX => Ok(seconds),
        Some(seconds) => Err(NotificationError::Ttl(seconds)),
    }
}

/// A collapse key.
///
/// # Errors
/// [`NotificationError::CollapseKey`] when it is empty or over 256 bytes.
pub fn collapse_key(text: &str) -> Result<Arc<str>, NotificationError> {
    if text.is_empty() || text.len() > COLLAPSE_KEY_BYTES_MAX {
        return Err(NotificationError::CollapseKey);
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_at_the_limit_and_one_above() {
        let keys = |n: usize| (0..n).map(|i| AudienceKey::user(&i.to_string()).expect("a name")).collect::<Vec<_>>();
        assert_eq!(audience(keys(AUDIENCE_KEYS_MAX)).map(|keys| keys.len()), Ok(AUDIENCE_KEYS_MAX));
        assert_eq!(audience(keys(AUDIENCE_KEYS_MAX + 1)), Err(NotificationError::TooManyKeys(AUDIENCE_KEYS_MAX + 1)));
        assert_eq!(audience(Vec::new()), Err(NotificationError::NoAudience));
        assert_eq!(audience(vec![AudienceKey::all(), AudienceKey::all()]).map(|keys| keys.len()), Ok(1));
        assert_eq!(ttl(Some(TTL_SECONDS_MAX)), Ok(TTL_SECONDS_MAX));
        assert_eq!(ttl(Some(TTL_SECONDS_MAX + 1)), Err(NotificationError::Ttl(TTL_SECONDS_MAX + 1)));
        assert!(collapse_key(&"k".repeat(COLLAPSE_KEY_BYTES_MAX)).is_ok());
        assert!(collapse_key(&"k".repeat(COLLAPSE_KEY_BYTES_MAX + 1)).is_err() && collapse_key("").is_err());
    }
}
