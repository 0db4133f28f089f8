//! F19, F20: everybody comes back at once, and some that take nothing among many that do.

use std::time::Duration;

use anyhow::ensure;
use longwire_fault::footprint::{Footprint, load_percent};
use longwire_fault::{Bench, Terms, api, run};
use longwire_test_support::until;
use longwire_test_support::wait::now;

use crate::SETTLED;

/// I6: 99 % within 90 s; all within the cap of the backoff and ten seconds.
const MOST_BACK: Duration = Duration::from_secs(90);
const ALL_BACK: Duration = Duration::from_secs(130);
/// Phones in one process.
const EACH: usize = 500;

/// `FAULT_CLIENTS` of them; two processors do not carry the 15,000 of the matrix beside their server.
fn clients() -> usize {
    std::env::var("FAULT_CLIENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

#[test]
fn f19_everybody_is_back_after_a_restart() -> anyhow::Result<()> {
    run("F19", "the server is killed with all its clients", &[], |case| {
        let clients = clients();
        let mut bench = Bench::new()?;
        for _ in 0..clients.div_ceil(EACH) {
            let options = bench.phone_options().times(EACH.min(clients));
            bench.add(&options)?;
        }
        let clients = bench.ledger.devices().len() as u64;
        case.figure("clients", clients);
        bench.server.kill();
        // An operator's limit, under which the crowd has to queue.
        bench.server.change(|options| options.with_variable("LONGWIRE_LOGINS_PER_SECOND_MAX", "100"));
        bench.restart()?;
        let began = now();
        let (percent, ()) = load_percent(bench.server.id(), || {
            let sessions = || api::metric(&bench.api, "longwire_sessions").unwrap_or_default();
            until("99 % of the clients", MOST_BACK, || (sessions() * 100 >= clients * 99).then_some(()))?;
            case.figure("99 % back after_ms", u64::try_from(began.elapsed().as_millis())?);
            until("all clients", ALL_BACK.saturating_sub(began.elapsed()), || (sessions() >= clients).then_some(()))
        })?;
        case.figure("all back after_ms", u64::try_from(began.elapsed().as_millis())?);
        case.figure("cpu_percent of one processor", percent);
        let (posted, _) = bench.load("back", &Terms { count: 3, ..Terms::default() }).finish()?;
        bench.enter(posted);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the storm", &verdict)
    })
}

const SLOW: usize = 100;

#[test]
fn f20_clients_that_read_nothing_hold_nobody_up() -> anyhow::Result<()> {
    run("F20", "a hundred clients that stop reading among others", &[], |case| {
        let mut bench = Bench::new()?;
        let slow = bench.phone_options().times(SLOW);
        let slow = bench.add(&slow)?;
        let others = bench.phone_options().times(400);
        bench.add(&others)?;
        let before = Footprint::of(bench.server.id())?;
        bench.phone(slow)?.signal("STOP")?;
        // More than a socket and a window take: 256 KiB and the kernel's buffers.
        let terms = Terms { count: 300, senders: 4, between: Duration::from_millis(20), ..Terms::default() };
        let (posted, answered) = bench.load("slow", &terms).finish()?;
        case.times("answered", &answered);
        bench.enter(posted);
        until("the server to close what takes nothing", Duration::from_secs(60), || {
            (api::metric(&bench.api, "longwire_sessions")? <= 400).then_some(())
        })?;
        let after = Footprint::of(bench.server.id())?;
        case.figure("rss_kib before", before.rss_kib);
        case.figure("rss_kib after", after.rss_kib);
        ensure!(after.rss_kib < before.rss_kib + 100 * 1_024, "memory grew by more than 1 MiB for each slow client");
        bench.phone(slow)?.signal("CONT")?;
        let verdict = bench.verdict(SETTLED)?;
        case.hold("when they read again", &verdict)
    })
}
