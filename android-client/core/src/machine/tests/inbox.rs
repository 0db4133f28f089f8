//! Rule 13 at every crash point: stored, handed, done.

use longwire_protocol::push::{Bound, Entry, EntryContent};
use longwire_protocol::{DateTime, ns};

use super::harness::{EPOCH_MS, Phone, about, bound, notification, recall, update};
use crate::Event;
use crate::inbox::{DEATHS_MAX, KEPT_MS, RowState, Store as _};

#[test]
fn f28_a_crash_before_the_store_leaves_nothing_and_the_server_sends_again() {
    let mut phone = Phone::online();
    phone.is_store_slow = true;
    phone.receive_entries(&[notification(101, "a")]);
    let mut phone = phone.reborn();
    phone.start();
    phone.log_in(&bound(100, 100));
    phone.receive_entries(&[notification(101, "a")]);
    assert_eq!(phone.handed_ids(), ["a"]);
}

#[test]
fn f28_a_crash_between_store_and_ack_shows_it_once_and_tells_it_was_stored() {
    let mut phone = Phone::online();
    phone.is_store_slow = true;
    phone.receive_entries(&[notification(101, "a")]);
    // Durable, but the answer never reaches the machine.
    let transaction = phone.waiting_stores.pop_front().expect("a step");
    phone.store.apply(&transaction).expect("stores");
    phone.store.sync();
    let mut phone = phone.reborn();
    phone.start();
    assert_eq!(phone.handed_ids(), ["a"], "it is handed before anything is connected");
    phone.log_in(&bound(101, 100));
    assert!(phone.acks.first().expect("an ack").contains("stored='101'"));
    phone.receive_entries(&[notification(101, "a")]);
    assert_eq!(phone.handed_ids(), ["a"]);
}

#[test]
fn f28_a_crash_between_hand_over_and_done_hands_again_with_the_same_id() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a"), notification(102, "b")]);
    phone.event(Event::Finished { id: "a".into(), is_displayed: false });
    assert_eq!(phone.finished, ["a"]);
    let mut phone = phone.reborn();
    phone.start();
    assert_eq!(phone.handed.iter().map(|handed| (handed.id.as_str(), handed.attempt)).collect::<Vec<_>>(), [("b", 2)]);
    phone.event(Event::Finished { id: "b".into(), is_displayed: false });
    let mut phone = phone.reborn();
    phone.start();
    assert!(phone.handed.is_empty());
}

#[test]
fn a_crash_never_comes_between_being_done_and_the_report_that_it_is_on_the_screen() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    phone.is_store_slow = true;
    phone.event(Event::Finished { id: "a".into(), is_displayed: true });
    let transaction = phone.waiting_stores.pop_front().expect("a step");
    phone.store.apply(&transaction).expect("stores");
    phone.store.sync();
    let mut phone = phone.reborn();
    phone.start();
    assert!(phone.handed.is_empty(), "done");
    phone.log_in(&bound(101, 101));
    let written = phone.take_written();
    assert!(written.contains("<event xmlns='urn:longwire:push:1' entry='a' type='displayed'"), "{written}");
}

#[test]
fn one_process_hands_once_even_when_its_store_failed_in_between() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    phone.store.refuse(Some("disk full"));
    phone.event(Event::Displayed { id: "a".into() });
    phone.store.refuse(None);
    phone.wait();
    assert_eq!((phone.loads, phone.handed_ids()), (2, vec!["a"]));
}

#[test]
fn a_row_that_kills_three_processes_is_given_up_alone() {
    let mut phone = Phone::online();
    phone.poison = Some("poison".into());
    phone.receive_entries(&[notification(101, "a"), notification(102, "poison"), notification(103, "c")]);
    for death in 1..=DEATHS_MAX {
        assert!(phone.is_dead, "{death}");
        assert_eq!(phone.handed_ids(), ["a"]);
        phone = phone.reborn();
        phone.event(Event::Start);
    }
    assert!(!phone.is_dead);
    assert_eq!(phone.store.state("poison"), Some(RowState::Unusable));
    assert_eq!(phone.handed_ids(), ["a", "c"], "what shared its read does not share its fate");
    phone.log_in(&bound(103, 103));
    assert!(phone.take_written().contains("type='rejected'"));
}

#[test]
fn a_process_that_merely_ended_is_no_death() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    for life in 2..3 * DEATHS_MAX {
        phone = phone.reborn();
        phone.start();
        assert_eq!(phone.handed.iter().map(|handed| handed.attempt).collect::<Vec<_>>(), [life]);
    }
}

