//! When the next attempt comes.

use std::ops::RangeInclusive;

use longwire_protocol::Element;
use longwire_protocol::stream::{StreamCondition, StreamError};

use super::harness::{HEADER, HEARTBEAT_MS, Phone, bound};
use crate::backoff::{CEILING_MS, Conflicts, RETRY_MS_MAX, UNPROVEN_RETRY_S_MAX};
use crate::heartbeat::{ANSWER_MS_MAX, PROBE_ANSWER_MS};
use crate::inbox::Store as _;
use crate::{Event, Failure, FailureKind, Network, State, TlsMode, Why};

fn stream_error(phone: &mut Phone, error: &StreamError) {
    let element: Element = error.to_element();
    phone.element(&element);
}

fn wait_ms(phone: &Phone) -> u64 {
    let State::Waiting { until_ms: Some(until_ms), .. } = phone.machine.state() else { panic!("it does not wait") };
    until_ms - phone.now_ms
}

#[test]
fn cli_03_a_server_that_closes_at_once_meets_growing_waits() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    for _ in 0..1_000 {
        phone.event(Event::Closed);
        assert!(wait_ms(&phone) <= CEILING_MS);
        phone.wait();
    }
    assert_eq!(phone.connects, 1_001);
    // Full jitter: the mean wait is half of the ceiling, so a thousand attempts take about a thousand minutes.
    assert!(phone.now_ms > 1_000 * CEILING_MS / 3, "{} ms", phone.now_ms);
}

#[test]
fn a_session_that_settled_starts_the_waits_again() {
    let mut phone = Phone::online();
    for _ in 0..20 {
        phone.event(Event::Closed);
        phone.wait();
        phone.log_in(&bound(100, 100));
        phone.now_ms += 5_000;
    }
    phone.event(Event::Closed);
    assert!(wait_ms(&phone) <= 1_000);
}

#[test]
fn without_a_network_nothing_is_attempted_and_its_return_is_used_at_once() {
    let mut phone = Phone::online();
    phone.event(Event::Network(Network::None));
    assert_eq!(phone.machine.state(), &State::Waiting { until_ms: None, why: Why::Network });
    assert_eq!((phone.machine.poll_timeout(), phone.closes), (None, 1));
    phone.event(Event::Network(Network::Usable));
    assert_eq!((phone.machine.state().name(), phone.connects), ("connecting", 2));
}

#[test]
fn a_network_change_replaces_a_wait() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    let refused = Failure { kind: FailureKind::Refused, text: "connection refused".into() };
    phone.event(Event::ConnectFailed(refused.clone()));
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::Unreachable(why), .. } if *why == refused));
    phone.event(Event::Network(Network::Usable));
    assert_eq!((phone.machine.state().name(), phone.connects), ("connecting", 2));
}

#[test]
fn a_shutdown_with_retry_is_obeyed_even_over_a_network_change() {
    let mut phone = Phone::online();
    stream_error(&mut phone, &StreamError::new(StreamCondition::SystemShutdown).with_retry(30));
    assert!((30_000..=33_000).contains(&wait_ms(&phone)));
    let until_ms = phone.now_ms + wait_ms(&phone);
    phone.event(Event::Network(Network::None));
    phone.now_ms += 10_000;
    phone.event(Event::Network(Network::Usable));
    assert_eq!(phone.machine.poll_timeout().map(|(due_ms, _)| due_ms), Some(until_ms));
    let State::Waiting { why, .. } = phone.machine.state() else { panic!("{:?}", phone.machine.state()) };
    assert_eq!(why.name(), "server", "there is a network again: it is not what is waited for");
    phone.wait();
    assert_eq!((phone.connects, phone.now_ms), (2, until_ms));
}

#[test]
fn cli_04_no_server_sends_a_phone_to_sleep_for_longer_than_a_day() {
    let mut phone = Phone::online();
    stream_error(&mut phone, &StreamError::new(StreamCondition::SystemShutdown).with_retry(u32::MAX));
    assert!((RETRY_MS_MAX..=RETRY_MS_MAX + RETRY_MS_MAX / 10).contains(&wait_ms(&phone)), "{}", wait_ms(&phone));
}

#[test]
fn cli_05_who_speaks_before_tls_neither_silences_a_phone_nor_makes_it_another() {
    let mut phone = Phone::new(TlsMode::StartTls);
    phone.start();
    let installation = |phone: &Phone| phone.store.load().expect("loads").record.installation;
    let first = installation(&phone);
    let mut say = |error: StreamError, waits_ms: RangeInclusive<u64>| {
        phone.event(Event::Connected);
        phone.receive(HEADER.as_bytes());
        stream_error(&mut phone, &error);
        assert!(waits_ms.contains(&wait_ms(&phone)), "{}", wait_ms(&phone));
        phone.take_written();
        phone.wait();
    };
    let asked_ms = u64::from(UNPROVEN_RETRY_S_MAX) * 1_000;
    assert_eq!(asked_ms, CEILING_MS, "as long as it waits for a server that is not there");
    say(StreamError::new(StreamCondition::SystemShutdown).with_retry(30), 30_000..=33_000);
    say(StreamError::new(StreamCondition::SystemShutdown).with_retry(u32::MAX), asked_ms..=asked_ms + asked_ms / 10);
    for _ in 0..4 {
        say(StreamError::new(StreamCondition::Conflict), 0..=CEILING_MS);
    }
    assert_eq!(installation(&phone), first);
    assert_eq!(phone.store.load().expect("loads").record.conflicts, Conflicts::default());
}

