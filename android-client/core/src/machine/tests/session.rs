//! A live session: acknowledgements, cursors, trust, reports.

use longwire_protocol::push::{Ack, CursorMoved, Entry, EntryContent, Lane};
use longwire_protocol::stanza::{Condition, Iq, IqType, StanzaError};
use longwire_protocol::xep::ping;
use longwire_protocol::{Element, ns};

use super::harness::{Phone, about, bound, notification};
use crate::inbox::{RowState, Store as _};
use crate::{Event, Failure, FailureKind, State};

fn ack(normal: Option<u64>, background: Option<u64>) -> String {
    let ack = Ack { normal, background, stored: None, stored_background: None };
    String::from_utf8(ack.to_element().to_stream_bytes()).expect("UTF-8")
}

#[test]
fn one_read_is_one_durable_step_and_one_acknowledgement() {
    let mut phone = Phone::online();
    phone.is_store_slow = true;
    let background = Entry { lane: Lane::Background, ..notification(104, "b") };
    phone.receive_entries(&[notification(101, "a"), background, notification(103, "c")]);
    assert_eq!(phone.waiting_stores.len(), 1);
    assert!(phone.acks.is_empty() && phone.handed.is_empty(), "nothing before it is durable");
    phone.is_store_slow = false;
    phone.answer_store();
    assert_eq!(phone.acks, [ack(Some(103), Some(104))]);
    assert_eq!(phone.handed_ids(), ["a", "b", "c"]);
    let cursor = phone.store.load().expect("loads").record.cursor.expect("a cursor");
    assert_eq!((cursor.normal, cursor.background), (103, 104));
}

#[test]
fn what_comes_while_the_store_works_travels_in_the_next_step() {
    let mut phone = Phone::online();
    phone.is_store_slow = true;
    phone.receive_entries(&[notification(101, "a")]);
    phone.receive_entries(&[notification(102, "b")]);
    phone.receive_entries(&[notification(103, "c")]);
    phone.answer_store();
    assert_eq!(phone.acks, [ack(Some(101), None)]);
    phone.is_store_slow = false;
    phone.answer_store();
    assert_eq!(phone.acks.len(), 3);
    assert_eq!(phone.handed_ids(), ["a", "b", "c"]);
}

#[test]
fn nothing_is_acknowledged_on_another_connection() {
    let mut phone = Phone::online();
    phone.is_store_slow = true;
    phone.receive_entries(&[notification(101, "a")]);
    phone.event(Event::Closed);
    phone.is_store_slow = false;
    phone.answer_store();
    assert!(phone.acks.is_empty());
    assert_eq!(phone.handed_ids(), ["a"], "it is stored, so it is handed");
}

#[test]
fn a_cursor_alone_is_stored_and_acknowledged() {
    let mut phone = Phone::online();
    phone.element(&CursorMoved { lane: Lane::Background, seq: 130 }.to_element());
    assert_eq!(phone.acks, [ack(None, Some(130))]);
    assert_eq!(phone.store.load().expect("loads").record.cursor.map(|cursor| cursor.background), Some(130));
}

#[test]
fn the_first_ack_names_what_is_stored_above_the_record() {
    let mut phone = Phone::online();
    let background = Entry { lane: Lane::Background, ..notification(104, "bg") };
    phone.receive_entries(&[notification(101, "a"), notification(102, "b"), background, notification(105, "c")]);
    phone.acks.clear();
    phone.reconnect(&bound(105, 101));
    let expected =
        "<ack xmlns='urn:longwire:push:1' normal='105' background='105' stored='102 105' stored-background='104'/>";
    assert_eq!(phone.acks, [expected], "at once, without anything new");
    phone.receive_entries(&[notification(106, "d")]);
    assert_eq!(phone.acks.get(1), Some(&ack(Some(106), None)), "later ones name nothing");
}

#[test]
fn a_record_that_is_up_to_date_needs_no_first_ack() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    phone.acks.clear();
    phone.reconnect(&bound(101, 101));
    assert!(phone.acks.is_empty());
}

#[test]
fn below_its_own_cursor_the_device_forgets_seqs_and_keeps_ids() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a"), notification(102, "b"), notification(103, "c")]);
    // The server came back from a copy that ends at 101: 102 and 103 of that timeline are other entries.
    phone.reconnect(&bound(101, 100));
    assert_eq!(phone.store.seqs(Lane::Normal).to_string(), "101");
    assert!(phone.acks.last().expect("an ack").contains("stored='101'"));
    phone.receive_entries(&[notification(102, "d"), notification(103, "b")]);
    assert_eq!(phone.handed_ids(), ["a", "b", "c", "d"], "b is known by its id");
    assert_eq!(phone.acks.last(), Some(&ack(Some(103), None)), "its seq moves the cursor all the same");
}

