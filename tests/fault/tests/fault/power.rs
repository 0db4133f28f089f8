//! F03: the power fails under load. What the disk holds at that moment is a copy of the image below a loop device: what was not synced
//! is not in it, as it would not be on a disk. A kill alone cannot show this, since the kernel keeps what it was told.

use longwire_fault::drill::Disk;
use longwire_fault::{Bench, Need, Terms, run};
use longwire_test_support::folder;

use crate::SETTLED;

const TRIALS: usize = 3;
/// Notifications of a trial, and how many are accepted when the power fails.
const SENT: usize = 60;
const BEFORE: usize = 25;

#[test]
fn f03_a_power_cut_loses_nothing_that_was_acknowledged() -> anyhow::Result<()> {
    run("F03", "power cut of the server, three times", &[Need::Mounts, Need::LoopDevice], |case| {
        let place = folder();
        let mut disk = Disk::new(place.path(), 48)?;
        let mut bench = Bench::at(place, &disk.place().join("server"), |options| options)?;
        bench.add(&bench.phone_options().times(3))?;
        bench.begin_mix()?;
        bench.mark_level()?;
        for trial in 0..TRIALS {
            bench.begin_mix()?;
            let terms = Terms { count: SENT, senders: 4, ..Terms::default() };
            let accepted = disk.fail(&mut bench, &format!("power{trial}"), &terms, BEFORE)?;
            case.figure(&format!("accepted before cut {trial}"), accepted);
            bench.end_mix()?;
            let verdict = bench.verdict(SETTLED)?;
            case.hold(&format!("after power cut {trial}"), &verdict)?;
            case.mix(&bench)?;
        }
        // The server keeps files on it.
        bench.server.kill();
        drop(disk);
        Ok(())
    })
}
