//! What a server takes: memory, files and rows, before a fault and after it (I7), and what its log holds (I9).

use std::path::Path;

use anyhow::{Context, ensure};

use crate::check::{Invariant, Verdict};
use crate::database;
use crate::footprint::Footprint;

/// What memory may be above the level before: caches of the database, and what the allocator keeps.
const RSS_KIB_MAX: u64 = 16 * 1_024;
/// What may be open in addition: connections of the API, and of the database's pool.
pub const FILES_MAX: usize = 8;
/// An entry is acknowledged once, and so is what recalls it.
const ACKNOWLEDGEMENTS_MAX: u64 = 2;

/// Rows that are as many as there are devices and memberships, whatever was sent.
const STEADY: &[&str] = &["device", "device_state", "membership", "account"];

/// What a server takes at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// Resident memory in KiB.
    pub rss_kib: u64,
    /// Open files.
    pub files: usize,
    /// Rows that do not depend on what was sent, by table.
    pub steady: Vec<(String, u64)>,
    /// Acknowledgements in the log, which go with what they are of.
    pub acknowledgements: u64,
    /// Answers kept for an `Idempotency-Key`.
    pub idempotency: u64,
    /// Notifications in the log.
    pub notifications: u64,
}

impl Level {
    /// Of a running server.
    ///
    /// # Errors
    /// It has ended, or its database cannot be read.
    pub fn of(process: u32, data: &Path) -> anyhow::Result<Self> {
        let footprint = Footprint::of(process)?;
        let counts = STEADY.iter().chain(&["acknowledgement", "idempotency"]);
        let counts: Vec<String> = counts.map(|table| format!("(SELECT count(*) FROM {table})")).collect();
        let counted = database::read(data, &format!("SELECT {}", counts.join(", ")))?;
        let counted: Vec<u64> = counted.split('|').map(str::parse).collect::<Result<_, _>>().context("no counts")?;
        let (steady, &[acknowledgements, idempotency]) =
            counted.split_last_chunk().context("fewer counts than tables")?;
        ensure!(steady.len() == STEADY.len(), "{} counts of {} tables", steady.len(), STEADY.len());
        let steady = STEADY.iter().map(|&table| table.to_owned()).zip(steady.iter().copied()).collect();
        let (rss_kib, files) = (footprint.rss_kib, footprint.files);
        let notifications = Log::read(data)?.notifications;
        Ok(Self { rss_kib, files, steady, acknowledgements, idempotency, notifications })
    }

    /// Between these two looks phones came that are there from now on.
    pub fn grow(&mut self, before: &Self, now: &Self) {
        let came = before.steady.iter().zip(&now.steady).map(|((_, before), (_, now))| now.saturating_sub(*before));
        self.steady.iter_mut().zip(came).for_each(|((_, rows), came)| *rows += came);
        self.files += now.files.saturating_sub(before.files);
    }

    /// Holds what it is now against what it was; `accepted` were accepted since, which makes so many showings.
    pub fn check(&self, now: &Self, accepted: u64, showings: u64, verdict: &mut Verdict) {
        let mut add = |finding: String| verdict.add(Invariant::I7, finding);
        if now.rss_kib > self.rss_kib + RSS_KIB_MAX {
            add(format!("memory was {} KiB, and is {}", self.rss_kib, now.rss_kib));
        }
        if now.files > self.files + FILES_MAX {
            add(format!("{} files were open, and {} are", self.files, now.files));
        }
        if now.steady != self.steady {
            add(format!("rows were {:?}, and are {:?}", self.steady, now.steady));
        }
        if now.acknowledgements > self.acknowledgements + showings * ACKNOWLEDGEMENTS_MAX {
            let (before, now) = (self.acknowledgements, now.acknowledgements);
            add(format!("{before} acknowledgements were kept, and {now} are, for {showings} more showings"));
        }
        if now.idempotency > self.idempotency + accepted {
            add(format!("{} answers were kept, {} are, for {accepted} more", self.idempotency, now.idempotency));
        }
        if now.notifications != self.notifications + accepted {
            add(format!("{} in the log before, {} now, {accepted} more", self.notifications, now.notifications));
        }
    }
}

/// How many notifications the log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// In all.
    pub notifications: u64,
    /// Behind the newest generation, which the server wrote when it started last: accepted in this life.
    pub of_this_life: u64,
}

impl Log {
    /// From the database.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(data: &Path) -> anyhow::Result<Self> {
        let query = "SELECT count(*), coalesce(sum(seq > (SELECT max(seq) FROM generation)), 0) FROM entry \
                     WHERE kind = 'notification'";
        let counted = database::read(data, query)?;
        let (notifications, of_this_life) = counted.split_once('|').context("two counts")?;
        Ok(Self { notifications: notifications.parse()?, of_this_life: of_this_life.parse()? })
    }
}
