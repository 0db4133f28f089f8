//! The rules of the log and the cursor, one schedule each.

use std::sync::Arc;

use crate::world::{World, device};
use longwire_model::delivery::Ending;
use longwire_model::{Entry, EntryKind, Lane, LaneSeqs, Timestamp};
use longwire_router::{CloseReason, Output, SETTLE_MS, SessionKind, Stated, Violation, WINDOW_ENTRIES};

/// A world with alice's phone (1) online and everything settled.
fn alice() -> (World, longwire_model::DeviceId, longwire_router::SessionKey) {
    let mut world = World::new();
    let phone = world.register(1);
    world.change(phone, &["user:alice"], &[]);
    world.announce();
    let session = world.login(phone, 1);
    world.settle();
    (world, phone, session)
}

#[test]
fn live_pushes_arrive_in_order_and_are_recorded() {
    let (mut world, phone, _) = alice();
    let first = world.push(&["user:alice"]);
    let second = world.push(&["all"]);
    world.announce();
    assert!(world.has(phone, &first) && world.has(phone, &second));
    assert_eq!(world.ending(phone, &first), Some(None));
    assert_eq!(world.devices[&phone].recorded.normal, second.seq);
}

#[test]
fn offline_then_online_reads_the_log_once_and_only_when_something_waits() {
    let (mut world, phone, session) = alice();
    world.drop_session(session);
    let push = world.push(&["user:alice"]);
    for _ in 0..2_000 {
        world.push(&["user:bob"]);
    }
    world.announce();
    world.login(phone, 2);
    world.settle();
    assert!(world.has(phone, &push));
    let reads = world.log_reads;
    assert!(reads > 0, "the entry was no longer in memory");
    world.drop_session(longwire_router::SessionKey(2));
    world.login(phone, 3);
    world.settle();
    assert_eq!(world.log_reads, reads, "nothing waits: no query of the log");
}

#[test]
fn finding_25_newest_is_kept_per_lane() {
    let (mut world, phone, session) = alice();
    world.push(&["user:alice"]);
    world.announce();
    world.drop_session(session);
    for _ in 0..2_000 {
        world.push(&["user:bob"]);
    }
    world.announce();
    world.login(phone, 2);
    world.settle();
    assert_eq!(world.log_reads, 0, "a push in one lane does not make the other be read");
}

#[test]
fn finding_26_a_filtered_live_push_is_told_as_cursor_at_the_heartbeat() {
    let (mut world, phone, session) = alice();
    let push = world.push_with(&["user:alice"], |content| content.filter = "tag:beta".parse().ok());
    world.announce();
    assert!(!world.has(phone, &push));
    assert!(world.devices[&phone].recorded.normal < push.seq);
    world.beat(session);
    assert_eq!(world.devices[&phone].recorded.normal, push.seq);
    assert_eq!(world.ending(phone, &push), Some(Some(Ending::Filtered)));
}

#[test]
fn a_full_window_holds_back_and_goes_on_in_order() {
    let (mut world, phone, session) = alice();
    let pushes: Vec<Arc<Entry>> = (0..WINDOW_ENTRIES * 3 + 5).map(|_| world.push(&["user:alice"])).collect();
    world.announce_only();
    assert_eq!(world.shard.unacknowledged(), WINDOW_ENTRIES);
    assert_eq!(world.phones[&phone].got.len(), WINDOW_ENTRIES);
    world.settle();
    assert!(pushes.iter().all(|push| world.has(phone, push)));
    assert!(pushes.iter().all(|push| world.ending(phone, push) == Some(None)));
    assert!(world.ack(session).is_ok());
}

#[test]
fn a_window_of_bytes_is_bounded_too() {
    let (mut world, phone, _) = alice();
    let payload: Arc<str> = "x".repeat(100 * 1024).into();
    for _ in 0..6 {
        let payload = Arc::clone(&payload);
        world.push_with(&["user:alice"], |content| content.payload = payload);
    }
    world.announce_only();
    assert_eq!(world.phones[&phone].got.len(), 3, "256 KiB are full with the third");
    world.settle();
    assert_eq!(world.phones[&phone].got.len(), 6);
}

