//! F23: the kernel ends the server for want of memory, or has no need to.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use anyhow::ensure;
use longwire_fault::inject::cgroup::MemoryCgroup;
use longwire_fault::inject::storm::Storm;
use longwire_fault::{Bench, Need, Terms, api, run};
use longwire_test_support::{SOON, until};
use serde_json::json;

use crate::SETTLED;

/// What was taken before a process comes into a cgroup is not counted: this is for what comes.
const ROOM_MIB: u64 = 2;

#[test]
fn f23_an_end_for_want_of_memory_loses_nothing() -> anyhow::Result<()> {
    run("F23", "a memory limit that the server runs into under load", &[Need::MemoryCgroup], |case| {
        let mut bench = Bench::new()?;
        bench.add(&bench.phone_options().times(50))?;
        let cgroup = MemoryCgroup::new("oom", ROOM_MIB)?;
        cgroup.take(bench.server.id())?;
        let sending = bench.load("oom", &Terms { count: usize::MAX, senders: 8, ..Terms::default() });
        until("the kernel", Duration::from_secs(60), || (!bench.server.is_running()).then_some(()))?;
        let status = bench.server.ended(SOON)?;
        ensure!(status.signal() == Some(9) && cgroup.kills()? > 0, "not the kernel has ended it: {status}");
        sending.stop();
        case.figure("accepted before", sending.accepted());
        case.figure("most_kib", cgroup.most_kib()?);
        let back = bench.restart()?;
        case.figure("restart_ms", u64::try_from(back.as_millis())?);
        let (posted, _) = sending.finish()?;
        bench.enter(posted);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the kill", &verdict)
    })
}

/// What the group of the second case admits, in MiB: the server takes 85 % of it for its ceiling.
const GROUP_MIB: u64 = 64;

#[test]
fn f23_a_server_that_knows_its_limit_sheds_before_the_kernel_acts() -> anyhow::Result<()> {
    run("F23", "a storm of silent connections within a memory limit", &[Need::MemoryCgroup], |case| {
        let cgroup = MemoryCgroup::new("shed", GROUP_MIB)?;
        let prefix = cgroup.prefix();
        let mut bench = Bench::with(|options| options.behind(&prefix.each_ref().map(String::as_str)))?;
        let ceiling = api::metric(&bench.api, "longwire_memory_ceiling_bytes").unwrap_or_default();
        ensure!(ceiling == GROUP_MIB * 1_024 * 1_024 / 100 * 85, "its ceiling is {ceiling}");
        let phone = bench.add_phone()?;
        let mark = bench.phone(phone)?.mark();
        let storm = Storm::begin(&bench.server.ready, 4, 0);
        until("somebody to be turned away", Duration::from_secs(90), || (storm.turned_away().0 > 0).then_some(()))?;
        let id = bench.post(&json!({ "to": "all", "title": "In the storm" }))?;
        bench.phone(phone)?.shown(&id)?;
        let lines = bench.phone(phone)?.lines().split_off(mark);
        ensure!(lines.iter().all(|line| line.get("state").is_none()), "an honest session was ended: {lines:?}");
        case.figure("streams opened", storm.opened());
        case.figure("connections told to come back", storm.turned_away().0);
        storm.end()?;
        case.figure("most_kib", cgroup.most_kib()?);
        ensure!(bench.server.is_running() && cgroup.kills()? == 0, "the kernel has ended it");
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the storm", &verdict)
    })
}
