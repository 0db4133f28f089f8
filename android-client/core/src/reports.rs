//! What the server is still to be told, and what it was asked without having answered.

use std::collections::{BTreeMap, VecDeque};

use longwire_protocol::push::DeviceEvent;

/// The most reports that await an answer at a time.
const IN_FLIGHT_MAX: usize = 16;

/// Reports of this device, all of them durable already.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    waiting: VecDeque<DeviceEvent>,
    asked: BTreeMap<String, DeviceEvent>,
    postponed: Vec<DeviceEvent>,
    number: u64,
}

impl Reports {
    /// Forgets everything and begins with what the store holds.
    pub(crate) fn load(&mut self, reports: Vec<DeviceEvent>) {
        *self = Self { waiting: reports.into(), number: self.number, ..Self::default() };
    }

    pub(crate) fn add(&mut self, report: DeviceEvent) {
        self.waiting.push_back(report);
    }

    /// The next report to send, with the id of its IQ.
    pub(crate) fn next(&mut self) -> Option<(String, DeviceEvent)> {
        if self.asked.len() >= IN_FLIGHT_MAX {
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
        self.asked.remove(id)
    }

    /// The server cannot take it now: the next session tries again.
    pub(crate) fn postpone(&mut self, id: &str) {
        self.postponed.extend(self.asked.remove(id));
    }

    /// The session ended: what was not answered is told again in the next one.
    pub(crate) fn session_ended(&mut self) {
        let again = std::mem::take(&mut self.postponed);
        for report in std::mem::take(&mut self.asked).into_values().chain(again) {
            self.waiting.push_front(report);
        }
    }
}
