//! Accepts notifications into the log, recalls them, and tells what became of them.

mod action;
mod status;
mod update;

use std::collections::HashSet;
use std::sync::Arc;

use longwire_model::delivery::{Event, EventType};
use longwire_model::entry::{Content, Routing};
use longwire_model::membership::standing;
use longwire_model::{
    AppId, AudienceKey, DeviceId, Entry, EntryId, EntryKind, KeyKind, Notification, Target, Timestamp,
};
use longwire_store::write::{Dismissal, Idempotency, Refusal};
use longwire_store::{LoadedDevice, Store, Write, Written};

use crate::directory::Directory;
use crate::env::Env;
use crate::error::CoreError;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::presence_manager::PresenceManager;
use crate::session_manager::SessionManager;

pub use status::{DeviceDelivery, Status};
pub use update::UpdateError;

/// What the manager works with.
pub struct Parts {
    /// The app.
    pub app: AppId,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The log.
    pub log: Log,
    /// Devices.
    pub directory: Arc<Directory>,
    /// Sessions.
    pub sessions: Arc<SessionManager>,
    /// Contacts.
    pub presence: Arc<PresenceManager>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Clock and randomness.
    pub env: Env,
}

/// Accepts, recalls, reports.
pub struct NotificationManager {
    parts: Parts,
    updating: update::Turns,
}

/// A sender's own key for a request.
pub struct IdempotencyRequest {
    /// The key.
    pub key: String,
    /// SHA-256 of the raw body.
    pub body_hash: [u8; 32],
    /// The status of the answer that is given, and kept for a repeat.
    pub status: u16,
    /// Makes the body of that answer, before the insert.
    pub answer: Box<dyn FnOnce(&Accepted) -> String + Send>,
}

/// A notification that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: EntryId,
    /// How many devices are in its audience now.
    pub audience: u64,
    /// Audience keys that have no member now.
    pub without_members: Vec<AudienceKey>,
}

/// What became of a request to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It is on disk.
    Accepted(Accepted),
    /// It was on disk already: this is what was answered then.
    Repeated {
        /// The status.
        status: u16,
        /// The body.
        answer: String,
    },
    /// `ttl: 0`: so many sockets took it, and nothing was stored.
    Now {
        /// Its id.
        id: EntryId,
        /// How many sessions took it.
        sessions: usize,
    },
}

/// Why a notification was not accepted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AcceptError {
    /// There is no such device.
    #[error("there is no device {0}")]
    UnknownDevice(DeviceId),
    /// The idempotency key was used with another body.
    #[error("this Idempotency-Key was used with another body in the last 24 hours")]
    IdempotencyMismatch,
    /// Nothing is stored with `ttl: 0`, so a repeat could not be told.
    #[error("an Idempotency-Key needs a ttl above 0: what is not stored cannot be repeated safely")]
    IdempotencyWithoutTtl,
    /// The core could not do it.
    #[error(transparent)]
    Core(#[from] CoreError),
}

/// What became of a recall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// Recalled now.
    Now,
    /// It was recalled before.
    Before,
}