#[test]
fn a_window_full_for_thirty_seconds_closes_the_session() {
    let (mut world, _, session) = alice();
    for _ in 0..=WINDOW_ENTRIES {
        world.push(&["user:alice"]);
    }
    world.announce_only();
    let due = world.shard.poll_timeout(session, world.now).expect("a full window has a deadline");
    assert_eq!(due, 30_000);
    let mut out = Vec::new();
    world.now.mono_ms = due - 1;
    world.shard.timeout(session, world.now, &mut out);
    assert!(out.is_empty());
    world.now.mono_ms = due;
    world.shard.timeout(session, world.now, &mut out);
    assert!(matches!(out.as_slice(), [Output::Close(_, CloseReason::Stalled)]));
}

#[test]
fn finding_12_a_leave_in_the_same_batch_ends_what_was_not_sent() {
    let (mut world, phone, session) = alice();
    let push = world.push(&["user:alice"]);
    world.change(phone, &["user:bob"], &["user:alice"]);
    let after = world.push(&["user:bob"]);
    world.announce();
    assert!(!world.has(phone, &push), "bob never sees what was pending for alice");
    assert!(world.has(phone, &after));
    world.beat(session);
    assert_eq!(world.ending(phone, &push), Some(Some(Ending::Left)));
}

#[test]
fn a_push_behind_the_join_is_received_and_one_before_it_is_not() {
    let (mut world, phone, _) = alice();
    let before = world.push(&["topic:news"]);
    world.change(phone, &["topic:news"], &[]);
    let after = world.push(&["topic:news"]);
    world.announce();
    assert!(!world.has(phone, &before) && world.has(phone, &after));
}

#[test]
fn finding_11_a_device_registered_later_gets_nothing_from_before() {
    let (mut world, _, _) = alice();
    let push = world.push(&["all"]);
    let late = world.register(2);
    world.announce();
    world.login(late, 2);
    world.settle();
    assert!(!world.has(late, &push));
}

#[test]
fn finding_9_an_update_follows_its_targets_audience() {
    let (mut world, alices, _) = alice();
    world.change(alices, &["topic:t"], &[]);
    let push = world.push(&["topic:t"]);
    let late = world.register(2);
    world.change(late, &["topic:t"], &[]);
    world.announce();
    world.login(late, 2);
    let update = world.update(&push);
    world.announce();
    assert!(world.phones[&alices].got.contains(&(Lane::Normal, update.seq)));
    assert!(!world.phones[&late].got.contains(&(Lane::Normal, update.seq)));
}

#[test]
fn an_update_is_not_for_whom_the_filter_kept_out_of_its_target() {
    for fillers in [0, 2_000] {
        for is_live in [true, false] {
            let (mut world, never, session) = alice();
            world.change(never, &["tag:other"], &[]);
            let once = world.register(2);
            world.change(once, &["tag:beta"], &[]);
            world.announce();
            let other = world.login(once, 2);
            world.settle();
            let push = world.push_with(&["all"], |content| content.filter = "tag:beta".parse().ok());
            world.announce();
            assert!(!world.has(never, &push) && world.has(once, &push));
            // Who has it is given the new content, also without the tag; who joins the tags of others is still kept out.
            world.change(once, &[], &["tag:beta"]);
            world.change(never, &["tag:muted"], &["tag:other"]);
            if !is_live {
                world.drop_session(session);
                world.drop_session(other);
            }
            let update = world.update(&push);
            for _ in 0..fillers {
                world.push(&["user:nobody"]); // what came before them is in the log only
            }
            world.announce();
            if !is_live {
                world.login(never, 3);
                world.login(once, 4);
                world.settle();
            }
            let got = |device| world.phones[&device].got.contains(&(Lane::Normal, update.seq));
            assert!(!got(never), "live: {is_live}, {fillers} between");
            assert!(got(once), "live: {is_live}, {fillers} between");
        }
    }
}