#[test]
fn an_acknowledgement_of_an_older_login_does_not_move_the_newer_cursor() {
    let mut phone = Phone::online();
    phone.is_store_slow = true;
    phone.receive_entries(&[notification(500, "a")]);
    phone.event(Event::Closed);
    phone.take_written();
    phone.wait();
    phone.log_in(&bound(101, 101)); // a restored copy
    phone.is_store_slow = false;
    phone.answer_store();
    let request = phone.reconnect(&bound(101, 101));
    let stated = request.bind().and_then(|bind| bind.push().ok().flatten()).and_then(|login| login.cursor);
    assert_eq!(stated.map(|cursor| cursor.normal), Some(101));
    assert_eq!(phone.store.load().expect("loads").record.cursor.map(|cursor| cursor.normal), Some(101));
}

#[test]
fn stz_15_pushes_from_others_are_ignored() {
    let mut phone = Phone::online();
    for from in ["mallory@example.com", "evil.example", "example.com/x", "mallory@example.com/example.com", "@"] {
        phone.receive(&notification(101, "forged").to_shared_bytes(from));
    }
    assert!(phone.handed.is_empty() && phone.acks.is_empty());
    let own = phone.store.load().expect("loads").record.account.expect("an account").name;
    phone.receive(&notification(101, "own").to_shared_bytes(&format!("{own}@example.com")));
    let mut absent = notification(102, "absent").to_message("example.com");
    absent.remove_attr("from");
    phone.element(&absent);
    assert_eq!(phone.handed_ids(), ["own", "absent"]);
}

#[test]
fn the_servers_ping_is_answered_and_other_requests_are_refused() {
    let mut phone = Phone::online();
    phone.element(&Iq::get("p1", ping::request()).to_element());
    phone.element(&Iq::get("q1", Element::new("jabber:iq:version", "query")).to_element());
    let answers: Vec<_> = phone.take_elements().into_iter().map(|iq| Iq::from_element(iq).expect("an IQ")).collect();
    assert!(matches!(&answers[..], [pong, refusal]
        if pong.id == "p1" && pong.kind == IqType::Result(None)
        && matches!(&refusal.kind, IqType::Error(error) if error.condition == Condition::ServiceUnavailable)));
}

#[test]
fn a_report_is_kept_until_it_is_answered() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    phone.event(Event::Opened { id: "a".into() });
    let asked = report(&mut phone);
    assert_eq!((asked.1.attr("entry"), asked.1.attr("type")), (Some("a"), Some("opened")));
    // The connection dies before the answer, and the process with it.
    let mut phone = phone.reborn();
    phone.start();
    phone.log_in(&bound(101, 101));
    let (id, again) = report(&mut phone);
    assert_eq!(again, asked.1, "the same, with its time");
    let refusal = Iq::set(id, again).error_for(StanzaError::new(Condition::ResourceConstraint).with_retry(5));
    phone.element(&refusal.to_element());
    assert_eq!(phone.store.load().expect("loads").reports.len(), 1, "not now is not an answer");
    let refused_ms = phone.now_ms;
    assert!(phone.wait() >= refused_ms + 5_000, "no sooner than the server asked");
    let (id, _) = report(&mut phone);
    phone.receive(format!("<iq type='result' id='{id}'/>").as_bytes());
    assert!(phone.store.load().expect("loads").reports.is_empty());
}

/// The id and payload of the one event IQ that was written.
fn report(phone: &mut Phone) -> (String, Element) {
    let iqs = phone.take_elements().into_iter().filter(|element| element.name() == "iq");
    let events: Vec<_> = iqs
        .filter_map(|iq| {
            let iq = Iq::from_element(iq).ok()?;
            let event = iq.request().filter(|payload| payload.is(ns::PUSH, "event"))?.clone();
            Some((iq.id, event))
        })
        .collect();
    assert_eq!(events.len(), 1);
    events.into_iter().next().expect("one event")
}

/// The event IQs that were written: types, actions and texts.
fn told(phone: &mut Phone) -> Vec<(String, Option<String>, Option<String>)> {
    let events = phone.take_elements().into_iter().filter_map(|iq| iq.child(ns::PUSH, "event").cloned());
    let told = events.map(|event| {
        let attr = |name| event.attr(name).map(str::to_owned);
        (attr("type").expect("a type"), attr("action"), event.child_text(ns::PUSH, "text"))
    });
    told.collect()
}

