//! What the server is still to be told, and what it was asked without having answered.

use std::collections::{BTreeMap, VecDeque};

use longwire_protocol::push::DeviceEvent;

use crate::backoff::{Backoff, RETRY_MS_MAX};

/// The most reports that await an answer at a time.
const IN_FLIGHT_MAX: usize = 16;

/// Reports of this device, all of them durable already.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    waiting: VecDeque<DeviceEvent>,
    asked: BTreeMap<String, DeviceEvent>,
    postponed: Vec<DeviceEvent>,
    /// Until when nothing is told, because the server could not take it.
    again_ms: Option<u64>,
    backoff: Backoff,
    number: u64,
}

impl Reports {
    /// Forgets everything and begins with what the store holds.
    pub(crate) fn load(&mut self, reports: Vec<DeviceEvent>) {
        self.waiting = reports.into();
        self.asked.clear();
        self.postponed.clear();
    }

    pub(crate) fn add(&mut self, report: DeviceEvent) {
        self.waiting.push_back(report);
    }

    /// The next report to send, with the id of its IQ.
    pub(crate) fn next(&mut self) -> Option<(String, DeviceEvent)> {
        if self.asked.len() >= IN_FLIGHT_MAX || self.again_ms.is_some() {
            return None;
        }
        let report = self.waiting.pop_front()?;
        self.number += 1;
        let id = format!("event-{}", self.number);
        self.asked.insert(id.clone(), report.clone());
        Some((id, report))
    }

    /// The report that the IQ with this id carried, answered for good.
    pub(crate) fn answered(&mut self, id: &str) -> Option<DeviceEvent> {
        let report = self.asked.remove(id)?;
        self.backoff.settle();
        Some(report)
    }

    /// The server cannot take it now: everything waits, for as long as the server asks, and longer each time. The answers to what is
    /// under way count once.
    pub(crate) fn postpone(&mut self, id: &str, after_s: Option<u32>, now_ms: u64, random: u64) {
        let Some(report) = self.asked.remove(id) else { return };
        self.postponed.push(report);
        let again_ms = self.again_ms.unwrap_or_else(|| {
            let wait_ms = match after_s {
                Some(after_s) => self.backoff.retry_ms(after_s, random),
                None => self.backoff.next_ms(random),
            };
            now_ms.saturating_add(wait_ms)
        });
        let wish_ms = u64::from(after_s.unwrap_or_default()).saturating_mul(1_000).min(RETRY_MS_MAX);
        self.again_ms = Some(again_ms.max(now_ms.saturating_add(wish_ms)));
    }

    /// When what was postponed is due.
    pub(crate) const fn due_ms(&self) -> Option<u64> {
        self.again_ms
    }

    /// The pause is over.
    pub(crate) fn resume(&mut self) {
        self.again_ms = None;
        for report in std::mem::take(&mut self.postponed).into_iter().rev() {
            self.waiting.push_front(report);
        }
    }

    /// The session ended: what was not answered is told again in the next one.
    pub(crate) fn session_ended(&mut self) {
        let again = std::mem::take(&mut self.postponed);
        for report in std::mem::take(&mut self.asked).into_values().chain(again) {
            self.waiting.push_front(report);
        }
    }
}

#[cfg(test)]
mod tests {
    use longwire_protocol::DateTime;
    use longwire_protocol::push::DeviceEventType;

    use super::*;

    fn reports(count: usize) -> Reports {
        let report = |number| DeviceEvent::new(format!("n{number}"), DeviceEventType::Displayed, DateTime(0));
        let mut reports = Reports::default();
        reports.load((0..count).map(report).collect());
        reports
    }

    #[test]
    fn what_the_server_cannot_take_is_told_again_after_a_pause_that_grows_until_it_can() {
        let mut reports = reports(3);
        let mut now_ms = 0;
        for ceiling_ms in [1_000, 2_000, 4_000] {
            let (first, report) = reports.next().expect("one to tell");
            let (second, _) = reports.next().expect("another");
            assert_eq!(report.entry, "n0");
            reports.postpone(&first, None, now_ms, u64::MAX);
            reports.postpone(&second, None, now_ms, u64::MAX);
            assert_eq!(reports.due_ms(), Some(now_ms + ceiling_ms), "both refusals are one");
            assert_eq!(reports.next(), None, "the third waits too");
            now_ms += ceiling_ms;
            reports.resume();
        }
        let (id, _) = reports.next().expect("one to tell");
        assert_eq!(reports.answered(&id).map(|report| report.entry), Some("n0".to_owned()));
        let (id, _) = reports.next().expect("one to tell");
        reports.postpone(&id, None, now_ms, u64::MAX);
        assert_eq!(reports.due_ms(), Some(now_ms + 1_000), "an answer begins anew");
    }

    #[test]
    fn the_pause_that_a_server_asks_for_is_kept_also_by_the_next_session() {
        let mut reports = reports(2);
        let (first, _) = reports.next().expect("one to tell");
        let (second, _) = reports.next().expect("another");
        reports.postpone(&first, Some(30), 0, 0);
        reports.postpone(&second, Some(60), 0, 0);
        assert_eq!(reports.due_ms(), Some(60_000));
        reports.session_ended();
        assert_eq!(reports.next(), None);
        reports.resume();
        assert!(reports.next().is_some() && reports.next().is_some() && reports.next().is_none());
    }
}
