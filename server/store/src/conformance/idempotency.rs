//! A sender's own keys for requests.

use std::sync::Arc;

use super::world::{APP, World, at, refusal, seqs_of};
use crate::write::{IDEMPOTENCY_MILLIS, Refusal};
use crate::{Store, Written};

fn answer(written: &Written) -> Option<(u16, &str)> {
    if let Written::Repeated { status, answer } = written { Some((*status, answer)) } else { None }
}

/// Also within one group.
pub async fn a_repeated_key_gives_the_first_answer_and_another_body_is_refused(store: Arc<dyn Store>) {
    let world = World::new(store);
    let group = vec![world.request("k", 1, 0), world.request("k", 1, 1), world.request("k", 2, 1)];
    let first = world.commit(group).await;
    assert_eq!(seqs_of(&first), [1]);
    assert_eq!(first.get(1).and_then(answer), Some((202, r#"{"body":1}"#)));
    assert_eq!(first.get(2).and_then(refusal), Some(Refusal::IdempotencyMismatch));
    let later = world.commit(vec![world.request("k", 1, 2), world.request("k", 2, 2), world.request("l", 2, 2)]).await;
    assert_eq!(later.first().and_then(answer), Some((202, r#"{"body":1}"#)));
    assert_eq!(later.get(1).and_then(refusal), Some(Refusal::IdempotencyMismatch));
    assert_eq!(seqs_of(&later), [2]);
}

/// A key counts for 24 h from the write that used it, by the instants of the writes.
pub async fn a_key_is_forgotten_after_a_day(store: Arc<dyn Store>) {
    let world = World::new(store);
    world.one(world.request("k", 1, 5)).await;
    let within = world.one(world.request("k", 1, 4 + IDEMPOTENCY_MILLIS)).await;
    assert!(answer(&within).is_some(), "{within:?}");
    let after = world.one(world.request("k", 2, 5 + IDEMPOTENCY_MILLIS)).await;
    assert_eq!(seqs_of(&[after]), [2]);
    let again = world.one(world.request("k", 2, 6 + IDEMPOTENCY_MILLIS)).await;
    assert_eq!(answer(&again), Some((202, r#"{"body":2}"#)));
}

/// Whoever repeats a request learns its answer also where nothing could be written for it any more.
pub async fn an_answer_is_found_by_its_key_for_a_day(store: Arc<dyn Store>) {
    let world = World::new(store);
    world.one(world.request("k", 1, 5)).await;
    let found = world.store.request(APP, "k", at(4 + IDEMPOTENCY_MILLIS)).await.expect("a read").expect("the request");
    assert_eq!((found.status, found.answer.as_str()), (202, r#"{"body":1}"#));
    assert_eq!(world.store.request(APP, "k", at(5 + IDEMPOTENCY_MILLIS)).await.expect("a read"), None);
    assert_eq!(world.store.request(APP, "l", at(5)).await.expect("a read"), None);
}

/// HTTP-08: whoever comes first is appended, the others get its answer.
pub async fn of_fifty_parallel_requests_with_one_key_one_is_appended(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store));
    let mut tasks = Vec::new();
    for _ in 0..50 {
        let world = Arc::clone(&world);
        tasks.push(tokio::spawn(async move { world.one(world.request("k", 1, 0)).await }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("a task"));
    }
    assert_eq!(seqs_of(&answers), [1]);
    assert_eq!(answers.iter().filter_map(answer).count(), 49);
}