#[test]
fn an_update_is_for_whoever_may_have_passed_the_filter_of_its_target() {
    let (mut world, phone, session) = alice();
    world.drop_session(session);
    let push = world.push_with(&["all"], |content| content.filter = "tag:beta && !tag:muted".parse().ok());
    // It passes for a while, in which the notification is considered: between a join and a leave, and a leave and a join.
    world.change(phone, &["tag:beta", "tag:muted"], &[]);
    world.change(phone, &[], &["tag:muted"]);
    world.announce();
    world.login(phone, 2);
    world.settle();
    assert!(world.has(phone, &push));
    world.change(phone, &["tag:muted"], &[]);
    world.change(phone, &[], &["tag:beta"]);
    world.announce();
    let update = world.update(&push);
    world.announce();
    assert!(world.phones[&phone].got.contains(&(Lane::Normal, update.seq)));
}

#[test]
fn who_was_away_gets_the_newest_content_at_once_and_no_older_one() {
    for fillers in [0, 2_000] {
        let (mut world, phone, session) = alice();
        world.drop_session(session);
        let push = world.push(&["all"]);
        world.update(&push);
        for _ in 0..fillers {
            world.push(&["user:nobody"]); // what came before them is in the log only
        }
        let newest = world.update(&push);
        world.announce();
        let before = world.phones[&phone].got.len();
        world.login(phone, 2);
        world.settle();
        let seqs: Vec<u64> = world.phones[&phone].got[before..].iter().map(|(_, seq)| *seq).collect();
        assert_eq!(seqs, [push.seq, newest.seq], "{fillers}");
        assert_eq!(world.phones[&phone].renewed, [(push.seq, newest.seq)]);
        let last = world.update(&push);
        world.announce();
        assert!(world.phones[&phone].got.contains(&(Lane::Normal, last.seq)), "what comes later is sent");
    }
}

#[test]
fn finding_16_a_recall_reaches_a_device_that_has_left_live_and_later() {
    for is_live in [true, false] {
        let (mut world, phone, session) = alice();
        let push = world.push(&["user:alice"]);
        world.announce();
        if !is_live {
            world.drop_session(session);
        }
        world.change(phone, &[], &["user:alice"]);
        world.announce();
        let recall = world.recall(&push);
        world.announce();
        if !is_live {
            world.login(phone, 2);
            world.settle();
        }
        assert!(!world.has(phone, &push), "live: {is_live}");
        assert!(world.phones[&phone].got.contains(&(Lane::Normal, recall.seq)));
    }
}

#[test]
fn finding_6_only_a_successor_that_reaches_the_device_supersedes() {
    let (mut world, phone, session) = alice();
    world.drop_session(session);
    let keyed = |content: &mut longwire_model::entry::Content| content.collapse_key = Some("k".into());
    let first = world.push_with(&["user:alice"], keyed);
    let filtered = world.push_with(&["user:alice"], |content| {
        keyed(content);
        content.filter = "tag:beta".parse().ok();
    });
    world.announce();
    world.login(phone, 2);
    world.settle();
    assert!(world.has(phone, &first) && !world.has(phone, &filtered));
}

#[test]
fn a_newer_entry_with_the_collapse_key_replaces_what_is_pending() {
    for gap in [0, 2_000] {
        let (mut world, phone, session) = alice();
        world.drop_session(session);
        let keyed = |content: &mut longwire_model::entry::Content| content.collapse_key = Some("k".into());
        let first = world.push_with(&["user:alice"], keyed);
        let other_audience = world.push_with(&["all"], keyed);
        let second = world.push_with(&["user:alice"], keyed);
        for _ in 0..gap {
            world.push(&["user:bob"]);
        }
        world.announce();
        world.login(phone, 2);
        world.settle();
        assert!(!world.has(phone, &first) && world.has(phone, &second) && world.has(phone, &other_audience), "{gap}");
        assert_eq!(world.ending(phone, &first), Some(Some(Ending::Superseded)));
    }
}