impl NotificationManager {
    /// On these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { parts, updating: update::Turns::default() }
    }

    /// Accepts a notification: with `ttl` above 0 it is on disk when this returns.
    ///
    /// # Errors
    /// [`AcceptError`]; nothing was accepted.
    pub async fn accept(
        &self,
        notification: Notification,
        idempotency: Option<IdempotencyRequest>,
    ) -> Result<Acceptance, AcceptError> {
        let started = self.parts.env.clock.mono_ms();
        self.check_devices(&notification.audience).await?;
        let acceptance = if notification.ttl_seconds == 0 {
            if idempotency.is_some() {
                return Err(AcceptError::IdempotencyWithoutTtl);
            }
            self.deliver_now(notification).await
        } else {
            // In a box of its own: it is large, and what is not stored does without.
            Box::pin(self.append(notification, idempotency)).await?
        };
        let spent = self.parts.env.clock.mono_ms().saturating_sub(started);
        self.parts.metrics.accept_seconds.observe(std::time::Duration::from_millis(spent).as_secs_f64());
        if matches!(acceptance, Acceptance::Accepted(_) | Acceptance::Now { .. }) {
            self.parts.metrics.accepted.inc();
        }
        Ok(acceptance)
    }

    async fn check_devices(&self, audience: &[AudienceKey]) -> Result<(), AcceptError> {
        for device in audience.iter().filter_map(AudienceKey::as_device) {
            if !self.parts.directory.exists(self.parts.app, device).await? {
                return Err(AcceptError::UnknownDevice(device));
            }
        }
        Ok(())
    }

    async fn append(
        &self,
        notification: Notification,
        idempotency: Option<IdempotencyRequest>,
    ) -> Result<Acceptance, AcceptError> {
        let Parts { app, ref store, ref log, ref env, .. } = self.parts;
        let (at, id) = (env.now(), env.entry_id());
        let audience = match devices_named(&notification.audience) {
            Some(devices) => devices,
            None => store.audience_size(app, &notification.audience).await.map_err(CoreError::from)?,
        };
        let without_members = self.without_members(&notification.audience, audience).await?;
        let accepted = Accepted { id, audience, without_members };
        let idempotency = idempotency.map(|request| Idempotency {
            key: request.key,
            body_hash: request.body_hash,
            status: request.status,
            answer: (request.answer)(&accepted),
        });
        let kind = EntryKind::Notification(content(notification, at));
        match log.write(Write::Append { app, id, at, kind, idempotency }).await? {
            Written::Appended(_) => Ok(Acceptance::Accepted(accepted)),
            Written::Repeated { status, answer } => Ok(Acceptance::Repeated { status, answer }),
            Written::Refused(Refusal::IdempotencyMismatch) => Err(AcceptError::IdempotencyMismatch),
            other @ (Written::Done | Written::Unchanged | Written::Exists(_) | Written::Refused(_)) => {
                Err(AcceptError::Core(unexpected(&other)))
            }
        }
    }

    /// Which of several keys nobody holds: asked key by key only when somebody may have mistyped one.
    async fn without_members(&self, audience: &[AudienceKey], size: u64) -> Result<Vec<AudienceKey>, CoreError> {
        if let [only] = audience {
            return Ok(if size == 0 { vec![only.clone()] } else { Vec::new() });
        }
        let mut empty = Vec::new();
        for key in audience.iter().filter(|key| !matches!(key.kind(), KeyKind::Device | KeyKind::All)) {
            if self.parts.store.audience_size(self.parts.app, std::slice::from_ref(key)).await? == 0 {
                empty.push(key.clone());
            }
        }
        Ok(empty)
    }

    async fn deliver_now(&self, notification: Notification) -> Acceptance {
        let Parts { app, ref log, ref env, ref sessions, .. } = self.parts;
        // Its last moment on the wire: what a device gets later than this it does not show.
        const NOW_MS: i64 = 60_000;
        let (at, id) = (env.now(), env.entry_id());
        let mut content = content(notification, at);
        content.routing.expires_at = at.plus_millis(NOW_MS);
        let entry = Arc::new(Entry { app, seq: 0, id, created_at: at, kind: EntryKind::Notification(content) });
        let sessions = sessions.deliver_now(&entry, log.last()).await;
        Acceptance::Now { id, sessions }
    }

    /// Takes a notification back: whoever has not shown it never will, whoever shows it removes it. None when there is no such
    /// notification.
    ///
    /// # Errors
    /// [`CoreError`]; nothing was recalled.
    pub async fn recall(&self, id: EntryId) -> Result<Option<Recalled>, CoreError> {
        let Parts { app, ref store, ref log, ref env, .. } = self.parts;
        let Some(stored) = store.entry(app, id).await? else { return Ok(None) };
        let EntryKind::Notification(content) = &stored.entry.kind else { return Ok(None) };
        let target = Target { id, seq: stored.entry.seq };
        let kind = EntryKind::Recall(target, content.routing.clone());
        let write = Write::Append { app, id: env.entry_id(), at: env.now(), kind, idempotency: None };
        match log.write(write).await? {
            Written::Appended(_) => Ok(Some(Recalled::Now)),
            Written::Unchanged => Ok(Some(Recalled::Before)),
            Written::Refused(Refusal::UnknownTarget) => Ok(None),
            other @ (Written::Done | Written::Exists(_) | Written::Repeated { .. } | Written::Refused(_)) => {
                Err(unexpected(&other))
            }
        }
    }

    /// Keeps a device's event, at a time that can be. What a person opened or dismissed on one device of a user goes from the user's
    /// others: the event and the dismissal are one write.
    ///
    /// # Errors
    /// [`EventError`]; nothing was kept.
    pub async fn report(&self, device: DeviceId, id: EntryId, event: Event) -> Result<(), EventError> {
        let Parts { ref log, ref env, .. } = self.parts;
        let (entry, loaded) = self.addressed(device, id).await?;
        let (memberships, seq) = (&loaded.device.memberships, entry.seq);
        let at = env.now();
        let dismissal = if matches!(event.kind, EventType::Opened | EventType::Dismissed) {
            // As whose device it was addressed: a user whom it was bound to since has nothing to do with it.
            let was_theirs = |user: &AudienceKey| memberships.iter().any(|own| own.key == *user && own.holds(seq));
            let addressed = user_key(memberships).filter(was_theirs).and_then(|user| dismissal(&entry, user));
            addressed.map(|(target, routing)| Dismissal { id: env.entry_id(), at, target, routing })
        } else {
            None
        };
        let event = event.bounded(entry.created_at, at);
        // A repeat is answered as the first time was.
        log.write(Write::Event { device, entry: id, event, dismissal }).await?;
        Ok(())
    }

    /// A notification that a device tells of, and the device. Nothing tells a device whether an id is one of a notification that was never
    /// addressed to it.
    async fn addressed(&self, device: DeviceId, id: EntryId) -> Result<(Arc<Entry>, LoadedDevice), EventError> {
        let Parts { app, ref store, ref log, ref directory, .. } = self.parts;
        let stored = store.entry(app, id).await.map_err(CoreError::from)?;
        let stored = stored.filter(|stored| matches!(stored.entry.kind, EntryKind::Notification(_)));
        let entry = stored.ok_or(EventError::UnknownEntry)?.entry;
        let loaded = directory.load(device).await?.ok_or(EventError::UnknownEntry)?;
        let routing = entry.kind.routing().ok_or(EventError::UnknownEntry)?;
        if standing(&loaded.device.memberships, &routing.audience, entry.seq, log.last()).is_none() {
            return Err(EventError::UnknownEntry);
        }
        Ok((entry, loaded))
    }
}

