//! What must hold after every fault, I1 to I9: the ledger against the screens and what the API tells.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use longwire_model::Timestamp;
use longwire_test_support::screen::{Line, What, shown};

use crate::ledger::{Ledger, Posted};
use crate::level::{Level, Log};

/// Findings that are named; the rest is counted.
const NAMED_MAX: usize = 12;
/// How far the clocks and the road between an answer and a screen may be apart: what was on its way is not after the fact.
const ON_ITS_WAY_MS: i64 = 2_000;
/// The states of what a device has.
pub const ARRIVED: &[&str] = &["delivered", "displayed", "opened", "dismissed"];
/// The other ends that a caller sees.
pub const ENDS: &[&str] = &["expired", "superseded", "recalled", "filtered", "left", "rejected"];

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Every 2xx ends, per target device, on the screen or at an end that can be told; none is missing.
    I1,
    /// Nothing is shown twice.
    I2,
    /// Nothing begins to be shown after its expiry or its recall.
    I3,
    /// Of one sender, device and lane the order is kept.
    I4,
    /// Nothing comes to a wrong device.
    I5,
    /// After healing everybody is back.
    I6,
    /// Memory, files and rows are what they were.
    I7,
    /// The database is whole, and nobody had to mend it.
    I8,
    /// The API's counters are the ledger's.
    I9,
}

/// What a run looks like from outside.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The screens by the server's id of the device.
    pub screens: BTreeMap<String, Vec<Line>>,
    /// What the API tells of each notification.
    pub told: BTreeMap<String, Told>,
    /// `longwire_accepted_total`, of the server's life of now; none when it cannot be read.
    pub accepted_total: Option<u64>,
    /// What the log holds; none when it cannot be read.
    pub log: Option<Log>,
    /// Sessions that the server counts; none when it cannot be read.
    pub sessions: Option<u64>,
    /// How many phones run.
    pub phones: u64,
    /// What the server took before the fault and takes now, where a case has looked before.
    pub level: Option<(Level, Level)>,
    /// What `PRAGMA integrity_check` says.
    pub integrity: Option<String>,
}

/// What the API tells of a notification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// State by device, from the deliveries.
    pub states: BTreeMap<String, String>,
    /// The notification's own counts.
    pub counts: BTreeMap<String, u64>,
    /// The notification's own audience.
    pub audience: u64,
}

/// What a check found. Everything in it breaks the promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    found: BTreeMap<Invariant, Vec<String>>,
}

impl Verdict {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    /// Something was found.
    pub fn add(&mut self, invariant: Invariant, finding: String) {
        self.found.entry(invariant).or_default().push(finding);
    }

    /// What does not hold.
    #[must_use]
    pub fn broken(&self) -> Vec<Invariant> {
        self.found.keys().copied().collect()
    }

    /// What was found against one of them.
    #[must_use]
    pub fn against(&self, invariant: Invariant) -> &[String] {
        self.found.get(&invariant).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("everything holds");
        }
        for (invariant, findings) in &self.found {
            writeln!(f, "{invariant:?}: {}", findings.len())?;
            for finding in findings.iter().take(NAMED_MAX) {
                writeln!(f, "    {finding}")?;
            }
        }
        Ok(())
    }
}

/// Holds what is seen against the ledger.
#[must_use]
pub fn check(ledger: &Ledger, seen: &Seen) -> Verdict {
    let mut verdict = Verdict::default();
    check_screens(ledger, seen, &mut verdict);
    for (number, posted) in ledger.posted().iter().enumerate() {
        check_told(ledger, number, posted, seen, &mut verdict);
    }
    check_counters(ledger, seen, &mut verdict);
    match seen.integrity.as_deref() {
        None => verdict.add(Invariant::I8, "the database was not looked at".to_owned()),
        Some("ok") => {}
        Some(said) => verdict.add(Invariant::I8, format!("the database: {said}")),
    }
    verdict
}

/// What has not come to its end for everybody whom it is for, or is counted otherwise than it is told.
#[must_use]
pub fn unsettled(ledger: &Ledger, seen: &Seen) -> Vec<String> {
    let is_unsettled = |(number, posted): &(usize, &Posted)| {
        let mut verdict = Verdict::default();
        check_told(ledger, *number, posted, seen, &mut verdict);
        !verdict.is_clean()
    };
    ledger.posted().iter().enumerate().filter(is_unsettled).map(|(_, posted)| posted.id.clone()).collect()
}

/// I2 to I5: what the screens alone show.
fn check_screens(ledger: &Ledger, seen: &Seen, verdict: &mut Verdict) {
    let posted: BTreeMap<&str, usize> =
        ledger.posted().iter().enumerate().map(|(number, posted)| (posted.id.as_str(), number)).collect();
    for (device, lines) in &seen.screens {
        if !ledger.devices().contains(device) {
            verdict.add(Invariant::I5, format!("a screen of {device}, which nobody knows"));
        }
        let shown = shown(lines);
        for (id, how) in &shown.twice {
            verdict.add(Invariant::I2, format!("{id} on {device}, {how}"));
        }
        for id in &shown.ids {
            let is_for_it = posted.get(id.as_str()).is_some_and(|number| ledger.audience(*number).contains(device));
            if !is_for_it {
                verdict.add(Invariant::I5, format!("{id} on {device}"));
            }
        }
        check_times(ledger, device, lines, &posted, verdict);
        check_order(ledger, device, lines, &posted, verdict);
    }
}

