//! What a process and its children take of the machine, from `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::Context;

/// Milliseconds of a clock tick of `/proc/PID/stat`, on every Linux there is.
const TICK_MS: u64 = 10;

/// A process with everything below it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    root: u32,
}

/// What is read of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// Processor time of all its threads and of the children that it has waited for.
    ticks: u64,
}

impl Family {
    /// Of a running process.
    pub(crate) const fn of(root: u32) -> Self {
        Self { root }
    }

    /// Proportional set size in KiB.
    ///
    /// # Errors
    /// The process has ended, or belongs to somebody else.
    pub(crate) fn pss_kib(self) -> anyhow::Result<u64> {
        let of = |(id, _): &(u32, Stat)| {
            let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).context("failed to read smaps_rollup")?;
            pss_kib(&text).context("no Pss in smaps_rollup")
        };
        self.members()?.iter().map(of).sum()
    }

    /// Processor time so far, of all threads.
    ///
    /// # Errors
    /// The process has ended.
    pub(crate) fn cpu(self) -> anyhow::Result<Duration> {
        let ticks: u64 = self.members()?.iter().map(|(_, stat)| stat.ticks).sum();
        Ok(Duration::from_millis(ticks * TICK_MS))
    }

    /// The process and all below it; one that ends meanwhile is left out.
    fn members(self) -> anyhow::Result<Vec<(u32, Stat)>> {
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc").context("failed to list processes")? {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let read = fs::read_to_string(format!("/proc/{id}/stat")).ok();
            all.extend(read.and_then(|text| stat(&text)).map(|stat| (id, stat)));
        }
        let below = below(self.root, &all);
        anyhow::ensure!(below.iter().any(|(id, _)| *id == self.root), "the process {} has ended", self.root);
        Ok(below)
    }
}

fn below(root: u32, all: &[(u32, Stat)]) -> Vec<(u32, Stat)> {
    let mut ids = BTreeSet::from([root]);
    loop {
        let before = ids.len();
        ids.extend(all.iter().filter(|(_, stat)| ids.contains(&stat.parent)).map(|(id, _)| *id).collect::<Vec<_>>());
        if ids.len() == before {
            return all.iter().filter(|(id, _)| ids.contains(id)).copied().collect();
        }
    }
}

/// The name in brackets may hold spaces; the parent is the second field behind it, the four times are the twelfth to the fifteenth.
fn stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u64>()).sum::<Result<u64, _>>().ok()?;
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks })
}

fn pss_kib(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_threads_and_of_children_that_ended_are_added() {
        let text = "7 (a) b) S 3 7 7 0 -1 4194560 1 0 0 0 40 2 100 1000 20 0 9 0 5 1 1 18";
        assert_eq!(stat(text), Some(Stat { parent: 3, ticks: 1_142 }));
        assert_eq!(stat("7 (a) S 3"), None);
    }

    #[test]
    fn a_family_is_all_generations_and_nobody_else() {
        let of = |parent| Stat { parent, ticks: 1 };
        let all = [(4, of(3)), (2, of(1)), (3, of(2)), (9, of(1))];
        let ids: Vec<u32> = below(2, &all).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [4, 2, 3]);
    }

    #[test]
    fn pss_is_not_one_of_its_parts() {
        let text = "00400000-7ff rollup\nRss:  900 kB\nPss:   640 kB\nPss_Dirty: 12 kB\n";
        assert_eq!(pss_kib(text), Some(640));
        assert_eq!(pss_kib("Pss_Dirty: 12 kB\n"), None);
    }

    #[test]
    fn this_process_takes_something() {
        let family = Family::of(std::process::id());
        assert!(family.pss_kib().expect("it runs") > 100);
        family.cpu().expect("it runs");
        assert!(Family::of(u32::MAX).cpu().is_err());
    }
}