#[test]
fn what_was_recalled_before_it_was_sent_is_not_sent_also_when_the_page_is_older() {
    let (mut world, phone, session) = alice();
    world.drop_session(session);
    let push = world.push(&["user:alice"]);
    for _ in 0..2_000 {
        world.push(&["user:bob"]);
    }
    world.announce();
    world.login(phone, 2);
    assert_eq!(world.reads.len(), 1, "the page is on its way");
    let (session, query) = world.reads.pop_front().expect("a read");
    let page = world.page(&query);
    world.recall(&push);
    world.announce_only();
    let mut out = Vec::new();
    world.shard.page(session, query.lane, &page, query.upto, world.now, &mut out);
    world.carry_out(out);
    world.settle();
    assert!(!world.phones[&phone].got.contains(&(Lane::Normal, push.seq)), "recalled before it was sent");
    assert!(!world.has(phone, &push));
}

#[test]
fn what_has_expired_is_passed_and_the_cursor_told() {
    let (mut world, phone, session) = alice();
    world.drop_session(session);
    let push = world.push(&["user:alice"]);
    world.announce();
    world.now.wall = Timestamp::from_millis(crate::world::TTL);
    world.login(phone, 2);
    world.settle();
    assert!(!world.has(phone, &push));
    assert_eq!(world.ending(phone, &push), Some(Some(Ending::Expired)));
    assert_eq!(world.phones[&phone].cursor.map(|cursor| cursor.normal), Some(push.seq));
}

#[test]
fn finding_20_what_was_stored_but_not_acknowledged_is_known_from_the_list() {
    let (mut world, phone, session) = alice();
    let push = world.push(&["user:alice"]);
    world.announce_only();
    world.drop_session(session);
    assert_eq!(world.ending(phone, &push), None, "the server died before the acknowledgement");
    world.login(phone, 2);
    assert_eq!(world.ending(phone, &push), None, "the record does not move without the list");
    world.settle();
    assert_eq!(world.ending(phone, &push), Some(None));
    assert_eq!(world.phones[&phone].got.len(), 1, "and it is not sent again");
}

#[test]
fn finding_19_an_entry_that_the_list_does_not_name_is_not_delivered() {
    let (mut world, phone, session) = alice();
    let push = world.push(&["user:alice"]);
    world.announce_only();
    world.drop_session(session);
    world.phones.get_mut(&phone).expect("a phone").seqs.clear();
    world.login(phone, 2);
    world.settle();
    assert_eq!(world.ending(phone, &push), Some(Some(Ending::NotStored)));
}

#[test]
fn the_first_acknowledgement_must_carry_the_list_when_it_is_owed() {
    let (mut world, phone, session) = alice();
    world.push(&["user:alice"]);
    world.announce_only();
    world.drop_session(session);
    let session = world.login(phone, 2);
    let stated = Stated { normal: Some(world.last()), ..Stated::default() };
    let refused = world.shard.acknowledge(session, &stated, world.now, &mut Vec::new());
    assert_eq!(refused, Err(Violation::StoredMissing));
}

#[test]
fn an_acknowledgement_above_what_was_sent_is_a_violation() {
    let (mut world, _, session) = alice();
    let told = world.push(&["user:alice"]).seq;
    world.push(&["user:bob"]);
    world.announce();
    let claim = |normal| Stated { normal: Some(normal), ..Stated::default() };
    assert_eq!(world.shard.acknowledge(session, &claim(told), world.now, &mut Vec::new()), Ok(()));
    let refused = world.shard.acknowledge(session, &claim(told + 1), world.now, &mut Vec::new());
    assert_eq!(refused, Err(Violation::AboveSent));
}

#[test]
fn background_waits_for_a_heartbeat_a_wake_up_or_its_expiry() {
    let to_background = |content: &mut longwire_model::entry::Content| content.routing.lane = Lane::Background;
    let (mut world, phone, session) = alice();
    let held = world.push_with(&["user:alice"], to_background);
    world.announce();
    assert!(!world.has(phone, &held));
    world.beat(session);
    assert!(world.has(phone, &held), "with the heartbeat");

    let held = world.push_with(&["user:alice"], to_background);
    world.announce();
    assert!(!world.has(phone, &held));
    world.push(&["user:alice"]);
    world.announce();
    assert!(world.has(phone, &held), "with what wakes the radio anyway");

    let held = world.push_with(&["user:alice"], to_background);
    world.deadlines.clear();
    world.announce();
    assert_eq!(world.deadlines, [session], "whoever keeps the timers is told");
    let due = world.shard.poll_timeout(session, world.now).expect("it must go before it expires");
    assert_eq!(due, 1_000_000 - 10_000);
    world.now = longwire_router::Now { mono_ms: due, wall: Timestamp::from_millis(990_000) };
    let mut out = Vec::new();
    world.shard.timeout(session, world.now, &mut out);
    world.carry_out(out);
    world.settle();
    assert!(world.has(phone, &held), "before it expires");
    assert_eq!(world.ending(phone, &held), Some(None));
}

