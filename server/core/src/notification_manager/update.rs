//! Gives a notification new content.

use std::sync::Arc;

use longwire_model::entry::Content;
use longwire_model::{EntryId, EntryKind, Target};
use longwire_store::write::{Idempotency, Refusal};
use longwire_store::{Write, Written};
use tokio::sync::{Mutex, MutexGuard};

use super::{Acceptance, Accepted, IdempotencyRequest, NotificationManager, Parts, unexpected};
use crate::error::CoreError;

/// So many notifications can be updated at the same time.
const TURNS: usize = 64;

/// Updates of one notification take turns: each is merged with what the one before made of it.
pub(super) struct Turns([Mutex<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turns {
    async fn take(&self, id: EntryId) -> MutexGuard<'_, ()> {
        let index = id.as_bytes().iter().fold(0, |sum, byte| sum + usize::from(*byte)) % TURNS;
        // The index is below the length, whatever the id is.
        self.0.get(index).unwrap_or_else(|| unreachable!("{index} is below {TURNS}")).lock().await
    }
}

/// Why a notification got no new content.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UpdateError<E> {
    /// There is no such notification.
    #[error("there is no such notification")]
    Unknown,
    /// It was recalled.
    #[error("the notification was recalled")]
    Recalled,
    /// It has expired.
    #[error("the notification has expired")]
    Expired,
    /// The idempotency key was used with another body.
    #[error("this Idempotency-Key was used with another body in the last 24 hours")]
    IdempotencyMismatch,
    /// The present content cannot be changed so.
    #[error("the content cannot be changed so")]
    Merge(E),
    /// The core could not do it.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl NotificationManager {
    /// Gives a notification the content that `merge` makes of its present one. Whoever shows it shows the new content from then on, whoever
    /// has not shown it yet shows that alone. [`Accepted::id`] is that of the update.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing was changed.
    pub async fn update<E>(
        &self,
        id: EntryId,
        merge: impl FnOnce(&str) -> Result<Arc<str>, E>,
        idempotency: Option<IdempotencyRequest>,
    ) -> Result<Acceptance, UpdateError<E>> {
        let Parts { app, ref store, ref log, ref env, .. } = self.parts;
        let _turn = self.updating.take(id).await;
        let at = env.now();
        // Whoever repeats a request that was granted is told so, also when it would be refused by now.
        let repeatable = idempotency.as_ref().map(|request| (request.key.clone(), request.body_hash));
        if let Some((key, body_hash)) = repeatable
            && let Some(known) = store.request(app, &key, at).await.map_err(CoreError::from)?
        {
            if known.body_hash != body_hash {
                return Err(UpdateError::IdempotencyMismatch);
            }
            return Ok(Acceptance::Repeated { status: known.status, answer: known.answer });
        }
        let stored = store.entry(app, id).await.map_err(CoreError::from)?.ok_or(UpdateError::Unknown)?;
        let EntryKind::Notification(first) = &stored.entry.kind else { return Err(UpdateError::Unknown) };
        let present = stored.update.as_ref().and_then(|update| update.kind.content()).unwrap_or(first);
        if stored.recalled.is_some() {
            return Err(UpdateError::Recalled);
        }
        if first.routing.expires_at <= at {
            return Err(UpdateError::Expired);
        }
        let payload = merge(&present.payload).map_err(UpdateError::Merge)?;
        let audience = store.audience_size(app, &first.routing.audience).await.map_err(CoreError::from)?;
        let update = env.entry_id();
        let accepted = Accepted { id: update, audience, without_members: Vec::new() };
        let idempotency = idempotency.map(|request| Idempotency {
            key: request.key,
            body_hash: request.body_hash,
            status: request.status,
            answer: (request.answer)(&accepted),
        });
        // An update takes nobody's place: what it is about is told by its target.
        let content = Content { collapse_key: None, payload, ..first.clone() };
        let kind = EntryKind::Update(Target { id, seq: stored.entry.seq }, content);
        match log.write(Write::Append { app, id: update, at, kind, idempotency }).await? {
            Written::Appended(_) => Ok(Acceptance::Accepted(accepted)),
            Written::Repeated { status, answer } => Ok(Acceptance::Repeated { status, answer }),
            Written::Unchanged => Err(UpdateError::Recalled),
            Written::Refused(Refusal::UnknownTarget) => Err(UpdateError::Unknown),
            Written::Refused(Refusal::IdempotencyMismatch) => Err(UpdateError::IdempotencyMismatch),
            other @ (Written::Done | Written::Exists(_) | Written::Refused(_)) => {
                Err(UpdateError::Core(unexpected(&other)))
            }
        }
    }
}
