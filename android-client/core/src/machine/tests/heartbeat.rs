//! What a phone learns of its networks, tells the server and remembers.

use super::harness::{Phone, bound, notification};
use crate::heartbeat::{ANSWER_MS_MAX, BACK_MS_MAX, NetworkId};
use crate::inbox::MemoryStore;
use crate::{Event, Network};

const HOME: Network = Network::Known(NetworkId(1));
const WORK: Network = Network::Known(NetworkId(2));

/// A process that starts in a network, on what is stored; not yet logged in.
fn started_in(network: Network, store: MemoryStore) -> Phone {
    let mut phone = Phone::adaptive(store);
    phone.event(Event::Network(network));
    phone.start();
    phone
}

fn promised(phone: &mut Phone) -> Option<u32> {
    let request = phone.log_in(&bound(100, 100));
    assert_eq!(phone.take_written(), "", "the login has told everything");
    request.bind().and_then(|bind| bind.push().ok().flatten()).and_then(|login| login.heartbeat_s)
}

fn online_in(network: Network) -> Phone {
    let mut phone = started_in(network, MemoryStore::new());
    assert_eq!(promised(&mut phone), Some(240));
    phone
}

/// A quiet period and its heartbeat.
fn beat(phone: &mut Phone) {
    phone.wait();
    assert_eq!(phone.take_written(), " ");
    phone.now_ms += 100;
}

fn told(seconds: u32) -> String {
    format!("<heartbeat xmlns='urn:longwire:push:1' seconds='{seconds}'/>")
}

#[test]
fn a_longer_promise_is_told_before_its_silence_begins() {
    let mut phone = online_in(HOME);
    for (told_s, next_s) in [(300, 375), (375, 468)] {
        beat(&mut phone);
        phone.receive(b" ");
        assert_eq!(phone.take_written(), told(told_s), "with the answer, while the radio is awake");
        let due_ms = phone.machine.poll_timeout().map(|(due_ms, _)| due_ms);
        assert_eq!(due_ms, Some(phone.now_ms + u64::from(told_s) * 1_000), "and before {next_s}");
        assert_eq!(phone.machine.heartbeat_s(), told_s);
    }
}

#[test]
fn a_period_with_a_push_in_it_proves_nothing() {
    let mut phone = online_in(HOME);
    phone.now_ms += 200_000;
    phone.receive_entries(&[notification(101, "a")]);
    assert_eq!(phone.wait(), 440_000);
    phone.receive(b" ");
    phone.take_written();
    assert_eq!(phone.machine.heartbeat_s(), 300, "the four minutes after it do");
    let mut phone = online_in(HOME);
    beat(&mut phone);
    phone.receive_entries(&[notification(101, "a")]);
    assert_eq!((phone.take_written().as_str(), phone.machine.heartbeat_s()), ("", 240));
}

#[test]
fn after_a_silent_drop_the_next_login_promises_less_and_the_network_is_remembered() {
    let mut phone = online_in(HOME);
    beat(&mut phone);
    phone.wait();
    assert_eq!(phone.machine.state().name(), "waiting");
    phone.wait();
    assert_eq!(promised(&mut phone), Some(120));
    phone.store.crash();
    let mut next = started_in(HOME, phone.store.clone());
    assert_eq!(promised(&mut next), Some(120), "by the next process too");
    let mut elsewhere = started_in(WORK, phone.store);
    assert_eq!(promised(&mut elsewhere), Some(240), "other networks are others");
}

#[test]
fn an_outage_is_no_silent_drop() {
    let mut phone = online_in(HOME);
    beat(&mut phone);
    phone.wait();
    phone.now_ms += BACK_MS_MAX + 1;
    phone.wait();
    let request = phone.log_in(&bound(100, 100));
    let login = request.bind().and_then(|bind| bind.push().ok().flatten());
    assert_eq!(login.and_then(|login| login.heartbeat_s), Some(120), "it could have been one");
    assert_eq!((phone.take_written(), phone.machine.heartbeat_s()), (told(240), 240));
}

#[test]
fn a_network_that_goes_takes_the_suspicion_with_it() {
    let mut phone = online_in(HOME);
    beat(&mut phone);
    phone.wait();
    phone.event(Event::Network(Network::None));
    phone.event(Event::Network(HOME));
    assert_eq!(promised(&mut phone), Some(240));
}

#[test]
fn a_reset_upon_a_heartbeat_is_a_silent_drop() {
    let mut phone = online_in(HOME);
    beat(&mut phone);
    phone.event(Event::Closed);
    phone.wait();
    assert_eq!(promised(&mut phone), Some(120));
    phone.now_ms += 60_000;
    phone.event(Event::Closed);
    phone.wait();
    assert_eq!(promised(&mut phone), Some(120), "one without a heartbeat is not");
}

#[test]
fn a_change_of_network_probes_and_promises_what_is_known_there() {
    let mut phone = online_in(HOME);
    beat(&mut phone);
    phone.receive(b" ");
    phone.take_written();
    phone.event(Event::Network(WORK));
    assert_eq!(phone.take_written(), " ", "the probe goes first");
    phone.receive(b" ");
    assert_eq!(phone.take_written(), told(240));
    phone.event(Event::Network(HOME));
    phone.receive(b" ");
    assert_eq!(phone.take_written(), format!(" {}", told(300)));
}

#[test]
fn a_heartbeat_costs_no_write_of_its_own() {
    let mut phone = online_in(HOME);
    for _ in 0..5 {
        beat(&mut phone);
        phone.receive(b" ");
        phone.take_written();
    }
    assert_eq!(phone.machine.heartbeat_s(), 600);
    beat_and_answer(&mut phone); // the first that proves the longest interval
    phone.is_store_slow = true;
    for _ in 0..100 {
        beat_and_answer(&mut phone);
    }
    assert_eq!(phone.waiting_stores.len(), 0);
}

fn beat_and_answer(phone: &mut Phone) {
    beat(phone);
    phone.receive(b" ");
    assert_eq!(phone.take_written(), "");
}

#[test]
fn the_answer_is_waited_for_as_before() {
    let mut phone = online_in(HOME);
    beat(&mut phone);
    let sent_ms = phone.now_ms - 100;
    assert_eq!(phone.wait(), sent_ms + ANSWER_MS_MAX);
}