fn acted(action: &str, text: Option<&str>) -> Event {
    Event::Acted { id: "a".into(), action: action.into(), text: text.map(str::to_owned) }
}

#[test]
fn an_action_opens_ends_the_row_and_is_told_each_time_it_is_used() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    phone.event(acted("reply", Some("on my way")));
    let opened = ("opened".to_owned(), None, None);
    let of = |action: &str, text: Option<&str>| ("action".to_owned(), Some(action.into()), text.map(str::to_owned));
    assert_eq!(told(&mut phone), [opened, of("reply", Some("on my way"))]);
    assert_eq!(phone.store.state("a"), Some(RowState::Closed));
    phone.event(acted("reply", Some("on my way")));
    assert_eq!(told(&mut phone), [], "the same at the same moment is a repeat");
    phone.now_ms += 1;
    phone.event(acted("reply", Some("on my way")));
    phone.event(acted("like", None));
    assert_eq!(told(&mut phone), [of("reply", Some("on my way")), of("like", None)]);
    phone.event(acted("not an id", Some("x")));
    assert_eq!(told(&mut phone), []);
}

#[test]
fn an_action_in_a_process_just_born_is_durable_and_told_until_it_is_answered() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    let mut phone = phone.reborn();
    phone.event(acted("like", None));
    assert_eq!(phone.store.state("a"), Some(RowState::Closed), "before any start");
    let mut phone = phone.reborn();
    phone.start();
    assert!(phone.handed.is_empty());
    phone.log_in(&bound(101, 101));
    assert_eq!(told(&mut phone).len(), 2);
    phone.receive(b"<iq type='result' id='event-1'/><iq type='result' id='event-2'/>");
    assert!(phone.store.load().expect("loads").reports.is_empty());
    phone.reconnect(&bound(101, 101));
    assert_eq!(told(&mut phone), []);
}

#[test]
fn what_a_session_that_tls_ended_had_told_is_told_again() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(101, "a")]);
    phone.event(acted("like", None));
    let mut before = told(&mut phone);
    assert_eq!(before.len(), 2);
    let text = "the server refused this device's certificate".into();
    phone.event(Event::ConnectFailed(Failure { kind: FailureKind::ClientCertificate, text }));
    phone.wait();
    phone.log_in(&bound(101, 101));
    let mut after = told(&mut phone);
    before.sort();
    after.sort();
    assert_eq!(after, before);
}

#[test]
fn an_entry_of_an_unknown_form_blocks_nothing_and_is_reported() {
    let mut phone = Phone::online();
    let mut message = notification(101, "new").to_message("example.com");
    let text = String::from_utf8(message.to_stream_bytes()).expect("UTF-8");
    phone.receive(text.replace("lane='normal'", "lane='normal' kind='hologram'").as_bytes());
    message.remove_attr("id");
    phone.element(&message);
    phone.receive_entries(&[notification(102, "b")]);
    assert_eq!(phone.acks, [ack(Some(101), None), ack(Some(102), None)]);
    assert_eq!(phone.handed_ids(), ["b"]);
    let (_, event) = report(&mut phone);
    assert_eq!((event.attr("entry"), event.attr("type")), (Some("new"), Some("rejected")));
    assert!(event.attr("reason").is_some_and(|reason| reason.contains("kind")));
}

#[test]
fn a_change_of_user_is_told() {
    let mut phone = Phone::online();
    phone.receive(b"<user xmlns='urn:longwire:push:1' name='bob'/>");
    assert!(matches!(phone.machine.state(), State::Online(online) if online.user.as_deref() == Some("bob")));
    assert_eq!(phone.store.load().expect("loads").record.user.as_deref(), Some("bob"));
    phone.receive(b"<user xmlns='urn:longwire:push:1'/>");
    assert_eq!(phone.store.load().expect("loads").record.user, None);
}

#[test]
fn a_push_outside_the_log_is_shown_and_moves_no_cursor() {
    let mut phone = Phone::online();
    phone.receive_entries(&[notification(0, "now"), notification(0, "now")]);
    assert_eq!(phone.handed_ids(), ["now"]);
    assert!(phone.acks.is_empty());
    let mut phone = phone.reborn();
    phone.start();
    assert!(phone.handed.is_empty(), "at most once, over processes too");
}

#[test]
fn entries_before_a_login_are_not_heard() {
    let mut phone = Phone::new(crate::TlsMode::Direct);
    phone.start();
    phone.secure();
    phone.receive_entries(&[notification(101, "early"), about(102, EntryContent::Recall { target: "x".into() })]);
    assert!(phone.acks.is_empty() && phone.handed.is_empty());
    assert_eq!(phone.store.state("early"), None);
}
