//! Findings 1 to 8: an accepted entry is never shown.

use longwire_model::delivery::State;
use longwire_model::{Lane, Notification};

use crate::disk::DEVICE_MS;
use crate::mutate::Mutation;
use crate::story::{HEARTBEAT_MS, Story, keyed, to};

/// What no process lives through: more than three deaths, some of them before it has loaded.
const DEATHS: usize = 24;
/// So long after it began to connect, a phone is about to be given what waits.
const IN_FLIGHT_MS: u64 = 13;

/// A `seq` that a phone has seen is on disk, and never given out again.
pub(super) fn durable_first(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let first = story.push(to("user:alice"));
    story.restart();
    let second = story.push(to("user:alice"));
    story.until_online(0);
    story.post(to("user:alice"));
    story.crash_before_sync();
    story.start();
    story.heal();
    story.expect_once(0, first);
    story.expect_once(0, second);
    let shown = story.world.phones[0].seen.len();
    story.expect(shown == 2, "what was not on disk is nowhere");
    story.end()
}

/// The last `seq` is a row of its own, never the highest in the log.
pub(super) fn counter(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let first = story.push(Notification { ttl_seconds: 60, ..to("user:alice") });
    story.pass(40 * 60_000);
    story.sweep();
    let second = story.push(to("user:alice"));
    story.heal();
    story.expect_once(0, first);
    story.expect_once(0, second);
    story.end()
}

/// A restored copy begins a new generation, also when the server dies at once.
pub(super) fn gen_synced(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let copy = story.copy();
    let lost: Vec<_> = (0..4).map(|_| story.push(to("user:alice"))).collect();
    story.restore(copy);
    story.start();
    story.restart();
    let pushes: Vec<_> = (0..4).map(|_| story.push(to("user:alice"))).collect();
    story.heal();
    lost.into_iter().chain(pushes).for_each(|push| story.expect_once(0, push));
    story.end()
}

/// After a restored copy, a batch that nobody heard of is read from the log before anything newer is sent.
pub(super) fn gen_everywhere(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let copy = story.copy();
    story.push(to("user:alice"));
    story.restore(copy);
    story.start();
    story.until_online(0);
    story.miss_next_batch();
    let pushes: Vec<_> = (0..25).map(|_| story.push(to("user:alice"))).collect();
    story.heal();
    pushes.into_iter().for_each(|push| story.expect_once(0, push));
    story.end()
}

/// Neither connections nor processes that merely end reject what they were about to read.
pub(super) fn reject(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.offline(0);
    let pushes: Vec<_> = (0..6).map(|_| story.push(to("user:alice"))).collect();
    for _ in 0..4 {
        story.network(0);
        story.until("a connection", |world| world.phones[0].conn.is_some());
        story.pass(IN_FLIGHT_MS);
        story.offline(0);
    }
    story.network(0);
    story.until_stored(0, pushes[0]);
    for _ in 0..DEATHS {
        story.kill(0);
        story.pass(3);
    }
    story.heal();
    for push in pushes {
        story.expect_once(0, push);
        story.expect_delivered(0, push);
    }
    story.end()
}

/// What the device's filter keeps out supersedes nothing.
pub(super) fn sup_filter(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.offline(0);
    let first = story.push(keyed());
    let filter = Some("tag:x".parse().expect("a filter"));
    let second = story.push(Notification { filter, ..keyed() });
    story.heal();
    story.expect_once(0, first);
    story.expect_never(0, second);
    story.expect_state(0, second, &[State::Filtered]);
    story.end()
}

/// What was appended between the reading of a device and its binding reaches it.
pub(super) fn load_asof(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.crash();
    story.hold(Some(DEVICE_MS));
    story.start();
    // The phone comes back, and its record is being read.
    story.pass(HEARTBEAT_MS);
    let push = story.push(to("user:alice"));
    story.hold(None);
    story.pass(HEARTBEAT_MS);
    story.heal();
    story.expect_once(0, push);
    story.end()
}

/// The normal lane's position says nothing of what waits in the background lane.
pub(super) fn lane_pos(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.offline(0);
    let held = story.push(Notification { lane: Lane::Background, ..to("user:alice") });
    let pushes: Vec<_> = (0..100).map(|_| story.push(to("user:alice"))).collect();
    story.network(0);
    story.until_stored(0, pushes[0]);
    story.reset(0);
    story.kill(0);
    story.heal();
    story.expect_once(0, held);
    pushes.into_iter().for_each(|push| story.expect_once(0, push));
    story.end()
}
