//! App keys (DESIGN §3): they ship inside apps and are public, name an app and admit registrations, nothing else.

use crate::{AppId, Timestamp};

/// An app key as a store holds it: `lwa_<id>_<secret>` of which only the secret's hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppKey {
    /// The public part.
    pub id: String,
    /// The app whose devices it admits.
    pub app: AppId,
    /// SHA-256 of the secret part.
    pub secret_hash: [u8; 32],
    /// What an operator calls it.
    pub label: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked: it admits nobody since, and who was admitted before stays.
    pub revoked_at: Option<Timestamp>,
    /// How many registrations it has admitted.
    pub registrations: u64,
    /// When it admitted the last one.
    pub last_used_at: Option<Timestamp>,
}