/// Why an event was not kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EventError {
    /// There is no such notification, or it was never addressed to the device.
    #[error("there is no such notification")]
    UnknownEntry,
    /// The core could not do it.
    #[error(transparent)]
    Core(#[from] CoreError),
}

fn content(notification: Notification, at: Timestamp) -> Content {
    let millis = i64::try_from(notification.ttl_seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
    let routing =
        Routing { audience: notification.audience, lane: notification.lane, expires_at: at.plus_millis(millis) };
    Content {
        routing,
        filter: notification.filter,
        collapse_key: notification.collapse_key,
        payload: notification.payload,
    }
}

/// How many devices an audience of nothing but devices has: each is the one holder of its key, and was found to be there.
fn devices_named(audience: &[AudienceKey]) -> Option<u64> {
    let devices: Option<HashSet<_>> = audience.iter().map(AudienceKey::as_device).collect();
    devices.map(|devices| devices.len() as u64)
}

fn user_key(memberships: &[longwire_model::Membership]) -> Option<AudienceKey> {
    let open = memberships.iter().find(|own| own.left.is_none() && own.key.kind() == KeyKind::User);
    open.map(|own| own.key.clone())
}

/// What takes a notification to `user` from the user's other devices; none when it was not addressed to the user.
fn dismissal(entry: &Entry, user: AudienceKey) -> Option<(Target, Routing)> {
    let routing = entry.kind.routing().filter(|routing| routing.audience.contains(&user))?;
    let target = Target { id: entry.id, seq: entry.seq };
    Some((target, Routing { audience: [user].into(), ..routing.clone() }))
}

/// A store answered a write with what it never answers to it.
pub(crate) fn unexpected(written: &Written) -> CoreError {
    CoreError::Fatal(format!("the store answered a write with {written:?}"))
}
