//! Accepting, repeating, recalling, and what became of it.

use std::sync::Arc;

use longwire_core::devices::Change;
use longwire_core::notification_manager::{
    AcceptError, Acceptance, Accepted, DeviceDelivery, EventError, IdempotencyRequest, Recalled,
};
use longwire_model::delivery::{Cause, Event, EventType, State};
use longwire_model::{AudienceKey, DeviceId, EntryId, EntryKind, SessionEnd, Timestamp};
use longwire_store::Store;

use crate::world::{World, notification};

async fn accepted(world: &World, to: &[&str]) -> Accepted {
    match world.core.notifications.accept(notification(to), None).await.expect("accepted") {
        Acceptance::Accepted(accepted) => accepted,
        other => panic!("{other:?}"),
    }
}

fn request(key: &str, body: u8) -> Option<IdempotencyRequest> {
    let answer = Box::new(|accepted: &Accepted| accepted.id.to_string());
    Some(IdempotencyRequest { key: key.into(), body_hash: [body; 32], status: 202, answer })
}

#[tokio::test]
async fn from_acceptance_to_a_person() {
    let world = World::new().await;
    let (session, device) = world.phone("a").await;
    let accepted = accepted(&world, &["all"]).await;
    assert_eq!((accepted.audience, accepted.without_members.len()), (1, 0));
    let status = |world: World| async move {
        let status = world.core.notifications.status(accepted.id).await.expect("readable").expect("known");
        (world, status)
    };
    let (world, sent) = status(world).await;
    assert_eq!((sent.state, sent.counts.as_slice(), sent.audience), (State::Sent, [(State::Sent, 1)].as_slice(), 1));
    let seq = world.desk.sent_to(session)[0];
    world.hand.advance(5);
    world.acknowledge(session, seq).await;
    let (world, delivered) = status(world).await;
    assert_eq!(delivered.state, State::Delivered);
    world.hand.advance(1);
    // A phone whose clock is ahead: what it tells happened when it was heard of, at the latest.
    let event = Event { kind: EventType::Displayed, at: Timestamp::from_millis(9_000_000), reason: None };
    world.core.notifications.report(device, accepted.id, event).await.expect("kept");
    let page = world.core.notifications.deliveries(accepted.id, None, 10).await.expect("readable").expect("known");
    let [DeviceDelivery { device: who, delivery, .. }] = page.as_slice() else { panic!("one device") };
    assert_eq!((*who, delivery.state), (device, State::Displayed));
    let at: Vec<_> = delivery.at.iter().map(|(state, at)| (*state, at.as_millis())).collect();
    assert_eq!(
        at,
        [
            (State::Accepted, 1_000_000),
            (State::Sent, 1_000_000),
            (State::Delivered, 1_000_005),
            (State::Displayed, 1_000_006)
        ]
    );
}

#[tokio::test]
async fn what_delayed_it_is_known_from_the_sessions() {
    let world = World::new().await;
    let (session, device) = world.phone("a").await;
    world.hand.advance(1_000);
    world.core.log_out("a", session, SessionEnd::Silent, None);
    world.desk.shard().unbind(session);
    world.hand.advance(1_000);
    let accepted = accepted(&world, &["all"]).await;
    world.hand.advance(60_000);
    let told = |world: World| async move {
        let page = world.core.notifications.deliveries(accepted.id, None, 10).await.expect("readable").expect("known");
        let DeviceDelivery { delivery, .. } = page.into_iter().next().expect("one device");
        (world, delivery)
    };
    let (world, away) = told(world).await;
    let [delay] = away.delays.as_slice() else { panic!("one delay: {away:?}") };
    let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
    assert_eq!((delay.cause, millis(Some(delay.from)), delay.to), (Cause::Offline, Some(1_002_000), None));
    assert_eq!(millis(delay.since), Some(1_001_000));
    assert!(delay.detail.contains("silent"), "{delay:?}");
    let (ready, _) = world.log_in(world.push_login("a", "agent")).await.expect("a login");
    let session = ready.session.key;
    world.acknowledge(session, world.core.log.last()).await;
    let (world, there) = told(world).await;
    let [delay] = there.delays.as_slice() else { panic!("one delay: {there:?}") };
    assert_eq!((delay.cause, millis(delay.to)), (Cause::Offline, Some(1_062_000)));
    // A second session of the device, and then the end of the server: both are told to the store.
    world.hand.advance(5);
    let (_, same) = world.log_in(world.push_login("a", "agent")).await.expect("a login");
    assert_eq!(same, device);
    world.hand.advance(5);
    world.core.resume().await.expect("written");
    let ends = world.store.sessions(&[device], Timestamp::default()).await.expect("readable");
    let ends: Vec<_> = ends.into_values().flatten().map(|session| session.end).collect();
    assert_eq!(ends, [SessionEnd::Silent, SessionEnd::Conflict, SessionEnd::Restart]);
}

