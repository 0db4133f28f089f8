//! Acknowledgements, events and what deliveries are derived from.

use std::sync::Arc;

use longwire_model::delivery::{Ending, Event, EventType, Exception, USED_ACTIONS_MAX, UsedAction};
use longwire_model::device::Attempts;
use longwire_model::{EntryKind, Lane, LaneSeqs, Seqs};

use super::world::{
    APP, Draft, World, acknowledgement, at, entry, is_done, is_unchanged, key, refusal, seqs_of, target_of,
};
use crate::write::{Change, Dismissal, Refusal};
use crate::{Store, Write};

fn only(first: u64, last: u64) -> Seqs {
    let mut seqs = Seqs::default();
    seqs.push(first, last);
    seqs
}

/// FINDINGS 23: a row whose record is not the store's is refused, so that no gap is jumped over; lanes are apart.
pub async fn acknowledgements_extend_the_record(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let draft = Draft::to(&["all"]);
    world.commit((0..9).map(|_| world.notification(&draft)).collect()).await;
    let row = |lane, from, to| Write::Acknowledge { device, row: acknowledgement(lane, from, to, Vec::new()) };
    let answers = world
        .commit(vec![
            row(Lane::Normal, 1, 3),
            row(Lane::Normal, 4, 5),
            row(Lane::Normal, 1, 4),
            row(Lane::Normal, 3, 6),
            row(Lane::Normal, 6, 6),
            row(Lane::Normal, 6, 5),
            row(Lane::Background, 1, 2),
        ])
        .await;
    for (index, is_written) in [true, false, true, true].into_iter().enumerate() {
        assert_eq!(answers.get(index).is_some_and(is_done), is_written, "{index}: {answers:?}");
    }
    assert_eq!(answers.get(1).and_then(refusal), Some(Refusal::Stale), "the row before it was lost");
    assert!(answers.get(4).is_some_and(is_unchanged), "{answers:?}");
    assert_eq!(answers.get(5).and_then(refusal), Some(Refusal::Stale));
    assert_eq!(world.load(device).await.device.recorded, LaneSeqs { normal: 6, background: 2 });
    assert!(is_unchanged(&world.one(row(Lane::Normal, 3, 5)).await), "all of it is recorded");
    assert_eq!(refusal(&world.one(row(Lane::Normal, 7, 8)).await), Some(Refusal::Stale));
    assert_eq!(world.load(device).await.device.recorded, LaneSeqs { normal: 6, background: 2 });
}

/// The row that covers an entry is given with its exceptions, whole.
pub async fn exceptions_read_back_through_deliveries(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let draft = Draft::to(&["all"]);
    let sent = [world.push(&draft).await, world.push(&draft).await, world.push(&draft).await];
    let [first, second, third] = &sent;
    let mut several = only(3, 3);
    several.push(5, 9);
    let exceptions = vec![
        Exception { seqs: several, ending: Ending::Superseded },
        Exception { seqs: only(4, 4), ending: Ending::NotStored },
    ];
    let rows = [
        acknowledgement(Lane::Normal, 1, first.seq, Vec::new()),
        acknowledgement(Lane::Normal, first.seq, third.seq, exceptions),
        acknowledgement(Lane::Background, 1, second.seq, Vec::new()),
    ];
    world.commit(rows.iter().map(|row| Write::Acknowledge { device, row: row.clone() }).collect()).await;
    for (entry, row) in sent.iter().zip([&rows[0], &rows[1], &rows[1]]) {
        let found = world.store.deliveries(entry, None, 10).await.expect("deliveries");
        assert_eq!(found.first().and_then(|found| found.acknowledgement.as_ref()), Some(row));
    }
    let later = world.push(&draft).await;
    let found = world.store.deliveries(&later, None, 10).await.expect("deliveries");
    assert_eq!(found.first().map(|found| found.acknowledgement.is_none()), Some(true));
}

/// In order of id; who joined later is not among them, who left before is not, who holds two of the keys is there once.
pub async fn deliveries_are_paged_over_those_whose_interval_holds_the_entry(store: Arc<dyn Store>) {
    let world = World::new(store);
    let mut inside = Vec::new();
    for _ in 0..7 {
        let device = world.device().await;
        world.join(device, "topic:x").await;
        inside.push(device);
    }
    let left = world.device().await;
    world.join(left, "topic:x").await;
    world.change(left, Change::Leave(key("topic:x"))).await;
    let both = *inside.first().expect("a device");
    world.join(both, "tag:t").await;
    let late = world.device().await;
    let sent = world.push(&Draft::to(&["topic:x", "tag:t"])).await;
    let one_key = world.push(&Draft::to(&["topic:x"])).await;
    world.join(late, "topic:x").await;
    inside.sort();
    for entry in [sent, one_key] {
        let mut after = None;
        let mut found = Vec::new();
        loop {
            let page = world.store.deliveries(&entry, after, 3).await.expect("deliveries");
            assert!(page.len() <= 3);
            let Some(last) = page.last() else { break };
            after = Some(last.device);
            found.extend(page.iter().map(|row| row.device));
        }
        assert_eq!(found, inside);
    }
    let tagged = world.push(&Draft::to(&["tag:t"])).await;
    let rows = world.store.deliveries(&tagged, None, 10).await.expect("deliveries");
    let memberships: Vec<_> = rows.iter().map(|row| (row.device, row.memberships.len(), row.left_at)).collect();
    assert_eq!(memberships, [(both, 4, None)]);
}

