//! F31: every storm at once against a ceiling of memory. The matrix has them one by one.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_fault::footprint::Footprint;
use longwire_fault::inject::storm::Storm;
use longwire_fault::level::FILES_MAX;
use longwire_fault::mix::accepted_at;
use longwire_fault::{Bench, Case, Sending, Terms, api, run};
use longwire_model::Timestamp;
use longwire_test_support::screen::What;
use longwire_test_support::until;
use longwire_test_support::wait::{now, pause};

use crate::SETTLED;

/// The ceiling in MiB: the storm needs more.
const CEILING: u64 = 64;
/// What an operator who serves a crowd behind one address leaves as it is.
const REGISTRATIONS: &str = "LONGWIRE_REGISTRATIONS_PER_MINUTE_MAX";
/// I6: all are back within the cap of the backoff and ten seconds.
const ALL_BACK: Duration = Duration::from_secs(130);
/// Far above what is printed: somebody who waits longer is starved.
const LATE_MAX_MS: u64 = 30_000;
/// The storm goes on until connections were turned away, but no longer.
const STORM_MAX: Duration = Duration::from_secs(90);

/// `FAULT_STORM_SECONDS`: how long it blows at least.
fn storm() -> Duration {
    let said = std::env::var("FAULT_STORM_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(said.unwrap_or(12))
}

#[test]
fn f31_storms_at_once_are_shed_below_the_ceiling_and_lose_nothing() -> anyhow::Result<()> {
    run("F31", "slow readers, broadcasts, returns, registrations and silent connections at once", &[], |case| {
        let mut bench = Bench::with(|options| {
            options.with_variable("LONGWIRE_MEMORY_MAX", &format!("{CEILING}MiB")).with_variable(REGISTRATIONS, "300")
        })?;
        let honest = bench.add(&bench.phone_options().times(20))?;
        let slow = bench.add(&bench.phone_options().times(50))?;
        let returning = bench.add(&bench.phone_options().times(100))?;
        let calm = Terms { count: 40, senders: 2, between: Duration::from_millis(100), ..Terms::default() };
        let (posted, _) = bench.load("calm", &calm).finish()?;
        bench.enter(posted);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("before the storm", &verdict)?;
        case.times("shown when calm", &lateness(&bench, honest, "calm")?);
        let mark = bench.phone(honest)?.mark();
        let files = Footprint::of(bench.server.id())?.files;

        bench.phone(slow)?.signal("STOP")?;
        let broadcasts =
            Terms { count: usize::MAX, senders: 4, between: Duration::from_millis(100), ..Terms::default() };
        let sending = bench.load("storm", &broadcasts);
        let storm = Storm::begin(&bench.server.ready, 2, 2);
        let most = blow(&mut bench, returning, &storm)?;
        case.figure("most_kib", most);
        say(case, &storm, &sending);
        let ended = bench.phone(honest)?.lines().split_off(mark);
        let (registered, refused) = storm.registered();
        sending.stop();
        storm.end()?;
        bench.phone(slow)?.signal("CONT")?;

        let (posted, answered) = sending.finish()?;
        case.times("answered", &answered);
        bench.enter(posted);
        let (began, all) = (now(), bench.ledger.devices().len() as u64);
        until("all clients", ALL_BACK, || (api::metric(&bench.api, "longwire_sessions")? >= all).then_some(()))?;
        case.figure("all back after_ms", u64::try_from(began.elapsed().as_millis())?);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the storm", &verdict)?;
        let server = bench.server.id();
        until("its files to be closed", SETTLED, || {
            (Footprint::of(server).ok()?.files <= files + FILES_MAX).then_some(())
        })?;
        let late = lateness(&bench, honest, "storm")?;
        case.times("shown in the storm", &late);
        let longest = late.last().copied().unwrap_or_default();
        ensure!(longest < LATE_MAX_MS, "an honest phone showed one {longest} ms after it was accepted");
        ensure!(most < CEILING * 1_024, "{most} KiB are more than the ceiling");
        ensure!(registered + refused > 0, "there was no storm of registrations");
        let lost = ended.iter().find(|line| line.get("state").is_some_and(|state| state == "waiting"));
        ensure!(lost.is_none(), "an honest session was ended: {lost:?}");
        Ok(())
    })
}

/// Lets it blow, while the returning ones are killed and started again and again; gives the most memory that the server had, in KiB.
fn blow(bench: &mut Bench, returning: usize, storm: &Storm) -> anyhow::Result<u64> {
    let (began, mut most) = (now(), 0);
    let (mut returned, mut is_shed) = (Duration::ZERO, false);
    while began.elapsed() < self::storm() || !is_shed {
        ensure!(began.elapsed() < STORM_MAX, "nobody was turned away: {} streams are open", storm.opened());
        most = most.max(Footprint::of(bench.server.id())?.rss_kib);
        is_shed = is_shed || storm.turned_away().0 > 0;
        if began.elapsed() > returned {
            returned = began.elapsed() + Duration::from_secs(3);
            bench.phone(returning)?.kill();
            bench.phone(returning)?.start_again()?;
        }
        pause(Duration::from_millis(50));
    }
    Ok(most)
}

fn say(case: &mut Case, storm: &Storm, sending: &Sending) {
    let ((registered, refused), (told, dropped)) = (storm.registered(), storm.turned_away());
    let (shed, unanswered) = sending.met();
    case.figure("streams opened", storm.opened());
    case.figure("connections told to come back", told);
    case.figure("connections dropped", dropped);
    case.figure("registrations", registered);
    case.figure("registrations refused", refused);
    case.figure("broadcasts accepted", sending.accepted());
    case.figure("broadcasts answered 503", shed);
    case.figure("broadcasts unanswered", unanswered);
}

/// How long after their acceptance what these senders sent was on the screens of a process, in sorted milliseconds.
fn lateness(bench: &Bench, place: usize, sender: &str) -> anyhow::Result<Vec<u64>> {
    let devices = bench.devices(place)?;
    let of_sender = bench.ledger.posted().iter().filter(|posted| posted.sender.starts_with(sender));
    let accepted = of_sender.map(|posted| Ok((posted.id.as_str(), accepted_at(&posted.id)?)));
    let accepted: BTreeMap<&str, i64> = accepted.collect::<anyhow::Result<_>>()?;
    let mut late = Vec::new();
    for (device, lines) in &bench.screens()? {
        for line in lines.iter().filter(|line| devices.contains(device) && line.what == What::Handed) {
            if let Some(accepted) = accepted.get(line.id.as_str()) {
                let shown: Timestamp = line.time.parse().context("a screen's line has no time")?;
                late.push(u64::try_from(shown.as_millis() - accepted).unwrap_or_default());
            }
        }
    }
    late.sort_unstable();
    Ok(late)
}