#[tokio::test]
async fn of_named_devices_each_counts_once_and_others_are_counted_by_the_store() {
    let world = World::new().await;
    let ((_, first), (_, second)) = (world.phone("a").await, world.phone("b").await);
    let (first, second) = (format!("device:{first}"), format!("device:{second}"));
    for to in [vec![&*first, &*second], vec![&*first, &*second, &*first], vec![&*first, "all"]] {
        let accepted = accepted(&world, &to).await;
        assert_eq!((accepted.audience, accepted.without_members.len()), (2, 0), "{to:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_a_warning_and_an_unknown_device_an_error() {
    let world = World::new().await;
    let accepted = accepted(&world, &["user:alice", "all"]).await;
    assert_eq!(accepted.audience, 0);
    assert_eq!(accepted.without_members, [AudienceKey::user("alice").expect("a name")]);
    let unknown = DeviceId::new([1; 16]);
    let refused = world.core.notifications.accept(notification(&[&format!("device:{unknown}")]), None).await;
    assert!(matches!(refused, Err(AcceptError::UnknownDevice(device)) if device == unknown));
}

#[tokio::test]
async fn http_08_a_repeated_key_is_answered_as_the_first_time() {
    let world = Arc::new(World::new().await);
    let mut tasks = Vec::new();
    for _ in 0..50 {
        let world = Arc::clone(&world);
        tasks.push(tokio::spawn(async move {
            world.core.notifications.accept(notification(&["all"]), request("k", 1)).await.expect("accepted")
        }));
    }
    let mut ids = Vec::new();
    let mut first = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Acceptance::Accepted(accepted) => {
                first += 1;
                ids.push(accepted.id.to_string());
            }
            Acceptance::Repeated { status: 202, answer } => ids.push(answer),
            other => panic!("{other:?}"),
        }
    }
    ids.dedup();
    assert_eq!((first, ids.len()), (1, 1));
    let other = world.core.notifications.accept(notification(&["all"]), request("k", 2)).await;
    assert!(matches!(other, Err(AcceptError::IdempotencyMismatch)));
    let now = longwire_model::Notification { ttl_seconds: 0, ..notification(&["all"]) };
    let refused = world.core.notifications.accept(now, request("n", 1)).await;
    assert!(matches!(refused, Err(AcceptError::IdempotencyWithoutTtl)));
}

#[tokio::test]
async fn a_store_that_cannot_write_accepts_nothing_and_recovers() {
    let world = World::new().await;
    world.store.set_unavailable(Some("disk full"));
    let refused = world.core.notifications.accept(notification(&["all"]), None).await;
    assert!(matches!(refused, Err(AcceptError::Core(error)) if error.is_retryable()));
    world.store.set_unavailable(None);
    accepted(&world, &["all"]).await;
    assert!(world.core.failure().is_none());
}

#[tokio::test]
async fn now_or_never_is_counted_and_not_kept() {
    let world = World::new().await;
    let (session, _) = world.phone("a").await;
    let last = world.core.log.last();
    let now = longwire_model::Notification { ttl_seconds: 0, ..notification(&["all"]) };
    let Ok(Acceptance::Now { id, sessions: 1 }) = world.core.notifications.accept(now, None).await else {
        panic!("one session takes it")
    };
    assert_eq!(world.desk.sent_to(session), [0]);
    assert_eq!(world.core.log.last(), last);
    assert_eq!(world.core.notifications.status(id).await.expect("readable"), None);
}

#[tokio::test]
async fn a_recall_is_said_once_and_ends_what_was_not_delivered() {
    let world = World::new().await;
    let (session, _) = world.phone("a").await;
    world.core.log_out("a", session, SessionEnd::Lost, None);
    world.desk.shard().unbind(session);
    let accepted = accepted(&world, &["all"]).await;
    let recall = || world.core.notifications.recall(accepted.id);
    assert_eq!(recall().await.expect("written"), Some(Recalled::Now));
    assert_eq!(recall().await.expect("written"), Some(Recalled::Before));
    let status = world.core.notifications.status(accepted.id).await.expect("readable").expect("known");
    assert_eq!(status.state, State::Recalled);
    let unknown = world.core.env.entry_id();
    assert_eq!(world.core.notifications.recall(unknown).await.expect("readable"), None);
}

