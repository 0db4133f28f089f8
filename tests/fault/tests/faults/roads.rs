//! F16, F17, F18: roads that forget what is idle, lose a share, are slow, or reset connections.

use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_fault::inject::namespace::Namespace;
use longwire_fault::inject::relay::{Slowness, relay};
use longwire_fault::{Bench, Case, Need, Terms, api, run};
use longwire_test_support::wait::{now, pause};
use longwire_test_support::{Chance, PhoneOptions, Ready, until};
use serde_json::json;

use crate::{SETTLED, shown_after_healing};

/// A server and its port inside a namespace, with an API that can be called from outside.
fn inside(namespace: &Namespace) -> anyhow::Result<(Bench, u16)> {
    let mut bench = Bench::with(|options| {
        let options = options.behind(&namespace.prefix()).with_variable("LONGWIRE_HEARTBEAT_MIN", "1");
        options.with_variable("LONGWIRE_HEARTBEAT_MAX", "20")
    })?;
    bench.api = bench.api.inside(&namespace.file());
    let port = bench.server.ready.c2s_tls.rsplit(':').next().and_then(|port| port.parse().ok());
    Ok((bench, port.context("no port")?))
}

fn heartbeat(bench: &mut Bench, place: usize) -> Option<u64> {
    let lines = bench.phone(place).ok()?.lines();
    lines.iter().rev().find_map(|line| line.get("heartbeat")?.as_u64())
}

const NAT_S: u32 = 5;

#[test]
fn f16_a_nat_that_forgets_after_five_seconds_is_learned() -> anyhow::Result<()> {
    run("F16", "connection tracking forgets idle connections after 5 s", &[Need::Namespaces, Need::Conntrack], |case| {
        let namespace = Namespace::new()?;
        let (mut bench, port) = inside(&namespace)?;
        namespace.forget_idle(port, NAT_S)?;
        let options = bench.phone_options().behind(&namespace.prefix()).with(&["--network", "nat"]);
        let phone = bench.add(&options)?;
        bench.mark_level()?;
        let began = now();
        let mut into_silence = Vec::new();
        until("a heartbeat that survives", Duration::from_secs(300), || {
            let id = bench.post(&json!({ "to": "all", "title": "Into the silence" })).ok()?;
            shown_after_healing(&mut bench, phone, &id).ok()?;
            into_silence.push(id);
            // Longer than the road remembers.
            pause(Duration::from_secs(u64::from(NAT_S) + 2));
            heartbeat(&mut bench, phone).filter(|seconds| *seconds < u64::from(NAT_S))
        })?;
        case.figure("learned after_s", began.elapsed().as_secs());
        case.figure("sent into silences", into_silence.len());
        case.figure("heartbeat_s", heartbeat(&mut bench, phone));
        let logins = api::metric(&bench.api, "longwire_logins_total").unwrap_or_default();
        case.figure("logins while it learned", logins);
        ensure!((1..=10).contains(&logins), "{logins} logins until it had learned");
        // From now on the connection stays.
        pause(Duration::from_secs(20));
        let after = api::metric(&bench.api, "longwire_logins_total").unwrap_or_default();
        ensure!(after <= logins + 1, "{} logins in 20 s with a heartbeat that was learned", after - logins);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("behind the NAT", &verdict)
    })
}

/// Sends one by one, and measures until each is on the screen.
fn measure(case: &mut Case, bench: &mut Bench, place: usize, what: &str) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for number in 0..40 {
        let began = now();
        let id = bench.post(&json!({ "to": "all", "title": format!("{what} {number}") }))?;
        shown_after_healing(bench, place, &id)?;
        times.push(u64::try_from(began.elapsed().as_millis())?);
    }
    times.sort_unstable();
    case.times(what, &times);
    Ok(())
}

