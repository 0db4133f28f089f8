//! Findings 9 to 17: shown to the wrong device, shown twice, shown although ended.

use longwire_core::devices::Change;
use longwire_model::Notification;
use longwire_model::delivery::State;

use crate::disk::COMMIT_MS;
use crate::mutate::Mutation;
use crate::server::key;
use crate::story::{Story, keyed, to};

/// An update is for who was in the audience of what it replaces.
pub(super) fn follow_target(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let late = story.phone();
    story.join(0, "topic:t");
    let push = story.push(to("topic:t"));
    story.join(late, "topic:t");
    story.update(push);
    story.heal();
    story.expect_once(0, push);
    story.expect_never(late, push);
    story.end()
}

/// An update of what the device was never sent is shown to nobody.
pub(super) fn upd_known(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.offline(0);
    let first = story.push(keyed());
    story.update(first);
    let second = story.push(keyed());
    story.heal();
    story.expect_never(0, first);
    story.expect_once(0, second);
    story.end()
}

/// A registration is a join: what was for everybody before it is not for the new device.
pub(super) fn all_interval(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let push = story.push(to("all"));
    let late = story.phone();
    let second = story.push(to("all"));
    story.heal();
    story.expect_once(0, push);
    story.expect_never(late, push);
    story.expect_once(late, second);
    story.end()
}

/// A leave ends what stands before it in the same batch.
pub(super) fn members_first(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.hold(Some(COMMIT_MS));
    story.post(to("topic:nobody"));
    story.world.settle();
    // The group behind the one that the disk has.
    story.post(to("user:alice"));
    story.world.settle();
    story.ask(0, Change::User(Some(key("user:bob"))));
    story.hold(None);
    story.pass(2_000);
    story.heal();
    let entries = story.world.book.notifications.clone();
    let push = entries.last().and_then(|seq| story.world.book.at(*seq)).map(|commit| commit.entry.id);
    story.expect(push.is_some(), "it is in the log");
    if let Some(push) = push {
        story.expect_never(0, push);
        story.expect_state(0, push, &[State::Left]);
    }
    story.end()
}

/// Now or never is not for who has left, also where that is not known yet.
pub(super) fn now_asof(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.miss_next_batch();
    story.ask(0, Change::User(Some(key("user:bob"))));
    story.pass(200);
    let push = story.now("user:alice");
    story.heal();
    story.expect_never(0, push);
    story.end()
}

/// What superseded something is kept as long as that.
pub(super) fn sweep_keep(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.offline(0);
    let first = story.push(keyed());
    let second = story.push(Notification { ttl_seconds: 60, ..keyed() });
    story.pass(60 * 60_000);
    story.sweep();
    story.heal();
    story.expect_never(0, first);
    story.expect_never(0, second);
    story.expect_state(0, first, &[State::Superseded]);
    story.end()
}

/// A device that states no cursor starts at its record.
pub(super) fn no_cursor(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let first = story.push(to("user:alice"));
    story.until_shown(0, first);
    story.crash();
    story.forget_inbox(0);
    story.start();
    story.until_online(0);
    let second = story.push(to("user:alice"));
    story.until_shown(0, second);
    story.expect_once(0, first);
    story.expect_once(0, second);
    story.heal();
    story.expect_once(0, first);
    story.end()
}

/// A recall reaches also who has left since.
pub(super) fn recall_left(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    let push = story.push(to("user:alice"));
    story.until_shown(0, push);
    story.offline(0);
    story.recall(push);
    story.bind(0, "user:bob");
    story.heal();
    story.expect_once(0, push);
    story.expect_gone(0, push);
    story.end()
}

/// Once an unbinding was answered, nothing of the former user is sent.
pub(super) fn strict(mutation: Option<Mutation>) -> Vec<String> {
    let mut story = Story::alice(mutation);
    story.offline(0);
    let push = story.push(to("user:alice"));
    story.unbind(0);
    story.restart();
    story.heal();
    story.expect_never(0, push);
    story.expect_state(0, push, &[State::Left]);
    story.end()
}
