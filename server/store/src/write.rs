//! What can be written, and what is answered. All writes ride in groups ([`crate::Store::commit`]).

use std::sync::Arc;

use longwire_model::account::FastTokens;
use longwire_model::delivery::{Acknowledgement, Event, UsedAction};
use longwire_model::device::Attempts;
use longwire_model::entry::Routing;
use longwire_model::limits::MEMBERSHIPS_MAX;
use longwire_model::{
    Account, AndroidpnAccount, ApiKey, AppId, AppKey, AudienceKey, DeviceId, DeviceKind, Entry, EntryId, EntryKind,
    GenerationId, KeyKind, Session, Target, Timestamp, UserKey,
};

use crate::claim::Claim;

/// One write.
#[derive(Clone, Debug)]
pub enum Write {
    /// Appends a notification, update, recall or dismissal. An update, recall or dismissal of a target that is not in the log is
    /// [`Refusal::UnknownTarget`]; a second recall of one target, and an update of a recalled one, is
    /// [`Written::Unchanged`].
    Append {
        /// The app.
        app: AppId,
        /// The entry's id.
        id: EntryId,
        /// When it was accepted.
        at: Timestamp,
        /// What it says; never [`EntryKind::Membership`] or [`EntryKind::Generation`].
        kind: EntryKind,
        /// The sender's own key for this request, if it gave one.
        idempotency: Option<Idempotency>,
    },
    /// Appends the beginning of a generation.
    Generation {
        /// The app.
        app: AppId,
        /// The new generation.
        id: GenerationId,
        /// The entry's id.
        entry: EntryId,
        /// When.
        at: Timestamp,
    },
    /// Makes a device and appends its join of `device:…` and `all`; both recorded positions are that entry's.
    /// A second device of the same account and kind is [`Written::Exists`].
    Register(NewDevice),
    /// Changes what a device is a member of, as one entry; [`Written::Unchanged`] when it already is so. A topic or tag that is joined
    /// or left by this is not one that the device's client has claimed any more ([`Write::Claim`]), also when it is so already.
    Membership {
        /// The device.
        device: DeviceId,
        /// The change.
        change: Change,
        /// The entry's id.
        entry: EntryId,
        /// When.
        at: Timestamp,
    },
    /// What an original androidpn client says of itself: as one entry its device joins what it claims and leaves what its account had
    /// claimed before, and nothing else. [`Written::Done`] when the device is a member of that already and only the account's claims
    /// changed, [`Written::Unchanged`] when they are so too; [`Refusal::UnknownDevice`] also for a device of no such account.
    Claim {
        /// The device.
        device: DeviceId,
        /// What its client says.
        claim: Claim,
        /// The entry's id.
        entry: EntryId,
        /// When.
        at: Timestamp,
    },
    /// Gives a device to another account; [`Written::Exists`] when that account has another device of the same kind.
    TakeOver {
        /// The device.
        device: DeviceId,
        /// The new account.
        account: String,
        /// Whether it stays where it is, with [`Refusal::Disabled`], while the account that has it is disabled.
        unless_disabled: bool,
    },
    /// Appends the leave of everything a device holds and removes the device and its FAST tokens.
    RemoveDevice {
        /// The device.
        device: DeviceId,
        /// The entry's id.
        entry: EntryId,
        /// When.
        at: Timestamp,
    },
    /// Extends what a device has acknowledged, by what of the row lies above the record; [`Refusal::Stale`] when the record is lower than
    /// where the row starts.
    Acknowledge {
        /// The device.
        device: DeviceId,
        /// The row; its `from` is the record that it extends.
        row: Acknowledgement,
    },
    /// Keeps a device's event and appends the dismissal that follows from it, both or neither. A repeat (device, entry, type), and one
    /// about an entry that the log does not hold (any more), is [`Written::Unchanged`]; without a dismissal, or when the log holds one
    /// of the target for the same audience, only the event is kept: [`Written::Done`].
    Event {
        /// The device.
        device: DeviceId,
        /// The entry it is about.
        entry: EntryId,
        /// The event.
        event: Event,
        /// What takes the notification from the user's other devices.
        dismissal: Option<Dismissal>,
    },
    /// Keeps the use of an action. A repeat, one beyond the [`USED_ACTIONS_MAX`](longwire_model::delivery::USED_ACTIONS_MAX) that are kept,
    /// and one about an entry that the log does not hold (any more), is [`Written::Unchanged`].
    Action {
        /// The device.
        device: DeviceId,
        /// The entry it is about.
        entry: EntryId,
        /// The use.
        used: UsedAction,
    },
    /// A device's session began, or ended. [`SESSIONS_MAX`](longwire_model::limits::SESSIONS_MAX) ended ones are kept of a device.
    Session {
        /// The device.
        device: DeviceId,
        /// Which.
        step: SessionStep,
    },
    /// The server runs at this instant.
    Alive {
        /// The app.
        app: AppId,
        /// When.
        at: Timestamp,
    },
    /// The server runs again: sessions that are open ended with its last life, at the last instant at which it is known to have run.
    Resume {
        /// The app.
        app: AppId,
        /// When.
        at: Timestamp,
    },
    /// Notes when a device was heard of.
    Contact {
        /// The device.
        device: DeviceId,
        /// When it was last heard of.
        last_seen: Timestamp,
        /// When it has promised to be heard of next; none when it promised nothing.
        next_contact: Option<Timestamp>,
        /// Since when it has no session; none while it has one.
        offline_since: Option<Timestamp>,
    },
    /// Notes or clears the attempts on the oldest unacknowledged entry of a client without our extension.
    Attempts {
        /// The device.
        device: DeviceId,
        /// The attempts.
        attempts: Option<Attempts>,
    },
    /// Makes an account; [`Written::Unchanged`] when the name is taken, also by one of an original androidpn client.
    AddAccount(Account),
    /// Makes an account that its app key admits, and counts it on the key. [`Written::Unchanged`] when the name is taken;
    /// [`Refusal::UnknownAppKey`] when the account names no key of the store, or a revoked one.
    Admit(Account),
    /// Changes an account; [`Written::Unchanged`] when there is none.
    ChangeAccount {
        /// Its name.
        name: String,
        /// The change.
        change: AccountChange,
    },
    /// Removes an account; [`Written::Unchanged`] when there is none. Its devices are removed by writes of their own.
    RemoveAccount(String),
    /// Makes the account of an original androidpn client and its one device, which is [`Write::Register`]'s entry; both or neither.
    /// [`Written::Unchanged`] when the name is taken, also by an account of the other kind.
    AddAndroidpn {
        /// The account.
        account: AndroidpnAccount,
        /// Its device.
        device: NewDevice,
    },
    /// Changes the account of an original androidpn client; [`Written::Unchanged`] when there is none.
    ChangeAndroidpn {
        /// Its name.
        name: String,
        /// The change.
        change: AndroidpnChange,
    },
    /// Removes the account of an original androidpn client; [`Written::Unchanged`] when there is none. Its device is removed by a write
    /// of its own.
    RemoveAndroidpn(String),
    /// Replaces the FAST tokens of a device; none forgets them.
    FastTokens {
        /// The device.
        device: DeviceId,
        /// The tokens.
        tokens: Option<FastTokens>,
    },
    /// Keeps an API key.
    AddApiKey(ApiKey),
    /// Revokes an API key; [`Written::Unchanged`] when there is none or it is revoked already.
    RevokeApiKey {
        /// The app.
        app: AppId,
        /// The public part.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// Keeps an app key.
    AddAppKey(AppKey),
    /// Revokes an app key; [`Written::Unchanged`] when there is none or it is revoked already.
    RevokeAppKey {
        /// The app.
        app: AppId,
        /// The public part.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// Keeps a user key.
    AddUserKey(UserKey),
    /// Revokes a user key; [`Written::Unchanged`] when there is none or it is revoked already.
    RevokeUserKey {
        /// The app.
        app: AppId,
        /// The key's id.
        id: String,
        /// When.
        at: Timestamp,
    },
}

/// The dismissal that follows from an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Dismissal {
    /// The entry's id.
    pub id: EntryId,
    /// When.
    pub at: Timestamp,
    /// The notification.
    pub target: Target,
    /// To whom.
    pub routing: Routing,
}

/// What is written of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionStep {
    /// It began. One of the same device that is still open ended without being written: [`SessionEnd::Unrecorded`].
    ///
    /// [`SessionEnd::Unrecorded`]: longwire_model::SessionEnd::Unrecorded
    Began(Timestamp),
    /// It is over; replaces what is kept of the one that began then. One that ended with the server stays open until
    /// [`Write::Resume`] says when it ran again.
    Ended(Session),
}

