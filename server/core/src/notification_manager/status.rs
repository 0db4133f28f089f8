//! What became of a notification: counts, and a page of deliveries, all through [`delivery::state`].

use std::collections::HashMap;

use longwire_model::delivery::{self, Delivery, Facts, Present, Progress, State, Superseded, UsedAction};
use longwire_model::membership::standing;
use longwire_model::{DeviceId, Entry, EntryId, EntryKind, Filter, Lane, Membership, Seq, Session, Timestamp};
use longwire_store::{DeliveryRow, StoredEntry};

use super::{NotificationManager, Parts};
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

/// A notification on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDelivery {
    /// The device.
    pub device: DeviceId,
    /// The account that it belongs to; none when the device or its account was removed.
    pub account: Option<String>,
    /// The user that it was bound to when the notification was accepted.
    pub user: Option<String>,
    /// What became of it.
    pub delivery: Delivery,
    /// Which of its actions were used, by when.
    pub actions: Vec<UsedAction>,
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
            let page = self.page(&stored, after, PAGE, false).await?;
            for DeviceDelivery { delivery, .. } in &page {
                *counts.entry(delivery.state).or_default() += 1;
            }
            match page.last() {
                Some(last) if page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX) => after = Some(last.device),
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
    ) -> Result<Option<Vec<DeviceDelivery>>, CoreError> {
        let Some((stored, _)) = self.stored(id).await? else { return Ok(None) };
        self.page(&stored, after, limit, true).await.map(Some)
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

    /// Sessions are asked for where delays are told; the states of what has arrived do not need them.
    async fn page(
        &self,
        stored: &StoredEntry,
        after: Option<DeviceId>,
        limit: u32,
        with_delays: bool,
    ) -> Result<Vec<DeviceDelivery>, CoreError> {
        let entry = &stored.entry;
        self.parts.presence.settle().await;
        let rows = self.parts.store.deliveries(entry, after, limit).await?;
        let waiting = rows.iter().filter(|row| row.acknowledgement.is_none()).map(|row| row.device).collect();
        let lane = entry.kind.routing().map_or(Lane::Normal, |routing| routing.lane);
        let progress = self.parts.sessions.progress(waiting, lane, entry.seq).await;
        let has_arrived =
            |row: &DeliveryRow| row.acknowledgement.as_ref().is_some_and(|own| own.exception(entry.seq).is_none());
        let asked = rows.iter().filter(|row| with_delays || !has_arrived(row));
        let devices: Vec<DeviceId> = asked.map(|row| row.device).collect();
        let mut sessions = self.parts.store.sessions(&devices, entry.created_at).await?;
        let now = self.parts.env.now();
        let derive = |row: &DeliveryRow| {
            let own = sessions.remove(&row.device).unwrap_or_default();
            self.derive(stored, row, progress.get(&row.device).copied(), own, now)
        };
        let deliveries: Vec<Delivery> = rows.iter().map(derive).collect();
        let told = |(row, delivery): (DeliveryRow, Delivery)| DeviceDelivery {
            device: row.device,
            user: user_at(&row.memberships, entry.seq),
            account: row.account,
            delivery,
            actions: row.actions,
        };
        Ok(rows.into_iter().zip(deliveries).map(told).collect())
    }

    fn derive(
        &self,
        stored: &StoredEntry,
        row: &DeliveryRow,
        progress: Option<Progress>,
        mut sessions: Vec<Session>,
        now: Timestamp,
    ) -> Delivery {
        let Parts { presence, sessions: registry, .. } = &self.parts;
        let contact = presence.contact(row.device).filter(|_| registry.is_online(row.device));
        // One that has ended since, or that the store did not write.
        sessions.extend(presence.ended(row.device).filter(|own| sessions.iter().all(|it| it.began_at != own.began_at)));
        delivery::state(&Facts {
            entry: &stored.entry,
            now,
            acknowledgements: row.acknowledgement.as_slice(),
            is_filtered: is_filtered(&stored.entry, &row.memberships),
            left_at: row.left_at,
            superseded: superseded(stored, &row.memberships, row.acknowledgement.is_some()),
            recalled_at: stored.recalled.map(|(_, at)| at),
            has_recall: stored.recalled.is_some_and(|(seq, _)| row.recorded >= seq),
            events: &row.events,
            sessions: &sessions,
            present: contact.map(|contact| Present {
                began_at: contact.began_at,
                heard_at: contact.last_seen,
                next_contact: contact.next_contact,
                progress,
            }),
        })
    }
}