#[test]
fn a_payload_that_cannot_be_read_is_rejected_and_blocks_nothing() {
    let mut phone = Phone::online();
    let odd = about(101, EntryContent::Notification { json: "{\"title\":[]}".into() });
    phone.receive_entries(&[odd, notification(102, "b")]);
    assert_eq!(phone.handed_ids(), ["b"]);
    assert_eq!(phone.store.state("entry-101"), Some(RowState::Unusable));
    assert!(phone.take_written().contains("type='rejected'"));
    assert_eq!(phone.acks.len(), 1);
}

#[test]
fn what_expired_on_the_way_is_not_handed() {
    let mut phone = Phone::online();
    let soon = Entry { expires: DateTime(EPOCH_MS + 1_000), ..notification(101, "soon") };
    phone.now_ms = 1_000;
    phone.receive_entries(&[soon, notification(102, "b")]);
    assert_eq!(phone.handed_ids(), ["b"]);
    assert_eq!(phone.store.state("soon"), Some(RowState::Expired));
    assert_eq!(told(&mut phone, "expired"), ["soon"]);
}

#[test]
fn f13_expiry_is_judged_by_server_time_that_runs_on_over_a_restart() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    phone.now_ms = 3_600_000;
    let mut phone = phone.reborn();
    phone.start();
    assert!(phone.handed.is_empty(), "an hour later on the boot clock, without a login");
}

#[test]
fn a_recalled_notification_leaves_the_screen_and_its_id_stays_dead() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a"), notification(102, "b")]);
    phone.event(Event::Finished { id: "a".into(), is_displayed: false });
    phone.receive_entries(&[recall(103, "a"), recall(104, "b"), recall(105, "never")]);
    assert_eq!(phone.cancelled, ["a", "b"]);
    phone.receive_entries(&[notification(106, "never"), notification(107, "a")]);
    assert_eq!(phone.handed_ids(), ["a", "b"]);
    let mut phone = phone.reborn();
    phone.start();
    assert!(phone.handed.is_empty());
}

#[test]
fn a_recall_in_the_same_read_is_in_time() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a"), recall(102, "a")]);
    assert!(phone.handed.is_empty() && phone.cancelled.is_empty());
}

#[test]
fn a_dismissal_elsewhere_ends_the_row() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    phone.receive_entries(&[about(102, EntryContent::Dismissal { target: "a".into() })]);
    assert_eq!(
        (phone.cancelled.as_slice(), phone.store.state("a")),
        (["a".to_owned()].as_slice(), Some(RowState::Closed))
    );
    let mut phone = phone.reborn();
    phone.start();
    assert!(phone.handed.is_empty());
}

#[test]
fn opening_with_the_process_just_born_comes_before_any_re_hand() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    let mut phone = phone.reborn();
    phone.is_store_slow = true;
    phone.event(Event::Opened { id: "a".into() });
    phone.answer_store();
    phone.is_store_slow = false;
    phone.event(Event::Start);
    assert!(phone.handed.is_empty());
    assert_eq!(phone.store.load().expect("loads").reports.len(), 1);
}

#[test]
fn an_update_changes_what_is_there_and_nothing_else() {
    let mut phone = Phone::online();
    phone.receive_entries(&[update(101, "unknown", "x")]);
    assert_eq!(phone.store.state("unknown"), None, "an update of an id that it does not have is ignored");
    phone.receive_entries(&[notification(102, "a"), update(103, "a", "second")]);
    let shown = |phone: &Phone| {
        phone.handed.iter().map(|handed| (handed.notification.title.clone(), handed.is_update)).collect::<Vec<_>>()
    };
    assert_eq!(shown(&phone), [(Some("second".into()), false)], "not yet on the screen: one hand-over");
    phone.receive_entries(&[update(104, "a", "third")]);
    assert_eq!(shown(&phone).last(), Some(&(Some("third".into()), true)));
    phone.event(Event::Dismissed { id: "a".into() });
    phone.receive_entries(&[update(105, "a", "fourth")]);
    assert_eq!(phone.handed.len(), 2, "what the user dismissed does not come back");
}

