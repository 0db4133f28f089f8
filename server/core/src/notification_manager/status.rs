//! What became of a notification: counts, and a page of deliveries, all through [`delivery::state`].

use std::collections::HashMap;

use longwire_model::delivery::{self, Delivery, Facts, State};
use longwire_model::membership::standing;
use longwire_model::{DeviceId, EntryId, EntryKind, Filter, Membership, Timestamp};
use longwire_store::{DeliveryRow, StoredEntry};

use super::NotificationManager;
use crate::error::CoreError;

/// Deliveries that are derived at once when counting.
const PAGE: u32 = 1_000;

/// A notification as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its id.
    pub id: EntryId,
    /// Where it stands.
    pub state: State,
    /// How many devices stand where; only states that occur.
    pub counts: Vec<(State, u64)>,
    /// How many devices are in its audience.
    pub audience: u64,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl NotificationManager {
    /// Where a notification stands; none when there is no such notification.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn status(&self, id: EntryId) -> Result<Option<Status>, CoreError> {
        let Some((stored, expires_at)) = self.stored(id).await? else { return Ok(None) };
        let mut counts: HashMap<State, u64> = HashMap::new();
        let mut after = None;
        loop {
            let page = self.page(&stored, after, PAGE).await?;
            for (_, delivery) in &page {
                *counts.entry(delivery.state).or_default() += 1;
            }
            match page.last() {
                Some((last, _)) if page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX) => after = Some(*last),
                Some(_) | None => break,
            }
        }
        let counts: Vec<_> =
            State::ALL.into_iter().filter_map(|state| counts.get(&state).map(|count| (state, *count))).collect();
        let state = delivery::overall(&counts, stored.recalled.is_some(), expires_at <= self.parts.env.now());
        let audience = counts.iter().map(|(_, count)| count).sum();
        let created_at = stored.entry.created_at;
        Ok(Some(Status { id, state, counts, audience, created_at, expires_at }))
    }

    /// Deliveries of a notification in order of device id, above `after`, at most `limit`; none when there is no such notification.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn deliveries(
        &self,
        id: EntryId,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Option<Vec<(DeviceId, Delivery)>>, CoreError> {
        let Some((stored, _)) = self.stored(id).await? else { return Ok(None) };
        self.page(&stored, after, limit).await.map(Some)
    }

    async fn stored(&self, id: EntryId) -> Result<Option<(StoredEntry, Timestamp)>, CoreError> {
        let stored = self.parts.store.entry(self.parts.app, id).await?;
        Ok(stored.and_then(|stored| match &stored.entry.kind {
            EntryKind::Notification(content) => {
                let expires_at = content.routing.expires_at;
                Some((stored, expires_at))
            }
            EntryKind::Update(..)
            | EntryKind::Recall(..)
            | EntryKind::Dismissal(..)
            | EntryKind::Membership(_)
            | EntryKind::Generation(_) => None,
        }))
    }

    async fn page(
        &self,
        stored: &StoredEntry,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<(DeviceId, Delivery)>, CoreError> {
        let rows = self.parts.store.deliveries(&stored.entry, after, limit).await?;
        let waiting = rows.iter().filter(|row| row.acknowledgement.is_none()).map(|row| row.device).collect();
        let sent_at = self.parts.sessions.sent_at(waiting, stored.entry.seq).await;
        let now = self.parts.env.now();
        Ok(rows.iter().map(|row| (row.device, self.derive(stored, row, &sent_at, now))).collect())
    }

    fn derive(
        &self,
        stored: &StoredEntry,
        row: &DeliveryRow,
        sent_at: &HashMap<DeviceId, Timestamp>,
        now: Timestamp,
    ) -> Delivery {
        let is_online = self.parts.sessions.is_online(row.device);
        delivery::state(&Facts {
            entry: &stored.entry,
            now,
            acknowledgement: row.acknowledgement.as_ref(),
            left_at: row.left_at,
            superseded_at: superseded_at(stored, &row.memberships),
            recalled_at: stored.recalled.map(|(_, at)| at),
            has_recall: stored.recalled.is_some_and(|(seq, _)| row.recorded >= seq),
            sent_at: sent_at.get(&row.device).copied(),
            events: &row.events,
            offline_since: if is_online { None } else { row.offline_since.or(row.last_seen) },
            is_online,
        })
    }
}

/// When the first newer entry took its place on this device: one whose audience includes it and whose filter it passes.
fn superseded_at(stored: &StoredEntry, memberships: &[Membership]) -> Option<Timestamp> {
    let audience = &stored.entry.kind.routing()?.audience;
    let passes =
        |filter: &Filter| filter.passes(|tag| memberships.iter().any(|own| own.key == *tag && own.left.is_none()));
    let newer = stored.successors.iter().find(|newer| {
        standing(memberships, audience, newer.seq, newer.seq).is_some() && newer.filter.as_ref().is_none_or(passes)
    });
    newer.map(|newer| newer.at)
}
