//! What a sweep frees and what it keeps (DESIGN rule 4).

use std::sync::Arc;

use longwire_model::delivery::{Event, EventType};
use longwire_model::{Entry, EntryKind, Lane, Seq};

use super::world::{APP, Draft, World, acknowledgement, at, entry, key, target_of};
use crate::write::Change;
use crate::{Store, Write};

async fn sweep(world: &World, before: i64, limit: u32) -> u64 {
    world.store.sweep(APP, at(before), limit).await.expect("a sweep")
}

async fn retained(world: &World, entries: &[&Entry]) -> Vec<Seq> {
    let mut seqs = Vec::new();
    for entry in entries {
        if world.store.entry(APP, entry.id).await.expect("an answer").is_some() {
            seqs.push(entry.seq);
        }
    }
    seqs
}

/// Only what expired before the instant goes, and no more than the limit at once.
pub async fn an_unexpired_entry_is_never_swept(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let long = world.push(&Draft::to(&["all"]).until(500)).await;
    let edge = world.push(&Draft::to(&["all"]).until(200)).await;
    let short = [
        world.push(&Draft::to(&["all"]).until(199)).await,
        world.push(&Draft::to(&["all", "topic:x"]).until(100)).await,
        world.push(&Draft::to(&["user:alice"]).background().until(100)).await,
    ];
    assert_eq!(sweep(&world, 200, 2).await, 2);
    // The rest, and the registration, which lies below everything that is retained.
    assert_eq!(sweep(&world, 200, 100).await, 2);
    assert_eq!(sweep(&world, 200, 100).await, 0);
    let [a, b, c] = &short;
    assert_eq!(retained(&world, &[&long, &edge, a, b, c]).await, [long.seq, edge.seq]);
    assert_eq!(world.waiting(device, Lane::Normal).await, [long.seq, edge.seq]);
    assert_eq!(world.load(device).await.device.memberships.len(), 2);
}

/// FINDINGS 14: else a login would be given again what was superseded.
pub async fn what_supersedes_an_unexpired_entry_is_kept(store: Arc<dyn Store>) {
    let world = World::new(store);
    let draft = Draft::to(&["all"]).collapse("k");
    let long = world.push(&draft.clone().until(900)).await;
    let short = world.push(&draft.clone().until(100)).await;
    let other = world.push(&draft.clone().background().until(100)).await;
    let elsewhere = world.push(&Draft::to(&["topic:x"]).collapse("k").until(100)).await;
    let all = [&*long, &*short, &*other, &*elsewhere];
    assert_eq!(sweep(&world, 200, 100).await, 2);
    assert_eq!(retained(&world, &all).await, [long.seq, short.seq]);
    let stored = world.store.entry(APP, long.id).await.expect("an answer").expect("an entry");
    assert_eq!(stored.successors.first().map(|newer| newer.seq), Some(short.seq));
    assert_eq!(sweep(&world, 1_000, 100).await, 2);
    assert_eq!(retained(&world, &all).await, []);
}

/// Updates and dismissals as well; they go when their target is gone and they have expired themselves.
pub async fn a_recall_is_kept_as_long_as_its_target(store: Arc<dyn Store>) {
    let world = World::new(store);
    let long = Draft::to(&["all"]).until(900);
    let short = Draft::to(&["all"]).until(100);
    let sent = world.push(&long).await;
    let update = world.append(EntryKind::Update(target_of(&sent), short.content()));
    let update = entry(world.one(update).await);
    let recall = world.recall(&sent, &short).await;
    let brief = world.push(&short).await;
    let lasting = world.recall(&brief, &long).await;
    let all = [&*sent, &*update, &*recall, &*brief, &*lasting];
    assert_eq!(sweep(&world, 200, 100).await, 1);
    assert_eq!(retained(&world, &all).await, [sent.seq, update.seq, recall.seq, lasting.seq]);
    let stored = world.store.entry(APP, sent.id).await.expect("an answer").expect("an entry");
    assert_eq!(stored.recalled, Some((recall.seq, recall.created_at)));
    assert_eq!(sweep(&world, 1_000, 100).await, 4);
    assert_eq!(retained(&world, &all).await, []);
}

/// Rows live as long as something retained lies in them.
pub async fn sweeping_frees_intervals_and_raises_the_floor(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let floor = async || world.store.floor(APP).await.expect("the floor");
    assert_eq!(floor().await, 0);
    world.join(device, "topic:x").await;
    let early = world.push(&Draft::to(&["topic:x"]).until(100)).await;
    world.change(device, Change::Leave(key("topic:x"))).await;
    let kept = world.push(&Draft::to(&["all"]).until(900)).await;
    let late = world.push(&Draft::to(&["all"]).until(100)).await;
    let event = Event { kind: EventType::Opened, at: at(60), reason: None };
    let row = |from, to| Write::Acknowledge { device, row: acknowledgement(Lane::Normal, from, to, Vec::new()) };
    let opened = Write::Event { device, entry: kept.id, event: event.clone(), dismissal: None };
    world.commit(vec![row(1, early.seq), row(early.seq, late.seq), opened]).await;
    assert_eq!(world.load(device).await.device.memberships.len(), 3);
    assert!(sweep(&world, 200, 100).await >= 2);
    assert_eq!(floor().await, kept.seq - 1);
    let record = world.load(device).await.device;
    assert_eq!((record.memberships.len(), record.recorded.normal), (2, late.seq));
    let rows = world.store.deliveries(&kept, None, 10).await.expect("deliveries");
    let told = rows.first().map(|own| (own.acknowledgement.is_some(), own.events.clone()));
    assert_eq!(told, Some((true, vec![event])));
    sweep(&world, 1_000, 100).await;
    assert_eq!(floor().await, world.last().await);
    let again = world.push(&Draft::to(&["all"])).await;
    assert_eq!(world.waiting(device, Lane::Normal).await, [again.seq]);
    assert_eq!(floor().await, again.seq - 1);
}
