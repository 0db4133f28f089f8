//! Positions, generations, entries.

use std::sync::Arc;

use longwire_model::device::Generation;
use longwire_model::{EntryKind, GenerationId};

use super::world::{APP, Draft, World, at, entry, refusal, seqs_of, target_of};
use crate::write::{Change, Refusal};
use crate::{Store, Write};

/// Positions are consecutive over all kinds of entries of a group; refused writes take none.
pub async fn positions_are_dense_in_the_order_of_the_writes(store: Arc<dyn Store>) {
    let world = World::new(store);
    let first = world.new_device("alice", "phone");
    let device = first.id;
    let answers = world
        .commit(vec![
            world.notification(&Draft::to(&["all"])),
            Write::Register(first),
            world.changing(world.device_id(), Change::User(None)),
            world.notification(&Draft::to(&["user:alice"])),
            world.changing(device, Change::User(Some(super::world::key("user:alice")))),
            Write::Generation { app: APP, id: GenerationId(1), entry: world.entry_id(), at: at(1) },
            Write::RemoveAccount("nobody".to_owned()),
            world.notification(&Draft::to(&["user:alice"])),
        ])
        .await;
    assert_eq!(seqs_of(&answers), [1, 2, 3, 4, 5, 6]);
    assert_eq!(answers.get(2).and_then(refusal), Some(Refusal::UnknownDevice));
    assert_eq!(world.last().await, 6);
    assert_eq!(world.push(&Draft::to(&["all"])).await.seq, 7);
}

/// The next position follows the last one even when nothing is left in the log.
pub async fn the_last_position_survives_a_sweep_of_everything(store: Arc<dyn Store>) {
    let world = World::new(store);
    world.push(&Draft::to(&["all"]).until(100)).await;
    world.push(&Draft::to(&["topic:x"]).until(100)).await;
    assert_eq!(world.store.sweep(APP, at(200), 100).await.expect("a sweep"), 2);
    assert_eq!(world.last().await, 2);
    assert_eq!(world.push(&Draft::to(&["all"])).await.seq, 3);
}

/// A generation takes a position, and the head lists all of them, ascending.
pub async fn generations_are_entries_in_order(store: Arc<dyn Store>) {
    let world = World::new(store);
    assert_eq!(world.store.head(APP).await.expect("the head").generations, []);
    let begin = |id| Write::Generation { app: APP, id: GenerationId(id), entry: world.entry_id(), at: at(1) };
    world.one(begin(u64::MAX)).await;
    world.push(&Draft::to(&["all"])).await;
    let written = entry(world.one(begin(7)).await);
    assert_eq!(written.kind, EntryKind::Generation(GenerationId(7)));
    let head = world.store.head(APP).await.expect("the head");
    let expected = [Generation { id: GenerationId(u64::MAX), seq: 1 }, Generation { id: GenerationId(7), seq: 3 }];
    assert_eq!((head.last, head.generations.as_slice()), (3, expected.as_slice()));
}

/// Appending does no work per device: one row, one position, however many devices hold the key.
pub async fn a_broadcast_to_ten_thousand_devices_is_one_row(store: Arc<dyn Store>) {
    let world = World::new(store);
    for _ in 0..20 {
        let group = (0..500).map(|_| Write::Register(world.new_device(&world.entry_id().to_string(), "phone")));
        world.commit(group.collect()).await;
    }
    assert_eq!(world.store.audience_size(APP, &[super::world::key("all")]).await.expect("a size"), 10_000);
    let sent = world.push(&Draft::to(&["all"])).await;
    assert_eq!((sent.seq, world.last().await), (10_001, 10_001));
    let page = world.store.deliveries(&sent, None, 100).await.expect("deliveries");
    assert_eq!(page.len(), 100);
}

/// Every kind of entry is found by its id and is what was written.
pub async fn entries_read_back_as_they_were_written(store: Arc<dyn Store>) {
    let world = World::new(store);
    let draft = Draft::to(&["user:bob", "topic:news", "all"]).background().collapse("k").filter("tag:a && !tag:b");
    let sent = world.push(&draft).await;
    let update = world.append(EntryKind::Update(target_of(&sent), draft.content()));
    let update = entry(world.one(update).await);
    let dismissal = world.append(EntryKind::Dismissal(target_of(&sent), draft.routing()));
    let dismissal = entry(world.one(dismissal).await);
    let recall = world.recall(&sent, &draft).await;
    let device = world.device().await;
    let change = world.change(device, Change::Join(super::world::key("tag:a"))).await;
    for written in [sent, update, dismissal, recall, change] {
        let read = world.store.entry(APP, written.id).await.expect("an answer").expect("an entry");
        assert_eq!(read.entry, written);
    }
    assert!(world.store.entry(APP, world.entry_id()).await.expect("an answer").is_none());
}
