//! Findings 18 to 23: a derived state that is not true.

use longwire_model::delivery::State;

use crate::disk::COMMIT_MS;
use crate::mutate::Mutation;
use crate::story::{Story, brief, to};

/// More than a second: what is brief is over.
const OVER_MS: u64 = 5_000;
/// Some of so many stories end where the phone has stored, and nothing but its list tells so.
const TIMES: usize = 6;

/// A cursor of a timeline that is gone acknowledges nothing of the new one.
pub(super) fn eff_is_ack(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let copy = story.copy();
    for _ in 0..4 {
        let push = story.push(to("user:alice"));
        story.until_shown(0, push);
    }
    story.offline(0);
    story.restore(copy);
    story.start();
    let new = story.push(brief());
    story.pass(OVER_MS);
    story.heal();
    story.expect_never(0, new);
    story.expect_state(0, new, &[State::Expired]);
    story.end()
}

/// The record moves with the list, not at the login: a connection that dies between loses neither.
pub(super) fn rec_with_stored(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.mute(0);
    let mut pushes = Vec::new();
    for _ in 0..TIMES {
        let push = story.push_only(to("user:alice"));
        story.until_stored(0, push);
        story.reset(0);
        story.lose_power_shown(0, push, OVER_MS);
        let brief = story.push(brief());
        story.pass(OVER_MS);
        story.until_online(0);
        story.reset(0);
        story.until("again online", |world| !world.phones[0].is_online());
        story.until_online(0);
        pushes.push((push, brief));
    }
    story.heal();
    for (push, brief) in pushes {
        story.expect_once(0, push);
        story.expect_delivered(0, push);
        story.expect_state(0, brief, &[State::Expired]);
    }
    story.end()
}

/// What was stored when the server died is known, also when nothing new comes.
pub(super) fn first_ack(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.mute(0);
    let mut pushes = Vec::new();
    for _ in 0..TIMES {
        let push = story.push_only(to("user:alice"));
        story.until_stored(0, push);
        story.restart();
        story.lose_power_shown(0, push, 0);
        story.until_online(0);
        pushes.push(push);
    }
    story.heal();
    for push in pushes {
        story.expect_once(0, push);
        story.expect_delivered(0, push);
    }
    story.end()
}

/// The list names nothing of a timeline that is gone.
pub(super) fn stored_le_eff(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let copy = story.copy();
    for _ in 0..4 {
        let push = story.push(to("user:alice"));
        story.until_shown(0, push);
    }
    story.offline(0);
    story.restore(copy);
    story.start();
    let new: Vec<_> = (0..3).map(|_| story.push(brief())).collect();
    story.pass(OVER_MS);
    let last = story.last();
    story.network(0);
    story.until_online(0);
    story.until("told the new end", |world| {
        let cursor = world.phones[0].record().record.cursor;
        world.phones[0].is_online() && cursor.is_some_and(|cursor| cursor.normal == last)
    });
    story.offline(0);
    story.heal();
    for new in new {
        story.expect_never(0, new);
        story.expect_state(0, new, &[State::Expired]);
    }
    story.end()
}

/// A phone keeps the seqs that it has acknowledged: the server may forget that it was told.
pub(super) fn keep_seqs(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.mute(0);
    let push = story.push_only(to("user:alice"));
    story.until_stored(0, push);
    story.hold(Some(COMMIT_MS));
    // The acknowledgement has come, and its row waits for the disk.
    story.pass(2_000);
    let copy = story.copy();
    story.hold(None);
    story.pass(2_000);
    story.restore(copy);
    story.start();
    story.heal();
    story.expect_once(0, push);
    story.expect_delivered(0, push);
    story.end()
}

/// A row names the record that it extends: one that was lost leaves no hole that reads as delivered.
pub(super) fn row_chain(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let before = story.push(to("user:alice"));
    story.until_shown(0, before);
    story.offline(0);
    let expired = story.push(brief());
    story.pass(OVER_MS);
    let first = story.push(to("user:alice"));
    story.network(0);
    story.until_stored(0, first);
    story.world.disk.lose_next_row();
    story.pass(2_000);
    let second = story.push(to("user:alice"));
    story.heal();
    story.expect_state(0, expired, &[State::Expired]);
    for push in [first, second] {
        story.expect_once(0, push);
        story.expect_delivered(0, push);
    }
    story.end()
}