/// The user that a device was bound to at a position.
fn user_at(memberships: &[Membership], seq: Seq) -> Option<String> {
    let held = memberships.iter().filter(|own| own.holds(seq));
    held.filter_map(|own| own.key.as_str().strip_prefix("user:")).next_back().map(str::to_owned)
}

/// The first newer entry that took its place on this device: one whose audience includes it and whose filter it passes; of an entry that
/// the cursor has passed: whose filter it passed at some time since, for that was judged then.
fn superseded(stored: &StoredEntry, memberships: &[Membership], is_passed: bool) -> Option<Superseded> {
    let audience = &stored.entry.kind.routing()?.audience;
    let passes = |filter: &Filter, since: Seq| {
        if is_passed { passes_since(filter, memberships, since) } else { passes_at(filter, memberships, Seq::MAX - 1) }
    };
    let newer = stored.successors.iter().find(|newer| {
        standing(memberships, audience, newer.seq, newer.seq).is_some()
            && newer.filter.as_ref().is_none_or(|filter| passes(filter, newer.seq))
    });
    newer.map(|newer| Superseded { at: newer.at, by: newer.id })
}

/// Whether an entry has a filter that the device has not passed since.
fn is_filtered(entry: &Entry, memberships: &[Membership]) -> bool {
    let filter = entry.kind.content().and_then(|content| content.filter.as_ref());
    filter.is_some_and(|filter| !passes_since(filter, memberships, entry.seq))
}

fn passes_at(filter: &Filter, memberships: &[Membership], seq: Seq) -> bool {
    filter.passes(|tag| memberships.iter().any(|own| own.key == *tag && own.is_open_at(seq)))
}

/// Whether it passes at `since` or at any time after it.
fn passes_since(filter: &Filter, memberships: &[Membership], since: Seq) -> bool {
    let changes = memberships.iter().flat_map(|own| [Some(own.joined), own.left]).flatten();
    changes.filter(|seq| *seq > since).chain([since]).any(|seq| passes_at(filter, memberships, seq))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use longwire_model::entry::{Content, Routing};
    use longwire_model::{AppId, AudienceKey};
    use longwire_store::Successor;

    use super::*;

    #[test]
    fn the_user_is_the_one_of_then() {
        let held = |key: &str, joined, left| Membership { key: key.parse().expect("a key"), joined, left };
        let memberships = [held("all", 1, None), held("user:alice", 2, Some(5)), held("user:bob", 5, None)];
        let at = |seq| user_at(&memberships, seq);
        assert_eq!((at(2), at(3), at(5)), (None, Some("alice".to_owned()), Some("alice".to_owned())));
        assert_eq!((at(6), user_at(&memberships[..1], 9)), (Some("bob".to_owned()), None));
    }

    #[test]
    fn what_took_its_place_when_the_cursor_passed_it_did_so_whatever_the_device_is_now() {
        let (all, tag) = (AudienceKey::all(), AudienceKey::tag("x").expect("a name"));
        let routing =
            Routing { audience: [all.clone()].into(), lane: Lane::Normal, expires_at: Timestamp::from_millis(9) };
        let collapse_key = Some("k".into());
        let kind = EntryKind::Notification(Content { routing, filter: None, collapse_key, payload: "{}".into() });
        let (app, id, at) = (AppId::DEFAULT, EntryId::new(Timestamp::default(), [7; 10]), Timestamp::from_millis(5));
        let entry = Arc::new(Entry { app, seq: 4, id, created_at: at, kind });
        let filter = Some("!tag:x".parse().expect("a filter"));
        let stored =
            StoredEntry { entry, recalled: None, update: None, successors: vec![Successor { seq: 6, id, at, filter }] };
        let held = |key, joined| Membership { key, joined, left: None };
        let memberships = [held(all, 1), held(tag, 8)];
        assert_eq!(
            superseded(&stored, &memberships, true),
            Some(Superseded { at, by: id }),
            "it passed the filter then"
        );
        assert_eq!(superseded(&stored, &memberships, false), None, "it does not pass it now");
        let tagged = [memberships[0].clone(), Membership { joined: 2, ..memberships[1].clone() }];
        assert_eq!(superseded(&stored, &tagged, true), None, "it never passed it");
    }
}
