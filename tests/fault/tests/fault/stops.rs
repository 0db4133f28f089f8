//! F25: SIGTERM under load.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::ensure;
use longwire_fault::{Bench, Case, Terms, api, run};
use longwire_test_support::screen;
use longwire_test_support::wait::{now, pause};

use crate::SETTLED;

const SENT: usize = 400;
const MIXED: usize = 80;
/// Accepted when it is asked to end.
const BEFORE: usize = 150;
const END_MAX: Duration = Duration::from_secs(10);

#[test]
fn f25_a_stop_under_load_drains_and_doubles_nothing_on_the_wire() -> anyhow::Result<()> {
    run("F25", "SIGTERM under load", &[], |case| {
        let mut bench = Bench::new()?;
        bench.add(&bench.phone_options().times(10))?;
        let devices = bench.ledger.devices().len();
        let sending = bench.load("stop", &Terms { count: SENT, senders: 4, ..Terms::default() });
        sending.wait_for(BEFORE)?;
        let began = now();
        let status = bench.server.terminate(END_MAX)?;
        case.figure("ended after_ms", u64::try_from(began.elapsed().as_millis())?);
        ensure!(status.success(), "{status}: {}", bench.server.log());
        // Nothing more comes: what a phone has stored it has shown, or shows within a moment.
        let shown_before = shown(&mut bench)?;
        bench.restart()?;
        let (posted, _) = sending.finish()?;
        let stored: usize = shown_before.len();
        bench.enter(posted);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the stop", &verdict)?;
        let sent = api::metric(&bench.api, "longwire_sent_total").unwrap_or_default();
        let rest = (SENT * devices - stored) as u64;
        case.figure("on the screens at the stop", stored);
        case.figure("sent by the next process", sent);
        ensure!(sent == rest, "{sent} entries were sent after the restart, {rest} were missing on the screens");
        stop_a_mix(case, &mut bench)
    })
}

/// The same once more, with users, topics, TTLs and recalls.
fn stop_a_mix(case: &mut Case, bench: &mut Bench) -> anyhow::Result<()> {
    bench.begin_mix()?;
    bench.mark_level()?;
    let sending = bench.load("mixed", &Terms { count: MIXED, senders: 4, ..Terms::default() });
    sending.wait_for(MIXED / 2)?;
    let status = bench.server.terminate(END_MAX)?;
    ensure!(status.success(), "{status}: {}", bench.server.log());
    bench.restart()?;
    let (posted, _) = sending.finish()?;
    bench.enter(posted);
    bench.end_mix()?;
    let verdict = bench.verdict(SETTLED)?;
    case.hold("after the stop in a mix", &verdict)?;
    case.mix(bench)
}

/// What is on the screens, once it changes no more.
fn shown(bench: &mut Bench) -> anyhow::Result<BTreeSet<(String, String)>> {
    let read = |bench: &Bench| -> anyhow::Result<BTreeSet<(String, String)>> {
        let screens = bench.screens()?;
        let ids = screens.iter().flat_map(|(device, lines)| {
            let shown = screen::shown(lines).ids;
            shown.into_iter().map(move |id| (device.clone(), id))
        });
        Ok(ids.collect())
    };
    let mut before = read(bench)?;
    loop {
        pause(Duration::from_millis(500));
        let after = read(bench)?;
        if after == before {
            return Ok(after);
        }
        before = after;
    }
}
