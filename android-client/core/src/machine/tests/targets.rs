//! Which servers are tried when the domain has several, and what counts as an attempt.

use super::harness::{Phone, bound};
use crate::inbox::MemoryStore;
use crate::{Config, Event, Failure, FailureKind, Network, SrvAnswer, SrvRecord, State, Target, TlsMode, Why};
use longwire_protocol::Jid;

use TlsMode::{Direct, StartTls};

fn phone(server: Option<Target>) -> Phone {
    let config = Config {
        domain: Jid::new("example.com").expect("a JID"),
        server,
        srv: vec![Direct, StartTls],
        app_key: None,
        software: "test".into(),
        boot_id: "boot".into(),
    };
    let mut phone = Phone::with_config(config, MemoryStore::new());
    phone.event(Event::Start);
    phone
}

/// Hosts `a`, `b`, … in this order.
fn answer(hosts: &[&str], ttl_s: u32) -> Vec<(TlsMode, SrvAnswer)> {
    let record = |(priority, host): (u16, &&str)| SrvRecord { priority, weight: 0, port: 5223, target: (*host).into() };
    let records = (1..).zip(hosts).map(record).collect();
    vec![(Direct, SrvAnswer::Found { records, ttl_s }), (StartTls, SrvAnswer::Absent)]
}

fn failed() -> Vec<(TlsMode, SrvAnswer)> {
    vec![(Direct, SrvAnswer::Failed), (StartTls, SrvAnswer::Failed)]
}

fn refused() -> Event {
    Event::ConnectFailed(Failure { kind: FailureKind::Refused, text: "nobody listens".into() })
}

fn hosts(phone: &mut Phone) -> Vec<String> {
    phone.targets.drain(..).map(|target| target.host).collect()
}

fn wait_ms(phone: &Phone) -> u64 {
    let State::Waiting { until_ms: Some(until_ms), .. } = phone.machine.state() else { panic!("it does not wait") };
    until_ms - phone.now_ms
}

#[test]
fn a_target_that_refuses_is_followed_by_the_next_at_once_and_a_round_is_one_attempt() {
    let mut phone = phone(None);
    assert_eq!((phone.resolves.len(), phone.connects), (1, 0), "nothing is reached before the DNS answered");
    phone.event(Event::Resolved(answer(&["a", "b", "c"], 300)));
    phone.event(refused());
    phone.event(refused());
    assert_eq!((hosts(&mut phone), phone.now_ms), (vec!["a".into(), "b".into(), "c".into()], 0));
    phone.event(refused());
    assert_eq!(phone.machine.state().name(), "waiting");
    assert!(wait_ms(&phone) <= 1_000, "the first wait: three refusals were one attempt");
    phone.wait();
    phone.event(refused());
    phone.event(refused());
    phone.event(refused());
    assert_eq!(hosts(&mut phone), ["a", "b", "c"]);
    assert_eq!(phone.resolves.len(), 1, "the list is fresh");
    let second: Vec<_> = phone.states.iter().filter(|state| state.name() == "waiting").collect();
    assert_eq!(second.len(), 2);
}

#[test]
fn a_target_that_says_nothing_has_ten_seconds_and_the_last_one_thirty() {
    let mut phone = phone(None);
    phone.event(Event::Resolved(answer(&["a", "b"], 300)));
    assert_eq!(phone.wait(), 10_000);
    assert_eq!((hosts(&mut phone), phone.closes), (vec!["a".into(), "b".into()], 1));
    assert_eq!(phone.wait(), 40_000);
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::TimedOut, .. }));
}

#[test]
fn a_login_on_the_first_of_several_has_as_long_as_on_the_last() {
    let mut phone = phone(None);
    phone.event(Event::Resolved(answer(&["a", "b"], 300)));
    phone.now_ms = 9_000;
    phone.secure();
    assert_eq!(phone.wait(), 30_000);
    assert_eq!(phone.machine.state().name(), "waiting", "TLS stood, so this was an attempt");
    phone.wait();
    assert_eq!(hosts(&mut phone), ["a", "b"], "and the next one goes elsewhere");
}

#[test]
fn no_target_is_left_out_when_one_takes_tls_and_no_login() {
    let mut phone = phone(None);
    phone.event(Event::Resolved(answer(&["a", "b"], 300)));
    for _ in 0..2 {
        phone.secure();
        phone.event(Event::Closed);
        phone.take_written();
        phone.wait();
    }
    assert_eq!(hosts(&mut phone), ["a", "b", "a"]);
    phone.log_in(&bound(100, 100));
    phone.take_written();
    phone.event(Event::Closed);
    phone.wait();
    assert_eq!(hosts(&mut phone), ["a"], "after a session the best one comes first");
}

