//! Who was well, and when: what the oracle may demand of a phone depends on it. And the end of a world, when everything heals.

use longwire_client::Network;
use longwire_model::EntryKind;

use super::{Happening, World};
use crate::disk::Outage;
use crate::tally::Fault;

/// When a phone was well, and when it could be reached at all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// Online, undisturbed, on a connection that passes what it is given: `[from, to)`, the last one open.
    well: Spans,
    /// It had a connection, or was about to have one.
    linked: Spans,
}

#[derive(Clone, Debug, Default)]
struct Spans(Vec<(u64, Option<u64>)>);

impl Spans {
    fn set(&mut self, is_on: bool, at_ms: u64) {
        match self.0.last_mut() {
            Some((from, to @ None)) if !is_on => *to = Some(at_ms.max(*from)),
            Some((_, Some(_))) | None if is_on => self.0.push((at_ms, None)),
            Some(_) | None => {}
        }
    }
}

impl Health {
    /// The first instant, not before `from_ms`, by which the phone had been well for `for_ms` on end.
    pub(crate) fn well_for(&self, from_ms: u64, for_ms: u64) -> Option<u64> {
        let until = |(from, to): &(u64, Option<u64>)| {
            let by_ms = from_ms.max(*from) + for_ms;
            to.is_none_or(|to| by_ms <= to).then_some(by_ms)
        };
        self.well.0.iter().find_map(until)
    }

    /// The first instant, not before `from_ms`, at which anything may have reached the phone.
    pub(crate) fn reachable(&self, from_ms: u64) -> u64 {
        let until = |(from, to): &(u64, Option<u64>)| to.is_none_or(|to| to >= from_ms).then_some(from_ms.max(*from));
        self.linked.0.iter().find_map(until).unwrap_or(u64::MAX)
    }
}

impl World {
    /// Notes whether a phone is well now.
    pub(crate) fn look_at(&mut self, phone: usize) {
        let now_ms = self.now_ms;
        let (own, air) = (&self.phones[phone], &self.airs[phone]);
        let is_alive = |link: &u64| {
            let has = self.server.as_ref().is_some_and(|server| server.has(*link));
            has && self.links.get(link).is_some_and(|link| !link.is_dead)
        };
        let has_link = own.conn.as_ref().is_some_and(is_alive);
        let is_well = own.is_online()
            && has_link
            && !own.is_full
            && own.sleeps.last().is_none_or(|(_, to)| *to <= now_ms)
            && air.slow.1 <= now_ms
            && air.lossy_until_ms <= now_ms
            && air.stalled_until_ms <= now_ms
            && self.disk.outage().is_none();
        let is_linked = own.conn.is_some();
        self.healths[phone].well.set(is_well, now_ms);
        self.healths[phone].linked.set(is_linked, now_ms);
    }

    /// A phone is not well, since `since_ms` at the latest.
    pub(super) fn trouble(&mut self, phone: usize, since_ms: u64) {
        self.healths[phone].well.set(false, since_ms);
    }

    pub(super) fn server_trouble(&mut self) {
        let now_ms = self.now_ms;
        self.healths.iter_mut().for_each(|health| health.well.set(false, now_ms));
    }

    /// The store of the server fails for a while.
    pub(crate) fn break_disk(&mut self, outage: Outage, for_ms: u64) {
        self.disk.set_outage(Some(outage));
        self.server_trouble();
        self.outages += 1;
        let outages = self.outages;
        self.after(for_ms, Happening::Repair(outages));
    }

    pub(super) fn repair(&mut self, outage: u64) {
        if outage == self.outages {
            self.disk.set_outage(None);
        }
    }

    /// Counts a fault, and whether it met something in flight: of one phone, or of any.
    pub(crate) fn count(&mut self, fault: Fault, phone: Option<usize>) {
        let in_flight = match phone {
            Some(phone) => self.in_flight(phone),
            None => (0..self.phones.len()).any(|phone| self.in_flight(phone)),
        };
        self.tally.fault(fault, in_flight);
    }

    /// Whether something is on its way to a phone: accepted by a 2xx, for it, not over, and not acknowledged.
    pub(crate) fn in_flight(&mut self, phone: usize) -> bool {
        self.book.follow(&self.disk);
        let own = &self.phones[phone];
        let Some(device) = own.device().filter(|_| !own.is_gone) else { return false };
        let wall = self.wall();
        let recent = self.book.notifications.iter().rev().take(100).filter_map(|seq| self.book.at(*seq));
        recent.map(|commit| &commit.entry).any(|entry| {
            let EntryKind::Notification(content) = &entry.kind else { return false };
            self.accepted.contains(&entry.id)
                && content.routing.expires_at > wall
                && self.book.is_for(device, &content.routing.audience, entry.seq)
                && self.book.left(device, &content.routing.audience, entry.seq).is_none()
                && self.book.recall(entry.id).is_none()
                && content.filter.as_ref().is_none_or(|filter| self.book.passes(device, filter, self.book.last()))
                && (self.disk.recorded(device, content.routing.lane).is_some_and(|recorded| recorded < entry.seq)
                    || own.store.state(&entry.id.to_string()).is_none())
                && self.book.successors(entry, content).next().is_none()
        })
    }

    /// Faults end, everybody is up, and there is time for everything to arrive.
    pub(crate) fn heal(&mut self) {
        self.is_calm = true;
        if self.disk.has_failed() {
            self.crash_server(false);
        }
        self.disk.set_outage(None);
        self.start_server();
        self.settle();
        self.admit_all();
        self.settle();
        for phone in 0..self.phones.len() {
            self.airs[phone] = super::Air::default();
            self.phones[phone].sleeps.clear();
            self.phones[phone].is_full = false;
            self.start_phone(phone);
            self.network(phone, Network::Usable);
        }
        for _ in 0..8 {
            self.run_for(20 * 60_000);
            if self.phones.iter().all(|phone| phone.is_gone || phone.is_online()) {
                break;
            }
        }
        self.run_for(20 * 60_000);
        self.book.follow(&self.disk);
    }
}