/// I3: when a screen begins to show something, and what it shows last.
fn check_times(ledger: &Ledger, device: &str, lines: &[Line], posted: &BTreeMap<&str, usize>, verdict: &mut Verdict) {
    let mut begun = BTreeSet::new();
    let mut removed = BTreeSet::new();
    for line in lines {
        if line.what == What::Removed {
            removed.insert(line.id.as_str());
        }
        if line.what != What::Handed {
            continue;
        }
        if removed.contains(line.id.as_str()) {
            verdict.add(Invariant::I3, format!("{} on {device}, after it was taken away", line.id));
        }
        // Handing over again what is on the screen already puts nothing new there.
        if !begun.insert(line.id.as_str()) {
            continue;
        }
        let entry = posted.get(line.id.as_str()).and_then(|number| ledger.posted().get(*number));
        let Ok(at) = line.time.parse::<Timestamp>() else { continue };
        let Some(entry) = entry else { continue };
        for (what, end) in [("recall", entry.recalled_at), ("expiry", entry.expires_at)] {
            if let Some(end) = end.filter(|end| at.as_millis() > end + ON_ITS_WAY_MS) {
                verdict.add(
                    Invariant::I3,
                    format!("{} on {device}, {} ms after its {what}", line.id, at.as_millis() - end),
                );
            }
        }
    }
}

/// I4: of one sender and lane, what comes first on the screen was posted first. What is for a user keeps its order apart: what a phone
/// has stored of it when it dies waits for the login that says whose phone it is, and the rest does not.
fn check_order(ledger: &Ledger, device: &str, lines: &[Line], posted: &BTreeMap<&str, usize>, verdict: &mut Verdict) {
    let mut begun = BTreeSet::new();
    let mut last: BTreeMap<(&str, &str, bool), (usize, &str)> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.what == What::Handed) {
        let entry = posted.get(line.id.as_str()).and_then(|number| ledger.posted().get(*number));
        let Some(entry) = entry.filter(|_| begun.insert(line.id.as_str())) else { continue };
        let of_user = entry.to.starts_with("user:");
        let before = last.insert((&entry.sender, &entry.lane, of_user), (entry.order, &entry.id));
        if let Some((order, id)) = before.filter(|(order, _)| *order > entry.order) {
            let finding = format!("{} (number {}) on {device} behind {id} (number {order})", entry.id, entry.order);
            verdict.add(Invariant::I4, finding);
        }
    }
}

/// I1, I5 and I9: what the API tells of one notification, and what the screens of its audience show.
fn check_told(ledger: &Ledger, number: usize, posted: &Posted, seen: &Seen, verdict: &mut Verdict) {
    let id = &posted.id;
    if ledger.is_undone(id) {
        return;
    }
    let audience = ledger.audience(number);
    let Some(told) = seen.told.get(id) else {
        verdict.add(Invariant::I1, format!("{id} is unknown to the API"));
        return;
    };
    for device in &audience {
        let is_shown = seen.screens.get(device).is_some_and(|lines| is_handed(lines, id));
        let state = told.states.get(device).map_or("not told of", String::as_str);
        let has_arrived = ARRIVED.contains(&state);
        let has_ended = ENDS.contains(&state) && posted.may_end.contains(state);
        if !has_arrived && !has_ended {
            verdict.add(Invariant::I1, format!("{id} on {device} is {state}"));
        }
        if has_arrived && !is_shown && !ledger.is_wiped(device) {
            verdict.add(Invariant::I1, format!("{id} on {device} is {state}, and not on its screen"));
        }
        if is_shown && !has_arrived && state != "recalled" && state != "expired" {
            verdict.add(Invariant::I9, format!("{id} is on the screen of {device} and said to be {state}"));
        }
    }
    for device in told.states.keys().filter(|device| !audience.contains(*device)) {
        verdict.add(Invariant::I5, format!("{id} is told of {device}, which it was not for"));
    }
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    told.states.values().for_each(|state| *counts.entry(state.clone()).or_default() += 1);
    if counts != told.counts {
        verdict.add(Invariant::I9, format!("{id}: the counts {:?} are not its deliveries {counts:?}", told.counts));
    }
    if told.audience != audience.len() as u64 {
        verdict.add(Invariant::I9, format!("{id}: an audience of {}, {} in the ledger", told.audience, audience.len()));
    }
}

fn is_handed(lines: &[Line], id: &str) -> bool {
    lines.iter().any(|line| line.what == What::Handed && line.id == id)
}

/// I9, I6 and I7: the server's own counters, and what it takes. What cannot be read does not hold.
fn check_counters(ledger: &Ledger, seen: &Seen, verdict: &mut Verdict) {
    let posted = ledger.kept() as u64;
    match seen.log {
        None => verdict.add(Invariant::I9, "the log cannot be read".to_owned()),
        Some(log) if log.notifications != posted => {
            verdict.add(Invariant::I9, format!("the log holds {}, the ledger {posted}", log.notifications));
        }
        Some(_) => {}
    }
    let of_this_life = seen.log.map(|log| log.of_this_life);
    match seen.accepted_total {
        None => verdict.add(Invariant::I9, "what was accepted is not counted".to_owned()),
        Some(total) if Some(total) != of_this_life => {
            let finding = format!("the server counts {total} accepted, the log {of_this_life:?} since it started");
            verdict.add(Invariant::I9, finding);
        }
        Some(_) => {}
    }
    match seen.sessions {
        None => verdict.add(Invariant::I6, "the sessions are not counted".to_owned()),
        Some(sessions) if sessions != seen.phones => {
            verdict.add(Invariant::I6, format!("{sessions} sessions of {} phones", seen.phones));
        }
        Some(_) => {}
    }
    if let Some((before, after)) = &seen.level {
        let accepted = posted.saturating_sub(before.notifications);
        before.check(after, accepted, ledger.showings_since(before.notifications) as u64, verdict);
    }
}