/// Left means that no interval that holds the entry is open: another one, or a later one, does not bring it back.
pub async fn leaving_is_told_with_its_time(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    world.join(device, "topic:x").await;
    world.join(device, "tag:t").await;
    let sent = world.push(&Draft::to(&["topic:x", "tag:t"])).await;
    let leave = |text: &str, instant| Write::Membership {
        device,
        change: Change::Leave(key(text)),
        entry: world.entry_id(),
        at: at(instant),
    };
    let left_at = async || {
        let rows = world.store.deliveries(&sent, None, 10).await.expect("deliveries");
        rows.first().expect("a delivery").left_at
    };
    world.one(leave("topic:x", 30)).await;
    assert_eq!(left_at().await, None);
    world.one(leave("tag:t", 40)).await;
    assert_eq!(left_at().await, Some(at(40)));
    world.join(device, "tag:t").await;
    assert_eq!(left_at().await, Some(at(40)));
}

/// Repeats and events about entries that the log does not hold change nothing.
pub async fn events_are_kept_once_per_type(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (device, other) = (world.device().await, world.device().await);
    let sent = world.push(&Draft::to(&["all"])).await;
    let event = |kind, millis, reason: Option<&str>| Event { kind, at: at(millis), reason: reason.map(str::to_owned) };
    let write = |device, entry, event: &Event| Write::Event { device, entry, event: event.clone(), dismissal: None };
    let opened = event(EventType::Opened, 60, None);
    let rejected = event(EventType::Rejected, 61, Some("not \"JSON\""));
    let displayed = event(EventType::Displayed, 59, None);
    let answers = world
        .commit(vec![
            write(device, sent.id, &opened),
            write(device, sent.id, &event(EventType::Opened, 99, None)),
            write(device, sent.id, &rejected),
            write(device, sent.id, &displayed),
            write(other, sent.id, &displayed),
            write(device, world.entry_id(), &opened),
            write(world.device_id(), sent.id, &opened),
        ])
        .await;
    let done: Vec<_> = answers.iter().map(is_done).collect();
    assert_eq!(done, [true, false, true, true, true, false, false]);
    assert!(answers.get(1).is_some_and(is_unchanged) && answers.get(5).is_some_and(is_unchanged), "{answers:?}");
    assert_eq!(answers.get(6).and_then(refusal), Some(Refusal::UnknownDevice));
    let rows = world.store.deliveries(&sent, None, 10).await.expect("deliveries");
    let own = rows.iter().find(|row| row.device == device).expect("the device");
    assert_eq!(own.events, [displayed.clone(), opened, rejected]);
    let own = rows.iter().find(|row| row.device == other).expect("the other device");
    assert_eq!(own.events, [displayed]);
}

/// The same use told again changes nothing, another time, action or text is another use; so many are kept.
pub async fn uses_of_actions_are_kept_each_once(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (device, other) = (world.device().await, world.device().await);
    let sent = world.push(&Draft::to(&["all"])).await;
    let used = |action: &str, text: Option<&str>, told, millis| UsedAction {
        at: at(millis),
        told_at: at(told),
        action: action.to_owned(),
        text: text.map(str::to_owned),
    };
    let write = |device, entry, used: &UsedAction| Write::Action { device, entry, used: used.clone() };
    let reply = used("reply", Some("on \"my\" way"), 60, 60);
    let (again, later) = (used("reply", Some("on \"my\" way"), 60, 70), used("reply", Some("on \"my\" way"), 61, 61));
    let (plain, more) = (used("like", None, 60, 59), used("reply", Some("here"), 60, 60));
    let writes = [&reply, &again, &later, &plain, &more].map(|used| write(device, sent.id, used));
    let mut writes = writes.to_vec();
    writes.extend([
        write(device, world.entry_id(), &reply),
        write(world.device_id(), sent.id, &reply),
        write(other, sent.id, &plain),
    ]);
    let answers = world.commit(writes).await;
    let done: Vec<_> = answers.iter().map(is_done).collect();
    assert_eq!(done, [true, false, true, true, true, false, false, true]);
    assert!(answers.get(1).is_some_and(is_unchanged) && answers.get(5).is_some_and(is_unchanged), "{answers:?}");
    assert_eq!(answers.get(6).and_then(refusal), Some(Refusal::UnknownDevice));
    let actions = async |device| {
        let rows = world.store.deliveries(&sent, None, 10).await.expect("deliveries");
        rows.into_iter().find(|row| row.device == device).expect("the device").actions
    };
    assert_eq!(actions(device).await, [plain.clone(), more, reply, later]);
    assert_eq!(actions(other).await, [plain]);
    let many = (0..USED_ACTIONS_MAX as i64).map(|n| write(other, sent.id, &used("more", None, n, n)));
    world.commit(many.collect()).await;
    assert_eq!(actions(other).await.len(), USED_ACTIONS_MAX);
}

