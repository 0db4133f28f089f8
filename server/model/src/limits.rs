//! Bounds that model values keep, each with its unit and reason. What happens at the bound is said where it is checked.

/// Longest and default time to live, seconds: 28 days (DESIGN §7).
pub const TTL_SECONDS_MAX: u64 = 28 * 24 * 60 * 60;
/// Audience keys of one notification (DESIGN §8).
pub const AUDIENCE_KEYS_MAX: usize = 1_000;
/// Bytes of a user, topic or tag name.
pub const NAME_BYTES_MAX: usize = 256;
/// Bytes of a notification as posted (DESIGN §8).
pub const NOTIFICATION_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the longest stanza that a notification may become (DESIGN §8).
pub const STANZA_BYTES_MAX: usize = 192 * 1024;
/// Bytes of a collapse key.
pub const COLLAPSE_KEY_BYTES_MAX: usize = 256;
/// Tags plus topics that one device may hold: bounds a session's memory and a login's work.
pub const MEMBERSHIPS_MAX: usize = 1_000;
/// Terms of a filter.
pub const FILTER_TERMS_MAX: usize = 16;
/// Sessions that are remembered of one device, beside the one that it has: a few days of a phone that changes networks often.
pub const SESSIONS_MAX: usize = 64;
