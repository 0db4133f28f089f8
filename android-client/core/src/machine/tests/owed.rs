//! What the screen is owed, what expires, and what is counted: kept over deaths of the process.

use longwire_protocol::push::{Bound, Entry};
use longwire_protocol::sasl::{Failure, SaslCondition};
use longwire_protocol::stream::{StreamCondition, StreamError};

use super::harness::{EPOCH_MS, Phone, authenticate, bound, notification, recall, update};
use crate::inbox::{DEATHS_MAX, Owed, RowState, Stage, Store as _};
use crate::{Block, Event, State, TlsMode};

fn owed(phone: &Phone, id: &str) -> Owed {
    phone.store.row(id).expect("a row").owed
}

fn finish(phone: &mut Phone, id: &str) {
    phone.event(Event::Finished { id: id.into(), is_displayed: false });
}

/// The process dies; the next one starts without a network to speak of.
fn next(phone: Phone) -> Phone {
    let mut phone = phone.reborn();
    phone.start();
    phone
}

#[test]
fn a_removal_is_owed_until_the_platform_has_carried_it_out() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    finish(&mut phone, "a");
    phone.receive_entries(&[recall(102, "a")]);
    for _ in 0..2 {
        assert_eq!((phone.cancelled.as_slice(), owed(&phone, "a")), (["a".to_owned()].as_slice(), Owed::Removal));
        phone = next(phone);
    }
    phone.event(Event::Removed { id: "a".into() });
    assert_eq!(owed(&phone, "a"), Owed::Nothing);
    let story = phone.store.row("a").expect("a row").story;
    let stages: Vec<_> = story.iter().map(|(stage, _)| stage).collect();
    assert_eq!(stages, [Stage::Stored, Stage::Handed, Stage::Shown, Stage::Recalled, Stage::Removed]);
    assert!(next(phone).cancelled.is_empty());
}

#[test]
fn an_update_is_owed_until_it_is_on_the_screen_and_the_newest_counts() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    finish(&mut phone, "a");
    phone.receive_entries(&[update(102, "a", "second")]);
    phone.receive_entries(&[update(103, "a", "third")]);
    phone.event(Event::Updated { id: "a".into(), revision: 102 });
    assert_eq!(owed(&phone, "a"), Owed::Update, "the second was shown, the third was not");
    let mut phone = next(phone);
    let shown: Vec<_> =
        phone.handed.iter().map(|shown| (shown.notification.title.as_deref(), shown.is_update)).collect();
    assert_eq!(shown, [(Some("third"), true)]);
    phone.event(Event::Updated { id: "a".into(), revision: 103 });
    let row = phone.store.row("a").expect("a row");
    assert_eq!((row.owed, row.payload.as_str()), (Owed::Nothing, ""));
    assert!(next(phone).handed.is_empty());
}

#[test]
fn a_repeated_update_does_not_bring_old_content_back() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a"), update(102, "a", "second"), update(103, "a", "third")]);
    // A server whose log began anew sends again under other numbers.
    phone.reconnect(&bound(0, 0));
    let again = |seq, entry: Entry| Entry { seq, ..entry };
    phone.receive_entries(&[again(7, notification(101, "a")), again(8, update(102, "a", "second"))]);
    let shown: Vec<_> = phone.handed.iter().filter_map(|shown| shown.notification.title.as_deref()).collect();
    assert_eq!(shown, ["third"]);
}

#[test]
fn what_a_person_closes_takes_an_update_under_way_with_it() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    finish(&mut phone, "a");
    phone.receive_entries(&[update(102, "a", "second")]);
    phone.event(Event::Dismissed { id: "a".into() });
    assert_eq!(phone.cancelled, ["a"], "the update may have come to the screen behind the person's back");
    phone.event(Event::Updated { id: "a".into(), revision: 102 });
    assert_eq!((phone.store.state("a"), owed(&phone, "a")), (Some(RowState::Closed), Owed::Removal));
}

#[test]
fn an_update_that_kills_three_processes_is_given_up_and_the_row_is_not() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    finish(&mut phone, "a");
    phone.poison = Some("a".into());
    phone.receive_entries(&[update(102, "a", "poison")]);
    for death in 1..=DEATHS_MAX {
        assert!(phone.is_dead, "{death}");
        phone = phone.reborn();
        phone.event(Event::Start);
    }
    assert!(!phone.is_dead);
    assert_eq!((phone.store.state("a"), owed(&phone, "a")), (Some(RowState::Done), Owed::Nothing));
}

#[test]
fn an_update_for_a_former_user_does_not_come_to_the_screen() {
    let as_user = |effective, user: &str| Bound { user: Some(user.into()), ..bound(effective, effective) };
    let mut phone = Phone::online();
    phone.reconnect(&as_user(100, "alice"));
    phone.receive_entries(&[Entry { user: Some("alice".into()), ..notification(101, "hers") }]);
    finish(&mut phone, "hers");
    phone.receive_entries(&[update(102, "hers", "second")]);
    let mut phone = next(phone);
    assert!(phone.handed.is_empty(), "whose phone this is must be known first");
    phone.log_in(&as_user(102, "bob"));
    assert!(phone.handed.is_empty());
    assert_eq!((phone.store.state("hers"), owed(&phone, "hers")), (Some(RowState::Done), Owed::Nothing));
}

#[test]
fn the_last_server_time_is_stored_with_the_cursor() {
    let mut phone = Phone::online();
    phone.now_ms = 5_000;
    phone.receive_entries(&[notification(101, "a")]);
    assert_eq!(phone.store.load().expect("loads").record.known_ms, EPOCH_MS + 5_000);
}

#[test]
fn a_death_between_two_conflicts_forgets_neither() {
    let conflict = StreamError::new(StreamCondition::Conflict).to_element();
    let mut phone = Phone::online();
    let first = phone.store.load().expect("loads").record.installation;
    phone.element(&conflict);
    let mut phone = next(phone);
    phone.log_in(&bound(100, 100));
    assert_eq!(phone.store.load().expect("loads").record.installation, first);
    phone.element(&conflict);
    assert_ne!(phone.store.load().expect("loads").record.installation, first, "a cloned phone");
}

fn refuse_password(phone: &mut Phone) {
    phone.secure();
    let mut elements = phone.take_elements();
    if elements.first().is_some_and(|element| element.name() == "iq") {
        phone.receive(b"<iq type='result' id='register'/>");
        elements = phone.take_elements();
    }
    let request = authenticate(elements.first().expect("a login"));
    drop(phone.challenge(&request));
    phone.take_written();
    phone.element(&Failure::new(SaslCondition::NotAuthorized).to_sasl2());
}

#[test]
fn three_refused_passwords_block_over_deaths_and_a_new_start_is_one_more_try() {
    let blocked = State::Blocked(Block::Unauthorized);
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    for refusal in 1..=3 {
        refuse_password(&mut phone);
        assert_eq!(phone.machine.state() == &blocked, refusal == 3, "{refusal}");
        phone = next(phone);
    }
    refuse_password(&mut phone);
    assert_eq!(phone.machine.state(), &blocked, "one try a start");
    let mut phone = next(phone);
    phone.log_in(&bound(100, 100));
    assert_eq!(phone.store.load().expect("loads").record.refusals, 0, "a login ends the row");
}