#[test]
fn a_notification_that_came_with_an_updates_content_is_not_updated_by_it_again() {
    let mut phone = Phone::online();
    phone.receive_entries(&[Entry { update: Some("entry-105".into()), ..notification(101, "a") }]);
    phone.receive_entries(&[update(105, "a", "the same")]);
    assert_eq!(phone.handed.len(), 1);
    phone.receive_entries(&[update(106, "a", "newer")]);
    assert_eq!(phone.handed.iter().map(|handed| handed.is_update).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn rows_of_a_former_user_that_were_not_handed_are_dropped() {
    let alice = |seq, id: &str| Entry { user: Some("alice".into()), ..notification(seq, id) };
    let as_user = |effective, user: &str| Bound { user: Some(user.into()), ..bound(effective, effective) };
    let mut phone = Phone::online();
    phone.reconnect(&as_user(100, "alice"));
    phone.is_store_slow = true;
    phone.receive_entries(&[alice(101, "hers"), notification(102, "everybody's")]);
    let transaction = phone.waiting_stores.pop_front().expect("a step");
    phone.store.apply(&transaction).expect("stores");
    phone.store.sync();
    let mut phone = phone.reborn();
    phone.start();
    assert_eq!(phone.handed_ids(), ["everybody's"], "hers waits until it is known whose phone this is");
    let phone_of_alice = {
        let mut again = Phone::with_store(crate::TlsMode::Direct, phone.store.clone());
        again.start();
        again.log_in(&as_user(102, "alice"));
        again
    };
    assert!(phone_of_alice.handed_ids().contains(&"hers"));
    phone.log_in(&as_user(102, "bob"));
    assert_eq!(phone.handed_ids(), ["everybody's"]);
    assert_eq!(phone.store.state("hers"), Some(RowState::Left));
}

/// The entries of which the phone reports this, since the last call.
fn told(phone: &mut Phone, kind: &str) -> Vec<String> {
    let events = phone.take_elements().into_iter().filter_map(|iq| iq.child(ns::PUSH, "event").cloned());
    let told = events.filter(|event| event.attr("type") == Some(kind));
    told.filter_map(|event| event.attr("entry").map(str::to_owned)).collect()
}

/// The entries that the phone says it dropped with their user, since the last call.
fn left(phone: &mut Phone) -> Vec<String> {
    told(phone, "left")
}

#[test]
fn what_was_dropped_with_its_user_is_told_until_it_is_answered_and_once_each() {
    let alice = |seq, id: &str| Entry { user: Some("alice".into()), ..notification(seq, id) };
    let as_user = |effective, user: &str| Bound { user: Some(user.into()), ..bound(effective, effective) };
    let mut phone = Phone::online();
    phone.reconnect(&as_user(100, "alice"));
    phone.take_written();
    let mut read: Vec<u8> = [alice(101, "first"), alice(102, "second")]
        .iter()
        .flat_map(|entry| entry.to_shared_bytes("example.com"))
        .collect();
    read.extend(b"<user xmlns='urn:longwire:push:1' name='bob'/>");
    phone.receive(&read);
    assert_eq!(left(&mut phone), ["first", "second"]);
    assert!(phone.handed_ids().is_empty());
    phone.receive(b"<iq type='result' id='event-1'/>");
    assert!(left(&mut phone).is_empty());
    // Nobody answered the second: it is told again, by a new process too, and the first is not.
    let mut phone = phone.reborn();
    phone.start();
    phone.log_in(&as_user(102, "bob"));
    assert_eq!(left(&mut phone), ["second"]);
    phone.receive(b"<iq type='result' id='event-1'/>");
    phone.reconnect(&as_user(102, "alice"));
    assert!(left(&mut phone).is_empty());
}

#[test]
fn a_login_as_another_user_tells_what_it_dropped() {
    let alice = Bound { user: Some("alice".into()), ..bound(100, 100) };
    let mut phone = Phone::online();
    phone.reconnect(&alice);
    phone.is_store_slow = true;
    phone.receive_entries(&[Entry { user: Some("alice".into()), ..notification(101, "hers") }]);
    let transaction = phone.waiting_stores.pop_front().expect("a step");
    phone.store.apply(&transaction).expect("stores");
    phone.store.sync();
    let mut phone = phone.reborn();
    phone.start();
    phone.log_in(&bound(101, 101));
    assert_eq!(left(&mut phone), ["hers"]);
}

#[test]
fn ids_are_kept_for_the_longest_ttl_and_a_day() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a"), notification(102, "open")]);
    phone.event(Event::Finished { id: "a".into(), is_displayed: false });
    let later = |ms| Bound { time: DateTime(EPOCH_MS + ms), ..bound(102, 102) };
    phone.reconnect(&later(KEPT_MS));
    assert_eq!(phone.store.state("a"), Some(RowState::Done), "at the limit");
    phone.reconnect(&later(KEPT_MS + 24 * 3_600_000));
    assert_eq!(phone.store.state("a"), None, "a day later");
    assert_eq!(phone.store.state("open"), Some(RowState::Handed), "what is not done is never forgotten");
}