/// Both or neither; the answer says which was a repeat.
pub async fn an_event_and_its_dismissal_are_one_write(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (device, other) = (world.device().await, world.device().await);
    world.bind(device, Some("user:alice")).await;
    world.bind(other, Some("user:alice")).await;
    let draft = Draft::to(&["user:alice"]);
    let sent = world.push(&draft).await;
    let write = |device, entry, kind| {
        let dismissal =
            Dismissal { id: world.entry_id(), at: at(61), target: target_of(&sent), routing: draft.routing() };
        let event = Event { kind, at: at(60), reason: None };
        Write::Event { device, entry, event, dismissal: Some(dismissal) }
    };
    let appended = entry(world.one(write(device, sent.id, EventType::Opened)).await);
    assert!(matches!(&appended.kind, EntryKind::Dismissal(target, _) if *target == target_of(&sent)), "{appended:?}");
    let last = world.last().await;
    let answers = world
        .commit(vec![
            write(device, sent.id, EventType::Opened),
            write(device, sent.id, EventType::Dismissed),
            write(other, sent.id, EventType::Opened),
            write(device, world.entry_id(), EventType::Opened),
            write(world.device_id(), sent.id, EventType::Opened),
        ])
        .await;
    assert!(answers.first().is_some_and(is_unchanged), "a repeat of both: {answers:?}");
    assert!(answers.get(1).is_some_and(is_done), "the dismissal is there already: {answers:?}");
    assert!(answers.get(2).is_some_and(is_done), "also when another device causes it: {answers:?}");
    assert!(answers.get(3).is_some_and(is_unchanged), "{answers:?}");
    assert_eq!(answers.get(4).and_then(refusal), Some(Refusal::UnknownDevice));
    assert_eq!(world.last().await, last, "nothing more was appended");
    let grouped = world.push(&draft).await;
    let dismissal =
        Dismissal { id: world.entry_id(), at: at(61), target: target_of(&grouped), routing: draft.routing() };
    let event = Event { kind: EventType::Dismissed, at: at(60), reason: None };
    let twice = Write::Event { device, entry: grouped.id, event, dismissal: Some(dismissal) };
    let answers =
        world.commit(vec![world.notification(&draft), twice.clone(), twice, world.notification(&draft)]).await;
    assert_eq!(seqs_of(&answers), [last + 2, last + 3, last + 4], "in the order of the writes");
    assert!(answers.get(2).is_some_and(is_unchanged), "{answers:?}");
}

/// The last write of a group counts; a group may hold all kinds of writes.
pub async fn contacts_and_attempts_are_kept(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let contact = |seen, next, offline: Option<i64>| Write::Contact {
        device,
        last_seen: at(seen),
        next_contact: next,
        offline_since: offline.map(at),
    };
    let attempts = |attempts| Write::Attempts { device, attempts };
    let noted = Attempts { seq: 4, sessions: 2 };
    let answers = world
        .commit(vec![
            contact(70, Some(at(90)), None),
            world.notification(&Draft::to(&["all"])),
            attempts(Some(Attempts { seq: 4, sessions: 1 })),
            attempts(Some(noted)),
            contact(80, None, Some(80)),
        ])
        .await;
    assert_eq!((seqs_of(&answers), answers.iter().filter(|written| is_done(written)).count()), (vec![2], 4));
    let record = world.load(device).await.device;
    assert_eq!((record.last_seen, record.next_contact, record.offline_since), (Some(at(80)), None, Some(at(80))));
    assert_eq!((record.attempts, record.recorded), (Some(noted), LaneSeqs::both(1)));
    world.commit(vec![attempts(None), contact(81, Some(at(99)), None)]).await;
    let record = world.load(device).await.device;
    assert_eq!((record.attempts, record.next_contact, record.offline_since), (None, Some(at(99)), None));
    let sent = world.push(&Draft::to(&["all"])).await;
    world.one(contact(85, None, Some(85))).await;
    let rows = world.store.deliveries(&sent, None, 10).await.expect("deliveries");
    let told: Vec<_> = rows.iter().map(|row| (row.last_seen, row.offline_since)).collect();
    assert_eq!(told, [(Some(at(85)), Some(at(85)))]);
    assert_eq!(world.store.devices(list()).await.expect("devices").first().and_then(|own| own.last_seen), Some(at(85)));
}

fn list() -> crate::read::DeviceQuery {
    crate::read::DeviceQuery { app: APP, account: None, key: None, after: None, limit: 10 }
}