#[test]
fn finding_8_a_held_background_entry_survives_a_lost_connection() {
    let (mut world, phone, session) = alice();
    let held = world.push_with(&["user:alice"], |content| content.routing.lane = Lane::Background);
    world.push(&["user:bob"]);
    world.announce();
    world.drop_session(session);
    world.login(phone, 2);
    world.settle();
    assert!(world.has(phone, &held), "a login is a wake-up");
}

#[test]
fn finding_7_what_happened_between_reading_the_record_and_binding_is_applied() {
    let (mut world, phone, session) = alice();
    world.drop_session(session);
    let bind = world.bind_request(phone, 2, SessionKind::Push);
    world.change(phone, &["topic:t"], &[]);
    let push = world.push(&["topic:t"]);
    world.announce();
    world.sessions.insert(bind.session, phone);
    let mut out = Vec::new();
    world.shard.bind(bind, world.now, &mut out).expect("still in memory");
    world.carry_out(out);
    world.settle();
    assert!(world.has(phone, &push));
}

#[test]
fn a_record_read_ahead_of_the_watermark_waits_for_it() {
    let (mut world, phone, session) = alice();
    world.drop_session(session);
    let push = world.push(&["user:alice"]);
    let session = world.login(phone, 2);
    assert!(world.phones[&phone].got.is_empty() && world.shard.is_empty(), "parked");
    world.announce();
    assert!(world.has(phone, &push));
    assert!(world.ack(session).is_ok());
}

#[test]
fn a_newer_login_of_a_device_ends_the_older() {
    let (mut world, phone, session) = alice();
    world.login(phone, 2);
    assert_eq!(world.closed, [(session, CloseReason::Conflict)]);
    let push = world.push(&["user:alice"]);
    world.announce();
    assert_eq!(world.phones[&phone].got, [(Lane::Normal, push.seq)]);
}

#[test]
fn one_entry_to_two_keys_of_a_device_is_sent_once() {
    let (mut world, phone, _) = alice();
    world.push(&["user:alice", "all", &format!("device:{}", device(1))]);
    world.announce();
    assert_eq!(world.phones[&phone].got.len(), 1);
}

#[test]
fn the_user_is_named_only_when_no_other_key_brings_the_entry() {
    let (mut world, _, _) = alice();
    for (to, expected) in [(vec!["user:alice"], Some("alice")), (vec!["user:alice", "all"], None)] {
        world.push(&to);
        let entries = world.log[world.announced as usize..].into();
        let batch = longwire_router::Batch { generation: crate::world::GENERATION, from: world.announced, entries };
        world.announced = world.last();
        let mut out = Vec::new();
        world.shard.apply(&batch, world.now, &mut out).expect("dense");
        let users: Vec<_> = out
            .iter()
            .filter_map(|output| match output {
                Output::Send { user, .. } => Some(user.as_deref()),
                _ => None,
            })
            .collect();
        assert_eq!(users, [expected]);
        world.carry_out(out);
        world.settle();
    }
}

