//! New content for a notification, and the uses of its actions.

use std::sync::Arc;

use longwire_core::notification_manager::{
    Acceptance, Accepted, EventError, IdempotencyRequest, Recalled, UpdateError,
};
use longwire_model::{EntryId, EntryKind, Timestamp};
use longwire_store::Store as _;

use crate::world::{World, notification};

async fn sent(world: &World) -> EntryId {
    match world.core.notifications.accept(notification(&["all"]), None).await.expect("accepted") {
        Acceptance::Accepted(accepted) => accepted.id,
        other => panic!("{other:?}"),
    }
}

/// Appends a letter to the present content.
async fn append(world: &World, id: EntryId, letter: char) -> Result<Acceptance, UpdateError<()>> {
    world.core.notifications.update(id, |present| Ok(format!("{present}{letter}").into()), None).await
}

async fn content(world: &World, id: EntryId) -> Arc<str> {
    let stored = world.store.entry(longwire_model::AppId::DEFAULT, id).await.expect("readable").expect("known");
    let update = stored.update.expect("an update");
    Arc::clone(&update.kind.content().expect("content").payload)
}

#[tokio::test]
async fn each_update_is_made_of_the_content_before_it() {
    let world = World::new().await;
    let (session, _) = world.phone("a").await;
    let id = sent(&world).await;
    let updates = ['a', 'b', 'c', 'd'].map(|letter| append(&world, id, letter));
    let [a, b, c, d] = updates;
    for accepted in [tokio::join!(a, b), tokio::join!(c, d)].map(|(one, two)| [one, two]).into_iter().flatten() {
        assert!(matches!(accepted, Ok(Acceptance::Accepted(Accepted { audience: 1, .. }))), "{accepted:?}");
    }
    let text = content(&world, id).await;
    let letters: Vec<char> =
        text.strip_prefix(notification(&[]).payload.as_ref()).expect("the first").chars().collect();
    assert_eq!(letters.len(), 4, "none is lost: {text}");
    assert_eq!(world.desk.sent_to(session).len(), 5);
}

#[tokio::test]
async fn what_is_over_gets_no_new_content() {
    let world = World::new().await;
    let unknown = append(&world, world.core.env.entry_id(), 'a').await;
    assert!(matches!(unknown, Err(UpdateError::Unknown)), "{unknown:?}");
    let id = sent(&world).await;
    let refused = world.core.notifications.update(id, |_| Err("no"), None).await;
    assert!(matches!(refused, Err(UpdateError::Merge("no"))), "{refused:?}");
    assert!(append(&world, id, 'a').await.is_ok());
    let update = world.store.entry(longwire_model::AppId::DEFAULT, id).await.expect("readable").expect("known").update;
    let of_update = append(&world, update.expect("an update").id, 'a').await;
    assert!(matches!(of_update, Err(UpdateError::Unknown)), "an update has no updates: {of_update:?}");
    assert_eq!(world.core.notifications.recall(id).await.expect("recalled"), Some(Recalled::Now));
    let recalled = append(&world, id, 'b').await;
    assert!(matches!(recalled, Err(UpdateError::Recalled)), "{recalled:?}");
    let id = sent(&world).await;
    world.hand.advance(3_600_000);
    let expired = append(&world, id, 'b').await;
    assert!(matches!(expired, Err(UpdateError::Expired)), "{expired:?}");
}

#[tokio::test]
async fn a_repeated_update_is_answered_as_the_first_time_also_after_a_recall_and_the_end() {
    let world = World::new().await;
    let id = sent(&world).await;
    let request = |body: u8| {
        let answer = Box::new(|accepted: &Accepted| accepted.id.to_string());
        Some(IdempotencyRequest { key: "k".into(), body_hash: [body; 32], status: 202, answer })
    };
    let update = async |request| world.core.notifications.update(id, |_| Ok::<_, ()>("{}".into()), request).await;
    let Ok(Acceptance::Accepted(first)) = update(request(1)).await else { panic!("accepted") };
    let repeated = Acceptance::Repeated { status: 202, answer: first.id.to_string() };
    assert_eq!(update(request(1)).await.expect("repeated"), repeated);
    assert!(matches!(update(request(2)).await, Err(UpdateError::IdempotencyMismatch)));
    world.core.notifications.recall(id).await.expect("recalled");
    assert_eq!(update(request(1)).await.expect("repeated"), repeated);
    assert!(matches!(update(None).await, Err(UpdateError::Recalled)));
    world.hand.advance(3_600_000);
    assert_eq!(update(request(1)).await.expect("repeated"), repeated, "it has expired by now");
}

#[tokio::test]
async fn an_update_keeps_audience_and_filter_and_takes_nobodys_place() {
    let world = World::new().await;
    let mut keyed = notification(&["all"]);
    (keyed.filter, keyed.collapse_key) = (Some("!tag:muted".parse().expect("a filter")), Some("k".into()));
    let Ok(Acceptance::Accepted(accepted)) = world.core.notifications.accept(keyed, None).await else {
        panic!("accepted")
    };
    append(&world, accepted.id, 'a').await.expect("accepted");
    let stored =
        world.store.entry(longwire_model::AppId::DEFAULT, accepted.id).await.expect("readable").expect("known");
    let (first, update) = (stored.entry, stored.update.expect("an update"));
    let (EntryKind::Notification(first), EntryKind::Update(_, update)) = (&first.kind, &update.kind) else { panic!() };
    assert_eq!((&first.routing, &first.filter), (&update.routing, &update.filter));
    assert_eq!(update.collapse_key, None);
}

#[tokio::test]
async fn uses_of_actions_are_told_with_the_delivery() {
    let world = World::new().await;
    let (_, device) = world.phone("a").await;
    let id = sent(&world).await;
    let report = async |entry, told| {
        let at = Timestamp::from_millis(told);
        world.core.notifications.report_action(device, entry, "reply".into(), Some("yes".into()), at).await
    };
    world.hand.advance(10);
    // A phone whose clock is ahead says the same twice: it is told once, at a time that can be.
    for _ in 0..2 {
        report(id, 9_000_000).await.expect("kept");
        world.hand.advance(10);
    }
    let page = world.core.notifications.deliveries(id, None, 10).await.expect("readable").expect("known");
    let actions = &page.first().expect("one device").actions;
    assert_eq!(
        actions.iter().map(|used| (used.at.as_millis(), &*used.action)).collect::<Vec<_>>(),
        [(1_000_010, "reply")]
    );
    let unknown = report(world.core.env.entry_id(), 0).await;
    assert!(matches!(unknown, Err(EventError::UnknownEntry)));
}
