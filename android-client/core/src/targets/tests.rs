//! Which targets, in which order, for how long.

use longwire_protocol::Jid;
use proptest::prelude::*;

use super::{SrvAnswer, SrvRecord, TARGETS_MAX, TTL_MS_MAX, Targets};
use crate::config::{Config, Target, TlsMode};

use TlsMode::{Direct, StartTls};

fn config(server: Option<Target>) -> Config {
    Config {
        domain: Jid::new("example.com").expect("a JID"),
        server,
        srv: vec![Direct, StartTls],
        app_key: None,
        software: "test".into(),
        boot_id: "boot".into(),
    }
}

fn record(priority: u16, weight: u16, target: &str) -> SrvRecord {
    SrvRecord { priority, weight, port: 5223, target: target.into() }
}

fn found(records: Vec<SrvRecord>) -> SrvAnswer {
    SrvAnswer::Found { records, ttl_s: 300 }
}

/// A generator as good as a test needs (`SplitMix64`).
fn chance(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

fn round(targets: &mut Targets, config: &Config, seed: u64) -> Vec<Target> {
    targets.begin_round(config, &mut chance(seed));
    std::iter::from_fn(|| targets.next()).collect()
}

fn told(direct: SrvAnswer, starttls: SrvAnswer) -> Targets {
    let mut targets = Targets::default();
    targets.resolved(vec![(Direct, direct), (StartTls, starttls)], 0);
    targets
}

fn names(targets: &[Target]) -> Vec<String> {
    targets.iter().map(|target| format!("{}:{}", target.host, target.port)).collect()
}

fn server() -> Target {
    Target { host: "push.example.com".into(), port: 443, tls: Direct }
}

#[test]
fn both_services_are_mixed_by_priority() {
    let mut targets = told(
        found(vec![record(20, 0, "c.example.com."), record(1, 0, "A.example.com")]),
        found(vec![record(10, 0, "b.example.com"), record(30, 0, "d.example.com")]),
    );
    let round = round(&mut targets, &config(None), 1);
    let hosts: Vec<_> = round.iter().map(|target| (target.host.as_str(), target.tls)).collect();
    let expected = [
        ("a.example.com", Direct),
        ("b.example.com", StartTls),
        ("c.example.com", Direct),
        ("d.example.com", StartTls),
    ];
    assert_eq!(hosts, expected);
}

#[test]
fn weights_are_shares_over_both_services() {
    let mut targets = told(
        found(vec![record(1, 60, "sixty"), record(1, 10, "ten"), record(1, 0, "zero")]),
        found(vec![record(1, 30, "thirty")]),
    );
    let mut first = std::collections::BTreeMap::new();
    for seed in 0..20_000 {
        let round = round(&mut targets, &config(None), seed);
        assert_eq!(round.len(), 4);
        *first.entry(round[0].host.clone()).or_insert(0_i32) += 1;
    }
    // Of 0..=100 the sixty have 60 numbers, and so on; five standard deviations are 350.
    for (host, share) in [("sixty", 60), ("thirty", 30), ("ten", 10), ("zero", 1)] {
        let expected = 20_000 * share / 101;
        assert!((first[host] - expected).abs() < 350, "{host}: {} and not {expected}", first[host]);
    }
}

#[test]
fn a_service_that_is_not_offered_is_not_tried() {
    let root = || found(vec![record(0, 0, ".")]);
    let both = round(&mut told(root(), found(vec![record(1, 0, "b")])), &config(None), 1);
    assert_eq!(names(&both), ["b:5223"]);
    assert_eq!(names(&round(&mut told(root(), SrvAnswer::Absent), &config(None), 1)), ["example.com:5222"]);
    assert!(round(&mut told(root(), root()), &config(None), 1).is_empty(), "nowhere to go");
    // Whoever names a server knows better.
    let with_server = config(Some(server()));
    assert_eq!(names(&round(&mut told(root(), root()), &with_server, 1)), ["push.example.com:443"]);
}

#[test]
fn without_records_the_domain_itself_is_tried_and_a_server_comes_last() {
    let mut nothing = told(SrvAnswer::Absent, SrvAnswer::Absent);
    assert_eq!(names(&round(&mut nothing, &config(None), 1)), ["example.com:5223", "example.com:5222"]);
    assert!(nothing.is_stale(&config(None), 0), "and asked for again the next time");
    let with_server = config(Some(server()));
    assert_eq!(names(&round(&mut nothing, &with_server, 1)), ["push.example.com:443"]);
    let mut one = told(found(vec![record(1, 0, "a")]), SrvAnswer::Absent);
    assert_eq!(names(&round(&mut one, &with_server, 1)), ["a:5223", "push.example.com:443"]);
    assert_eq!(names(&round(&mut one, &config(None), 1)), ["a:5223"], "RFC 6120: no domain beside its records");
}

#[test]
fn without_srv_nothing_is_asked() {
    let config = Config { srv: Vec::new(), ..config(Some(server())) };
    let mut targets = Targets::default();
    assert!(!targets.is_stale(&config, u64::MAX));
    assert_eq!(names(&round(&mut targets, &config, 1)), ["push.example.com:443"]);
}

#[test]
fn a_failing_dns_leaves_the_last_good_list() {
    let config = config(None);
    let mut targets = told(found(vec![record(1, 0, "a")]), found(vec![record(2, 0, "b")]));
    targets.resolved(vec![(Direct, SrvAnswer::Failed), (StartTls, SrvAnswer::Failed)], 400_000);
    assert_eq!(names(&round(&mut targets, &config, 1)), ["a:5223", "b:5223"]);
    assert!(targets.is_stale(&config, 400_000), "and is asked again for the next round");
    // What is known to have gone is not tried for what failed beside it.
    targets.resolved(vec![(Direct, SrvAnswer::Absent), (StartTls, SrvAnswer::Failed)], 500_000);
    assert_eq!(names(&round(&mut targets, &config, 1)), ["b:5223"]);
    let mut never = told(SrvAnswer::Failed, SrvAnswer::Failed);
    assert_eq!(names(&round(&mut never, &config, 1)), ["example.com:5223", "example.com:5222"]);
}

#[test]
fn a_list_is_good_for_its_shortest_ttl_and_a_day_at_most() {
    let config = config(None);
    let with_ttl = |ttl_s| SrvAnswer::Found { records: vec![record(1, 0, "a")], ttl_s };
    let targets = told(with_ttl(300), with_ttl(60));
    assert!(!targets.is_stale(&config, 59_999) && targets.is_stale(&config, 60_000));
    let targets = told(with_ttl(300), SrvAnswer::Absent);
    assert!(!targets.is_stale(&config, 299_999) && targets.is_stale(&config, 300_000));
    let targets = told(with_ttl(u32::MAX), with_ttl(u32::MAX));
    assert!(!targets.is_stale(&config, TTL_MS_MAX - 1) && targets.is_stale(&config, TTL_MS_MAX));
    assert!(told(with_ttl(0), SrvAnswer::Absent).is_stale(&config, 0));
    let mut targets = told(with_ttl(300), with_ttl(300));
    targets.renew();
    assert!(targets.is_stale(&config, 1), "another network, another DNS");
    assert_eq!(round(&mut targets, &config, 1).len(), 2, "that still holds when the new one fails");
}

#[test]
fn records_that_name_no_host_are_passed_over() {
    let long = "a".repeat(254);
    let no_port = SrvRecord { port: 0, ..record(1, 1, "portless") };
    let bad = ["", ".", "a b", "a\u{0}b", "é.example", "a/b", &long].map(|target| record(1, 1, target));
    let mut records = bad.to_vec();
    records.push(no_port);
    let mut targets = told(found(records.clone()), SrvAnswer::Absent);
    assert_eq!(names(&round(&mut targets, &config(None), 1)), ["example.com:5223", "example.com:5222"]);
    records.push(record(9, 1, "good"));
    let mut targets = told(found(records), SrvAnswer::Absent);
    assert_eq!(names(&round(&mut targets, &config(None), 1)), ["good:5223"]);
}

proptest! {
    #[test]
    fn a_round_has_each_target_once_by_priority_and_no_more_than_its_bound(
        direct in proptest::collection::vec((0..4_u16, any::<u16>(), 0..40_u16), 0..100),
        starttls in proptest::collection::vec((0..4_u16, any::<u16>(), 0..40_u16), 0..100),
        seed: u64,
        has_server: bool,
    ) {
        let answer = |list: &[(u16, u16, u16)]| {
            found(list.iter().map(|(priority, weight, host)| record(*priority, *weight, &format!("h{host}"))).collect())
        };
        let config = config(has_server.then(server));
        let round = round(&mut told(answer(&direct), answer(&starttls)), &config, seed);
        prop_assert!(round.len() <= TARGETS_MAX + usize::from(has_server));
        prop_assert!(!round.is_empty());
        prop_assert_eq!(round.last() == Some(&server()), has_server);
        for (index, target) in round.iter().enumerate() {
            prop_assert!(!round[..index].contains(target));
        }
        let best = |target: &Target| {
            let list = if target.tls == Direct { &direct } else { &starttls };
            list.iter().take(64).filter(|(_, _, host)| format!("h{host}") == target.host).map(|(priority, _, _)| *priority).min()
        };
        let priorities: Vec<_> = round.iter().filter_map(best).collect();
        prop_assert!(priorities.is_sorted(), "{priorities:?}");
    }

    #[test]
    fn no_answer_of_a_dns_panics(records in proptest::collection::vec((any::<u16>(), any::<u16>(), any::<u16>(), ".*"), 0..80), ttl_s: u32, seed: u64) {
        let records = records.into_iter().map(|(priority, weight, port, target)| SrvRecord { priority, weight, port, target });
        let mut targets = told(SrvAnswer::Found { records: records.collect(), ttl_s }, SrvAnswer::Failed);
        let config = config(Some(server()));
        prop_assert!(!round(&mut targets, &config, seed).is_empty());
    }
}