#[test]
fn now_or_never_is_for_live_members_that_have_seen_the_log() {
    let (mut world, phone, _) = alice();
    let entry = |world: &World, audience: &[&str]| {
        let routing = world.routing(audience, Lane::Normal);
        let content =
            longwire_model::entry::Content { routing, filter: None, collapse_key: None, payload: "{}".into() };
        let kind = EntryKind::Notification(content);
        Arc::new(Entry { seq: 0, kind, ..Entry::clone(&world.log[0]) })
    };
    let mut out = Vec::new();
    world.shard.deliver_now(&entry(&world, &["user:alice", "all"]), world.last(), world.now, &mut out);
    assert_eq!(out.len(), 1, "a device that two keys name is sent it once");
    world.carry_out(out);
    assert!(world.phones[&phone].got.is_empty(), "the cursor does not move");
    // Finding 13: accepted after a leave that this shard has not seen yet.
    world.change(phone, &[], &["user:alice"]);
    let mut out = Vec::new();
    world.shard.deliver_now(&entry(&world, &["user:alice"]), world.last(), world.now, &mut out);
    assert!(out.is_empty(), "this shard has not seen what the acceptance saw");
}

#[test]
fn a_client_without_the_extension_acknowledges_by_answering_a_ping() {
    let mut world = World::new();
    let phone = world.register(1);
    world.announce();
    let session = world.login_as(phone, 1, SessionKind::Standard);
    let push = world.push(&["all"]);
    let filtered = world.push_with(&["all"], |content| content.filter = "tag:beta".parse().ok());
    world.announce();
    let (_, upto) = *world.probes.last().expect("a ping behind the push");
    assert_eq!(upto.normal, push.seq);
    assert_eq!(world.ending(phone, &push), None);
    let stated = Stated { normal: Some(upto.normal), background: Some(upto.background), stored: None };
    let mut out = Vec::new();
    world.shard.acknowledge(session, &stated, world.now, &mut out).expect("within what was sent");
    world.carry_out(out);
    assert_eq!(world.ending(phone, &push), Some(None));
    assert_eq!(world.ending(phone, &filtered), Some(Some(Ending::Filtered)), "the server moves its own cursor");
}

#[test]
fn f15_a_client_that_does_not_answer_the_ping_behind_a_push_is_closed_after_a_minute() {
    let mut world = World::new();
    let phone = world.register(1);
    world.announce();
    let session = world.login_as(phone, 1, SessionKind::Standard);
    assert_eq!(world.shard.poll_timeout(session, world.now), None, "nothing was asked");
    world.push(&["all"]);
    world.announce();
    assert_eq!(world.shard.poll_timeout(session, world.now), Some(60_000));
    let mut out = Vec::new();
    world.now.mono_ms = 60_000;
    world.shard.timeout(session, world.now, &mut out);
    assert!(matches!(out.as_slice(), [Output::Close(_, CloseReason::Stalled)]));
    let (_, upto) = *world.probes.last().expect("a ping behind the push");
    let stated = Stated { normal: Some(upto.normal), background: None, stored: None };
    world.shard.acknowledge(session, &stated, world.now, &mut out).expect("within what was sent");
    assert_eq!(world.shard.poll_timeout(session, world.now), None, "answered");
}

#[test]
fn an_original_client_is_pinged_behind_each_push_and_may_confirm_one_by_one() {
    let mut world = World::new();
    let phone = world.register(1);
    world.announce();
    let session = world.login_as(phone, 1, SessionKind::Androidpn);
    world.wait(session, SETTLE_MS);
    let (first, second) = (world.push(&["all"]), world.push(&["all"]));
    world.announce();
    let upto: Vec<_> = world.probes.iter().map(|(_, upto)| upto.normal).collect();
    assert_eq!(upto, [first.seq, second.seq], "a ping behind each");
    // What is above what it was sent is no violation here, and says nothing.
    for (seq, recorded) in [(second.seq + 1, 0), (first.seq, first.seq), (first.seq, first.seq)] {
        let mut out = Vec::new();
        world.shard.confirm(session, Lane::Normal, seq, world.now, &mut out);
        world.carry_out(out);
        assert!(recorded == 0 || world.devices[&phone].recorded.normal == recorded);
    }
    assert_eq!((world.ending(phone, &first), world.ending(phone, &second)), (Some(None), None));
    assert!(world.closed.is_empty());
}