/// A sender's own key for a request, with what is answered to a repeat; kept for 24 h.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key, unique per app.
    pub key: String,
    /// SHA-256 of the raw body.
    pub body_hash: [u8; 32],
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer.
    pub answer: String,
}

/// Milliseconds for which an idempotency key is kept (DESIGN §8).
pub const IDEMPOTENCY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A device to be made.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Its id.
    pub id: DeviceId,
    /// Its app.
    pub app: AppId,
    /// The account it belongs to.
    pub account: String,
    /// How it is told apart.
    pub kind: DeviceKind,
    /// SHA-256 of the installation secret.
    pub installation_hash: Option<[u8; 32]>,
    /// The joining entry's id.
    pub entry: EntryId,
    /// When.
    pub at: Timestamp,
}

/// A change of what a device is a member of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Binds the device to this `user:` key and to no other, or to none.
    User(Option<AudienceKey>),
    /// Joins a topic or tag.
    Join(AudienceKey),
    /// Leaves a topic or tag.
    Leave(AudienceKey),
}

/// A change of an original androidpn client's account; what it does not name stays as it is when it is written.
#[derive(Clone, PartialEq, Eq)]
pub enum AndroidpnChange {
    /// Another password, encrypted under a key that is not in the store.
    Password(Vec<u8>),
    /// Whether it is kept from logging in.
    Disabled(bool),
}