#[tokio::test]
async fn what_was_delivered_is_recalled_when_the_device_has_the_recall() {
    let world = World::new().await;
    let (session, _) = world.phone("a").await;
    let accepted = accepted(&world, &["all"]).await;
    world.acknowledge(session, world.core.log.last()).await;
    assert_eq!(world.core.notifications.recall(accepted.id).await.expect("written"), Some(Recalled::Now));
    let state =
        || async { world.core.notifications.status(accepted.id).await.expect("readable").expect("known").state };
    assert_eq!(state().await, State::Delivered, "it is still on the screen");
    world.acknowledge(session, world.core.log.last()).await;
    assert_eq!(state().await, State::Recalled);
}

#[tokio::test]
async fn what_one_device_of_a_user_opens_is_dismissed_on_the_others() {
    let world = World::new().await;
    let (_, device) = world.phone("a").await;
    let alice = AudienceKey::user("alice").expect("a name");
    world.core.change(device, Change::User(Some(alice.clone()))).await.expect("bound");
    let to_user = accepted(&world, &["user:alice"]).await;
    let to_all = accepted(&world, &["all"]).await;
    for id in [to_user.id, to_all.id, to_user.id] {
        let event = Event { kind: EventType::Opened, at: Timestamp::from_millis(1), reason: None };
        world.core.notifications.report(device, id, event).await.expect("kept");
    }
    let sent = world.desk.sent.lock().expect("unpoisoned");
    let dismissals: Vec<_> = sent
        .iter()
        .filter_map(|(_, entry)| match &entry.kind {
            EntryKind::Dismissal(target, routing) => Some((target.id, routing.audience.to_vec())),
            EntryKind::Notification(_)
            | EntryKind::Update(..)
            | EntryKind::Recall(..)
            | EntryKind::Membership(_)
            | EntryKind::Generation(_) => None,
        })
        .collect();
    assert_eq!(dismissals, [(to_user.id, vec![alice])], "once, and only for what went to the user");
}

#[tokio::test]
async fn an_event_is_taken_only_from_a_device_that_was_addressed() {
    let world = World::new().await;
    let alice = AudienceKey::user("alice").expect("a name");
    let be = |user: &AudienceKey| Change::User(Some(user.clone()));
    let (_, own) = world.phone("a").await;
    let (_, late) = world.phone("b").await;
    world.core.change(own, be(&alice)).await.expect("bound");
    let id = accepted(&world, &["user:alice"]).await.id;
    world.core.change(late, be(&alice)).await.expect("bound");
    let last = world.core.log.last();
    let report = async |device, id| {
        let event = Event { kind: EventType::Opened, at: Timestamp::from_millis(1), reason: None };
        world.core.notifications.report(device, id, event).await
    };
    for (device, id) in
        [(late, id), (late, EntryId::new(Timestamp::from_millis(1), [1; 10])), (DeviceId::new([1; 16]), id)]
    {
        assert!(matches!(report(device, id).await, Err(EventError::UnknownEntry)), "{device} {id}");
    }
    // It has shown what it tells of, whosever it is now; the others of its user of today are left alone.
    let bob = AudienceKey::user("bob").expect("a name");
    let to_both = accepted(&world, &["user:alice", "user:bob"]).await.id;
    world.core.change(own, be(&bob)).await.expect("bound");
    for id in [id, to_both] {
        report(own, id).await.expect("its former interval holds it");
    }
    assert_eq!(world.core.log.last(), last + 2, "the notification and the change, no dismissal");
    let account = longwire_store::Write::TakeOver { device: own, account: "b".into(), unless_disabled: true };
    world.core.log.write(account).await.expect("taken over");
    report(own, to_both).await.expect("the device is the same");
}

#[tokio::test]
async fn writes_of_many_senders_are_one_dense_log() {
    let world = Arc::new(World::new().await);
    let before = world.core.log.last();
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { accepted(&world, &["all"]).await.id })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.expect("no panic"));
    }
    assert_eq!(world.core.log.last(), before + 200);
    for id in ids {
        assert!(world.store.entry(world.core.log.app(), id).await.expect("readable").is_some());
    }
}

#[tokio::test]
async fn f05_a_store_that_refused_is_doubted_until_it_appends_or_was_tried() {
    let world = World::new().await;
    let log = &world.core.log;
    let is_accepted = async || world.core.notifications.accept(notification(&["all"]), None).await.is_ok();
    for is_tried in [false, true] {
        assert!(!log.is_doubted());
        world.store.set_unavailable(Some("the disk is full"));
        assert!(!is_accepted().await && !is_accepted().await && world.core.probe().await.is_err());
        world.store.set_unavailable(None);
        world.core.auth.revoke_key("none").await.expect("a small write");
        assert!(log.is_doubted(), "there may be no room for more");
        assert!(if is_tried { world.core.probe().await.is_ok() } else { is_accepted().await });
    }
    assert!(!log.is_doubted());
    assert_eq!(world.core.metrics.store_failures.get(), 6);
}