#[test]
fn a_server_that_goes_on_refusing_registrations_meets_growing_pauses() {
    let mut phone = Phone::new(TlsMode::Direct);
    phone.start();
    for _ in 0..1_000 {
        phone.secure();
        phone.receive(
            b"<iq type='error' id='register'><error type='wait'>\
              <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
              <retry xmlns='urn:longwire:push:1' after='2'/></error></iq>",
        );
        assert!((2_000..=CEILING_MS).contains(&wait_ms(&phone)), "{:?}", phone.machine.state());
        phone.take_written();
        phone.wait();
    }
    assert_eq!(phone.connects, 1_001);
    // Two seconds are the floor, full jitter up to the ceiling is the mean.
    assert!(phone.now_ms > 1_000 * CEILING_MS / 3, "{} ms", phone.now_ms);
}

#[test]
fn a_conflict_waits_a_minute_and_a_second_one_makes_a_new_installation() {
    let mut phone = Phone::online();
    let first = phone.store.load().expect("loads").record;
    stream_error(&mut phone, &StreamError::new(StreamCondition::Conflict));
    assert_eq!(wait_ms(&phone), 60_000);
    assert_eq!(phone.store.load().expect("loads").record.installation, first.installation);
    phone.wait();
    phone.log_in(&bound(100, 100));
    stream_error(&mut phone, &StreamError::new(StreamCondition::Conflict));
    assert_eq!(wait_ms(&phone), 120_000);
    let State::Waiting { why, .. } = phone.machine.state() else { panic!("{:?}", phone.machine.state()) };
    assert!(why.to_string().contains("two phones have the same data"), "{why}");
    let second = phone.store.load().expect("loads").record;
    assert_ne!(second.installation, first.installation);
    assert_eq!((second.cursor, second.device, second.token), (None, None, None), "a new device");
    assert_eq!(second.account.map(|account| account.name), first.account.map(|account| account.name));
}

#[test]
fn cli_02_see_other_host_is_not_followed() {
    let mut phone = Phone::online();
    phone.receive(
        b"<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>evil.example</see-other-host></stream:error>",
    );
    assert_eq!(phone.machine.state().name(), "waiting");
    phone.wait();
    assert_eq!(phone.connects, 2, "to the configured host, the only one that a Connect can name");
}

#[test]
fn heartbeats_are_one_space_and_their_silence_reconnects() {
    let mut phone = Phone::online();
    assert_eq!(phone.wait(), HEARTBEAT_MS);
    assert_eq!(phone.take_written(), " ");
    phone.receive(b" ");
    assert_eq!(phone.wait(), 2 * HEARTBEAT_MS);
    assert_eq!(phone.take_written(), " ");
    assert_eq!(phone.wait(), 2 * HEARTBEAT_MS + ANSWER_MS_MAX);
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::Silent, .. }));
    assert!(wait_ms(&phone) <= 1_000, "the session had settled");
}

#[test]
fn a_network_change_probes_a_live_session() {
    let mut phone = Phone::online();
    phone.now_ms += 10_000;
    phone.event(Event::Network(Network::Usable));
    assert_eq!((phone.take_written().as_str(), phone.machine.state().name()), (" ", "online"));
    assert_eq!(phone.wait(), 10_000 + PROBE_ANSWER_MS);
    assert_eq!(phone.machine.state().name(), "waiting");
}

#[test]
fn f14_a_phone_that_slept_reconnects_once() {
    let mut phone = Phone::online();
    phone.now_ms = 10 * 3_600_000;
    phone.timeout();
    assert_eq!((phone.machine.state().name(), phone.take_written().as_str()), ("waiting", ""));
    phone.wait();
    assert_eq!(phone.connects, 2);
}

#[test]
fn a_call_too_early_does_nothing() {
    let mut phone = Phone::online();
    phone.now_ms = HEARTBEAT_MS - 1;
    phone.timeout();
    assert_eq!(phone.take_written(), "");
}

#[test]
fn a_stop_is_polite_and_final() {
    let mut phone = Phone::online();
    phone.event(Event::Stop);
    assert_eq!(phone.take_written(), "</stream:stream>");
    assert_eq!((phone.machine.state(), phone.machine.poll_timeout()), (&State::Idle, None));
    phone.event(Event::Network(Network::Usable));
    assert_eq!(phone.connects, 1);
    phone.event(Event::Start);
    assert_eq!((phone.connects, phone.loads), (2, 1));
}

#[test]
fn f28_a_store_that_fails_costs_the_connection_and_nothing_else() {
    let mut phone = Phone::online();
    phone.store.refuse(Some("disk full"));
    phone.receive_entries(&[super::harness::notification(101, "a")]);
    assert!(phone.acks.is_empty() && phone.handed.is_empty());
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::Storage(_), .. }));
    phone.event(Event::Opened { id: "earlier".into() });
    phone.store.refuse(None);
    phone.wait();
    let request = phone.log_in(&bound(100, 100));
    assert_eq!(
        request.bind().and_then(|bind| bind.push().ok().flatten()).and_then(|login| login.cursor),
        Some(bound(100, 100).cursor)
    );
    phone.receive_entries(&[super::harness::notification(101, "a")]);
    assert_eq!((phone.handed_ids(), phone.acks.len()), (vec!["a"], 1));
    let told = phone.take_elements();
    assert!(told.iter().any(|iq| iq.name() == "iq"), "what the app said meanwhile is told: {told:?}");
}
