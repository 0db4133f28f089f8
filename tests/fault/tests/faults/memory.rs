//! F23: the kernel ends the server for want of memory.

use std::time::Duration;

use longwire_fault::inject::cgroup::MemoryCgroup;
use longwire_fault::{Bench, Need, Terms, run};
use longwire_test_support::until;

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
