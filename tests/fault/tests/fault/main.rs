//! The cases of the fault matrix that run on every commit: a fault from outside into the release binaries, then I1 to I9.
//! `make faults` runs these and the longer ones.

mod checker;
mod clients;
mod disks;
mod files;
mod kills;
mod listed;
mod power;
mod roads;
mod stops;
mod storms;

use std::time::Duration;

/// How long everything may take to come to its end on a busy machine.
const SETTLED: Duration = Duration::from_secs(60);