impl AndroidpnChange {
    /// Carries it out.
    pub fn apply(self, account: &mut AndroidpnAccount) {
        match self {
            Self::Password(sealed) => account.sealed_password = sealed,
            Self::Disabled(is_disabled) => account.is_disabled = is_disabled,
        }
    }
}

/// Shows no password, encrypted or not.
impl std::fmt::Debug for AndroidpnChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password(_) => f.write_str("Password"),
            Self::Disabled(is_disabled) => f.debug_tuple("Disabled").field(is_disabled).finish(),
        }
    }
}

/// A change of an account; what it does not name stays as it is when it is written.
#[derive(Clone, PartialEq, Eq)]
pub enum AccountChange {
    /// Another password.
    Password {
        /// SCRAM salt.
        salt: Vec<u8>,
        /// PBKDF2 rounds.
        iterations: u32,
        /// `StoredKey` (RFC 5802 §3).
        stored_key: [u8; 32],
        /// `ServerKey` (RFC 5802 §3).
        server_key: [u8; 32],
    },
    /// Whether it is kept from logging in.
    Disabled(bool),
}

impl AccountChange {
    /// Carries it out.
    pub fn apply(self, account: &mut Account) {
        match self {
            Self::Password { salt, iterations, stored_key, server_key } => {
                (account.salt, account.iterations) = (salt, iterations);
                (account.stored_key, account.server_key) = (stored_key, server_key);
            }
            Self::Disabled(is_disabled) => account.is_disabled = is_disabled,
        }
    }
}

/// Shows no verifier.
impl std::fmt::Debug for AccountChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password { .. } => f.write_str("Password"),
            Self::Disabled(is_disabled) => f.debug_tuple("Disabled").field(is_disabled).finish(),
        }
    }
}

/// The keys that a change joins, and those that it leaves.
pub type Moves = (Vec<AudienceKey>, Vec<AudienceKey>);

impl Change {
    /// The topic or tag that it names.
    #[must_use]
    pub const fn named(&self) -> Option<&AudienceKey> {
        match self {
            Self::User(_) => None,
            Self::Join(key) | Self::Leave(key) => Some(key),
        }
    }

    /// What a device that holds `open` joins and leaves by this change, in this order; none when it already is so.
    ///
    /// # Errors
    /// [`Refusal::TooManyMemberships`] when it holds [`MEMBERSHIPS_MAX`] topics and tags and would join another.
    pub fn against(&self, open: &[AudienceKey]) -> Result<Option<Moves>, Refusal> {
        let (joined, left) = match self {
            Self::User(user) => {
                let joined = user.iter().filter(|key| !open.contains(key)).cloned().collect();
                let is_former = |key: &&AudienceKey| key.kind() == KeyKind::User && user.as_ref() != Some(*key);
                (joined, open.iter().filter(is_former).cloned().collect())
            }
            Self::Join(key) if open.contains(key) => (Vec::new(), Vec::new()),
            Self::Join(_) if open.iter().filter(|key| is_bounded(key)).count() >= MEMBERSHIPS_MAX => {
                return Err(Refusal::TooManyMemberships);
            }
            Self::Join(key) => (vec![key.clone()], Vec::new()),
            Self::Leave(key) if open.contains(key) => (Vec::new(), vec![key.clone()]),
            Self::Leave(_) => (Vec::new(), Vec::new()),
        };
        Ok(if joined.is_empty() && left.is_empty() { None } else { Some((joined, left)) })
    }
}

/// Whether a key counts towards [`MEMBERSHIPS_MAX`].
pub(crate) fn is_bounded(key: &AudienceKey) -> bool {
    matches!(key.kind(), KeyKind::Topic | KeyKind::Tag)
}

/// What became of a write.
#[derive(Clone, Debug)]
pub enum Written {
    /// An entry was appended (also for registrations, membership changes and generations).
    Appended(Arc<Entry>),
    /// Something beside the log was written.
    Done,
    /// It was so already; nothing was written.
    Unchanged,
    /// The device exists already.
    Exists(DeviceId),
    /// The idempotency key was used with the same body: this is what was answered then.
    Repeated {
        /// The status of the answer.
        status: u16,
        /// The body of the answer.
        answer: String,
    },
    /// Refused; nothing was written.
    Refused(Refusal),
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The idempotency key was used with another body.
    #[error("this Idempotency-Key was used with another body")]
    IdempotencyMismatch,
    /// There is no such device.
    #[error("there is no such device")]
    UnknownDevice,
    /// The target is not in the log.
    #[error("there is no such notification")]
    UnknownTarget,
    /// The device holds as many topics and tags as it may.
    #[error("the device holds as many topics and tags as it may")]
    TooManyMemberships,
    /// There is no such app key, or it is revoked.
    #[error("there is no such app key, or it is revoked")]
    UnknownAppKey,
    /// The account that has the device is disabled.
    #[error("the account that has the device is disabled")]
    Disabled,
    /// The acknowledgement does not extend the record.
    #[error("the acknowledgement does not extend the record")]
    Stale,
}
