//! F01: the server is killed exactly at a system call: before, in and behind each durable step.

use anyhow::Context;
use longwire_fault::drill::kill_server_at;
use longwire_fault::{Bench, Need, run};

use crate::SETTLED;

/// The calls, which of them in their thread, and what is cut there.
const POINTS: &[(&str, u32)] = &[
    // The commit of a group: nothing of it was promised, or all of it will be.
    ("fdatasync,fsync", 3),
    // An answer, or an entry on its way to a phone.
    ("sendto,writev", 5),
    // A request, or an acknowledgement.
    ("recvfrom", 9),
];

#[test]
fn f01_a_kill_at_a_durable_step_loses_and_doubles_nothing() -> anyhow::Result<()> {
    run("F01", "kill -9 of the server at three system calls", &[Need::Tracing], |case| {
        let mut bench = Bench::new()?;
        bench.add(&bench.phone_options().times(3))?;
        bench.begin_mix()?;
        bench.mark_level()?;
        for (number, (calls, at)) in POINTS.iter().enumerate() {
            let back = kill_server_at(&mut bench, &format!("kill{number}"), calls, *at)?;
            let back = back.with_context(|| format!("nothing was killed at {calls} {at}"))?;
            case.figure(&format!("back after a kill at {calls} {at}, ms"), u64::try_from(back.as_millis())?);
        }
        bench.end_mix()?;
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after three kills", &verdict)?;
        case.mix(&bench)
    })
}