#[test]
fn a_pause_that_a_server_asks_for_is_kept_from_all_of_them() {
    let mut phone = phone(None);
    phone.event(Event::Resolved(answer(&["a", "b"], 300)));
    phone.secure();
    phone.receive(
        b"<stream:error><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
          <retry xmlns='urn:longwire:push:1' after='30'/></stream:error>",
    );
    assert!((30_000..=33_000).contains(&wait_ms(&phone)));
    phone.wait();
    assert_eq!(hosts(&mut phone), ["a", "a"]);
}

#[test]
fn starttls_that_is_not_offered_leads_on() {
    let mut phone = phone(None);
    let records = |host: &str| SrvAnswer::Found {
        records: vec![SrvRecord { priority: 1, weight: 0, port: 5222, target: host.into() }],
        ttl_s: 60,
    };
    phone.event(Event::Resolved(vec![(StartTls, records("plain"))]));
    phone.event(Event::Connected);
    assert!(phone.take_written().contains("to='example.com'"), "the domain, not the target");
    phone.receive(super::harness::HEADER.as_bytes());
    phone.receive(b"<stream:features/>");
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::NoTls, .. }));
}

#[test]
fn a_list_is_asked_for_again_when_its_time_is_over() {
    let mut phone = phone(None);
    phone.event(Event::Resolved(answer(&["a"], 60)));
    phone.log_in(&bound(100, 100));
    phone.take_written();
    phone.now_ms = 59_000;
    phone.event(Event::Closed);
    phone.now_ms = 59_999;
    phone.event(Event::Start);
    phone.wait();
    let asked = phone.resolves.len();
    assert_eq!(asked, 1 + usize::from(phone.now_ms >= 60_000));
    phone.now_ms = 60_000;
    phone.event(refused());
    phone.wait();
    assert_eq!(phone.resolves.len(), 2);
    phone.event(Event::Resolved(answer(&["b"], 60)));
    assert_eq!(hosts(&mut phone).last().map(String::as_str), Some("b"));
}

#[test]
fn a_dns_that_fails_or_hangs_locks_nobody_out() {
    let mut phone = phone(None);
    assert_eq!(phone.wait(), 10_000, "no answer");
    phone.event(refused());
    let tried: Vec<_> = phone.targets.drain(..).map(|target| (target.host, target.port, target.tls)).collect();
    assert_eq!(tried, [("example.com".into(), 5223, Direct), ("example.com".into(), 5222, StartTls)]);
    phone.event(refused());
    phone.wait();
    phone.event(Event::Resolved(answer(&["a"], 0)));
    phone.event(refused());
    phone.wait();
    phone.event(Event::Resolved(failed()));
    assert_eq!(hosts(&mut phone), ["a", "a"], "the last good list");
    assert_eq!(phone.resolves.len(), 3);
}

#[test]
fn a_configured_server_is_the_last_resort_of_each_round() {
    let mut phone = phone(Some(Target { host: "fixed".into(), port: 443, tls: Direct }));
    phone.event(Event::Resolved(answer(&["a"], 300)));
    phone.event(refused());
    phone.event(refused());
    assert_eq!(hosts(&mut phone), ["a", "fixed"]);
    phone.wait();
    assert_eq!(hosts(&mut phone), ["a"]);
}

#[test]
fn a_domain_that_serves_no_clients_is_asked_again_after_a_wait() {
    let mut phone = phone(None);
    let root = || SrvAnswer::Found {
        records: vec![SrvRecord { priority: 0, weight: 0, port: 0, target: ".".into() }],
        ttl_s: 86_400,
    };
    phone.event(Event::Resolved(vec![(Direct, root()), (StartTls, root())]));
    assert!(matches!(phone.machine.state(), State::Waiting { why: Why::Unreachable(_), .. }));
    assert_eq!(phone.connects, 0);
    phone.wait();
    assert_eq!(phone.resolves.len(), 2);
}

#[test]
fn another_network_asks_its_own_dns() {
    let mut phone = phone(None);
    phone.event(Event::Resolved(answer(&["a", "b"], 300)));
    phone.event(refused());
    phone.event(Event::Network(Network::Usable));
    assert_eq!((phone.resolves.len(), phone.machine.state().name()), (2, "connecting"));
    phone.event(Event::Resolved(failed()));
    assert_eq!(hosts(&mut phone), ["a", "b", "a"], "what was known still holds");
    // An answer that nobody waits for any more changes nothing.
    phone.event(Event::Resolved(answer(&["z"], 300)));
    assert_eq!(hosts(&mut phone), Vec::<String>::new());
}