#[test]
fn f17_lost_segments_delay_and_do_not_disconnect() -> anyhow::Result<()> {
    run("F17", "1, 5 and 20 % of the segments are lost", &[Need::Namespaces], |case| {
        let namespace = Namespace::new()?;
        let (mut bench, port) = inside(&namespace)?;
        let options = bench.phone_options().behind(&namespace.prefix());
        let phone = bench.add(&options)?;
        bench.mark_level()?;
        for percent in [1, 5, 20] {
            let before = api::metric(&bench.api, "longwire_logins_total");
            namespace.lose(port, percent)?;
            measure(case, &mut bench, phone, &format!("{percent} % lost"))?;
            let lost = namespace.lost()?;
            case.figure(&format!("segments lost of {percent} %"), lost);
            ensure!(percent < 20 || lost > 0, "no segment was lost");
            namespace.heal()?;
            let after = api::metric(&bench.api, "longwire_logins_total");
            ensure!(percent > 5 || before == after, "{percent} %: {before:?} logins before, {after:?} after");
        }
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the losses", &verdict)
    })
}

#[test]
fn f17_a_slow_and_narrow_road_is_only_slow() -> anyhow::Result<()> {
    run("F17", "800 ms round trip, 256 kbit/s", &[], |case| {
        let mut bench = Bench::new()?;
        let slowness = Slowness {
            latency: Duration::from_millis(350),
            jitter: Duration::from_millis(100),
            bytes_per_second: 32_000,
        };
        let far = Ready { c2s_tls: relay(&bench.server.ready.c2s_tls, slowness)?, ..bench.server.ready.clone() };
        let options = PhoneOptions::at(&far, &bench.place.path().join("far"));
        let phone = bench.add(&options)?;
        bench.mark_level()?;
        let before = api::metric(&bench.api, "longwire_logins_total");
        measure(case, &mut bench, phone, "far away")?;
        let sending = bench.load("far", &Terms { count: 200, ..Terms::default() });
        let (posted, _) = sending.finish()?;
        bench.enter(posted);
        let verdict = bench.verdict(SETTLED)?;
        ensure!(before == api::metric(&bench.api, "longwire_logins_total"), "it was disconnected");
        case.hold("over a slow road", &verdict)
    })
}

const PHONES: usize = 100;
const ROUNDS: usize = 20;

#[test]
fn f18_sockets_that_are_killed_come_back_without_a_storm() -> anyhow::Result<()> {
    run("F18", "1 % of the sockets are reset every second", &[Need::Namespaces, Need::SocketKill], |case| {
        let namespace = Namespace::new()?;
        let (mut bench, port) = inside(&namespace)?;
        let options = bench.phone_options().behind(&namespace.prefix()).times(PHONES);
        bench.add(&options)?;
        bench.mark_level()?;
        let mut chance = Chance::new(Chance::seed());
        let before = api::metric(&bench.api, "longwire_logins_total").unwrap_or_default();
        let sending =
            bench.load("resets", &Terms { count: 400, between: Duration::from_millis(90), ..Terms::default() });
        let mut killed = 0;
        for _ in 0..ROUNDS {
            let filter = format!("sport = :{port}");
            let sockets = namespace.run(&["ss", "-tnH", "state", "established", &filter])?;
            let peers: Vec<&str> = sockets.lines().filter_map(|line| line.split_whitespace().next_back()).collect();
            if let Some((_, peer)) = chance.one(&peers).and_then(|peer| peer.rsplit_once(':')) {
                // It lists what it has killed.
                let said = namespace.run(&["ss", "-KH", "dst", "127.0.0.1", "dport", "=", peer])?;
                killed += u64::from(said.contains(peer));
            }
            pause(Duration::from_secs(1));
        }
        let (posted, _) = sending.finish()?;
        bench.enter(posted);
        let verdict = bench.verdict(SETTLED)?;
        let logins = api::metric(&bench.api, "longwire_logins_total").unwrap_or_default() - before;
        case.figure("logins", logins);
        case.figure("sockets killed", killed);
        ensure!(killed > ROUNDS as u64 / 2, "{killed} sockets were killed");
        ensure!((killed / 2..=2 * killed).contains(&logins), "{logins} logins for {killed} resets");
        case.hold("after the resets", &verdict)
    })
}