#[test]
fn an_original_client_is_left_in_peace_after_its_presence() {
    let mut world = World::new();
    let phone = world.register(1);
    let waiting = world.push(&["all"]);
    world.announce();
    let session = world.login_as(phone, 1, SessionKind::Androidpn);
    let live = world.push(&["all"]);
    world.announce();
    world.wait(session, SETTLE_MS - 1);
    assert!(world.phones[&phone].got.is_empty());
    world.wait(session, 1);
    assert_eq!(world.phones[&phone].got, [&waiting, &live].map(|push| (Lane::Normal, push.seq)));
}

#[test]
fn an_original_client_that_is_away_may_confirm_what_it_was_sent() {
    let mut world = World::new();
    let phone = world.register(1);
    world.announce();
    let session = world.login_as(phone, 1, SessionKind::Androidpn);
    world.wait(session, SETTLE_MS);
    let sent = world.push(&["all"]);
    world.announce();
    world.shard.pause(session);
    let kept = world.push(&["all"]);
    world.announce();
    assert_eq!(world.phones[&phone].got, [(Lane::Normal, sent.seq)]);
    let mut out = Vec::new();
    world.shard.confirm(session, Lane::Normal, sent.seq, world.now, &mut out);
    assert!(world.shard.resume(session, world.now, &mut out));
    world.carry_out(out);
    assert_eq!(world.phones[&phone].got, [&sent, &kept].map(|push| (Lane::Normal, push.seq)), "each once");
    assert_eq!(world.ending(phone, &sent), Some(None));
}

#[test]
fn an_original_client_is_sent_the_newest_content_and_no_update() {
    let mut world = World::new();
    let phone = world.register(1);
    let push = world.push(&["all"]);
    world.announce();
    let session = world.login_as(phone, 1, SessionKind::Androidpn);
    world.wait(session, SETTLE_MS);
    world.update(&push);
    world.announce();
    assert_eq!(world.phones[&phone].got, [(Lane::Normal, push.seq)], "what it shows stays as it is");
    let waiting = world.push(&["all"]);
    let update = world.update(&waiting);
    world.announce();
    let got: Vec<_> = [&push, &waiting].map(|push| (Lane::Normal, push.seq)).into();
    assert_eq!(world.phones[&phone].got, got);
    assert_eq!(
        world.phones[&phone].renewed,
        [(waiting.seq, update.seq)],
        "once, with what it had become before it was sent"
    );
    world.drop_session(session);
}

#[test]
fn an_entry_that_three_talking_sessions_did_not_acknowledge_is_rejected() {
    let mut world = World::new();
    let phone = world.register(1);
    world.announce();
    let poison = world.push(&["all"]);
    let healthy = world.push(&["all"]);
    world.announce();
    for attempt in 1..=3 {
        let session = world.login_as(phone, attempt, SessionKind::Standard);
        world.phones.get_mut(&phone).expect("a phone").cursor = None;
        world.shard.heard(session);
        let unbound = world.drop_session(session).expect("it was bound");
        let attempts = unbound.attempts.expect("it said something after the push was written");
        assert_eq!((attempts.seq, u64::from(attempts.sessions)), (poison.seq, attempt));
        world.devices.get_mut(&phone).expect("a device").attempts = Some(attempts);
    }
    world.phones.get_mut(&phone).expect("a phone").got.clear();
    world.login_as(phone, 4, SessionKind::Standard);
    assert_eq!(world.phones[&phone].got, [(Lane::Normal, healthy.seq)], "what is behind it flows");
    // Finding 5: sessions that merely ended never reject.
    let silent = world.drop_session(longwire_router::SessionKey(4)).expect("it was bound");
    assert_eq!(silent.attempts, None);
}

#[test]
fn a_stated_cursor_decides_what_is_sent_and_the_record_never_goes_back() {
    let (mut world, phone, session) = alice();
    let push = world.push(&["user:alice"]);
    world.announce();
    world.drop_session(session);
    let recorded = world.devices[&phone].recorded;
    world.phones.get_mut(&phone).expect("a phone").cursor = Some(LaneSeqs::both(push.seq - 1));
    world.login(phone, 2);
    world.settle();
    assert_eq!(world.phones[&phone].got.len(), 2, "sent again: the device said that it does not have it");
    assert_eq!(world.devices[&phone].recorded.normal, recorded.normal);
}
