//! Findings 25 to 30: the login that must not read the log, and what the model did not decide.

use longwire_core::devices::Change;
use longwire_model::Notification;
use longwire_model::delivery::State;

use crate::mutate::Mutation;
use crate::server::key;
use crate::story::{HEARTBEAT_MS, Story, to};

/// One that only devices with the tag `x` are shown.
fn filtered() -> Notification {
    Notification { filter: Some("tag:x".parse().expect("a filter")), ..to("user:alice") }
}

/// A push in one lane does not make a login read the other.
pub(super) fn newest_lane(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let push = story.push(to("user:alice"));
    story.until_shown(0, push);
    story.restart();
    let reads = story.world.disk.reads();
    story.until_online(0);
    story.pass(HEARTBEAT_MS);
    let read = story.world.disk.reads() - reads;
    story.expect(read == 0, &format!("a login with nothing waiting does not read the log, not {read} times"));
    story.heal();
    story.expect_once(0, push);
    story.end()
}

/// What a live session passes over is told with the next heartbeat.
pub(super) fn cursor_live(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let push = story.push(filtered());
    story.pass(3 * HEARTBEAT_MS);
    let (cursor, last) = (story.cursor(0), story.last());
    story.expect(cursor == last, &format!("the phone's cursor is {last}, not {cursor}"));
    story.restart();
    let reads = story.world.disk.reads();
    story.until_online(0);
    story.pass(HEARTBEAT_MS);
    let read = story.world.disk.reads() - reads;
    story.expect(read == 0, &format!("a login with nothing waiting does not read the log, not {read} times"));
    story.heal();
    story.expect_never(0, push);
    story.expect_state(0, push, &[State::Filtered]);
    story.end()
}

/// A copy that was put back by hand, with the phone away meanwhile.
pub(super) fn copy_by_hand(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let copy = story.copy();
    let lost: Vec<_> = (0..5).map(|_| story.push(to("user:alice"))).collect();
    story.offline(0);
    story.restore(copy);
    story.start();
    let pushes: Vec<_> = (0..2).map(|_| story.push(to("user:alice"))).collect();
    story.heal();
    lost.into_iter().chain(pushes).for_each(|push| story.expect_once(0, push));
    story.end()
}

/// What was filtered when the cursor passed it stays so.
pub(super) fn filtered_is_final(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let push = story.push(filtered());
    story.pass(3 * HEARTBEAT_MS);
    story.offline(0);
    story.join(0, "tag:x");
    let second = story.push(filtered());
    story.heal();
    story.expect_never(0, push);
    story.expect_state(0, push, &[State::Filtered]);
    story.expect_once(0, second);
    story.end()
}

/// What was stored for alice, and not handed over when the phone became bob's, is not handed to bob.
pub(super) fn former_users_rows(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    for _ in 0..8 {
        let push = story.push_only(to("user:alice"));
        story.until_stored(0, push);
        story.ask(0, Change::User(Some(key("user:bob"))));
        story.pass(5_000);
        story.bind(0, "user:alice");
    }
    story.bind(0, "user:bob");
    let push = story.push(to("user:bob"));
    story.heal();
    story.expect_once(0, push);
    story.end()
}
