//! Sessions in the store in memory.

use std::collections::HashMap;

use longwire_model::limits::SESSIONS_MAX;
use longwire_model::{AppId, DeviceId, Seq, Session, SessionEnd, Timestamp};

use super::state::{Sessions, State};
use crate::Written;
use crate::write::{Refusal, SessionStep};

impl State {
    pub(super) fn session(&mut self, device: DeviceId, step: SessionStep) -> Written {
        if !self.devices.contains_key(&device) {
            return Written::Refused(Refusal::UnknownDevice);
        }
        let own = self.sessions.entry(device).or_default();
        match step {
            SessionStep::Began(at) => {
                if let Some(began_at) = own.open.replace(at).filter(|open| *open < at) {
                    let end = SessionEnd::Unrecorded;
                    own.keep(Session { began_at, heard_at: began_at, ended_at: at, end, resumed_at: None, rest: None });
                }
            }
            SessionStep::Ended(session) => {
                let is_over = session.end != SessionEnd::Restart;
                own.open = own.open.filter(|open| !is_over || *open != session.began_at);
                own.keep(session);
            }
        }
        Written::Done
    }

    pub(super) fn alive(&mut self, app: AppId, at: Timestamp) -> Written {
        let log = self.apps.entry(app).or_default();
        log.alive_at = log.alive_at.max(at);
        Written::Done
    }

    pub(super) fn resume(&mut self, app: AppId, at: Timestamp) -> Written {
        let alive_at = self.apps.get(&app).map_or(Timestamp::default(), |log| log.alive_at);
        for (id, own) in &mut self.sessions {
            let record = self.devices.get(id).filter(|device| device.app == app);
            if let (Some(record), Some(began_at)) = (record, own.open) {
                own.open = None;
                let heard_at = record.last_seen.unwrap_or(began_at).max(began_at);
                let written = own.ended.get(&began_at);
                let ended_at = alive_at.max(heard_at).max(written.map_or(alive_at, |own| own.ended_at));
                let rest = written.and_then(|own| own.rest.clone());
                let end = SessionEnd::Restart;
                own.keep(Session { began_at, heard_at, ended_at, end, resumed_at: Some(at), rest });
            }
        }
        self.alive(app, at)
    }

    pub(super) fn sessions(&self, devices: &[DeviceId], since: Timestamp) -> HashMap<DeviceId, Vec<Session>> {
        let told = |own: &Sessions| {
            let before = own.ended.values().rfind(|session| session.ended_at < since).map(|session| session.began_at);
            let is_told = |session: &&Session| session.ended_at >= since || Some(session.began_at) == before;
            own.ended.values().filter(is_told).cloned().collect::<Vec<_>>()
        };
        let known = devices.iter().filter_map(|id| Some((*id, told(self.sessions.get(id)?))));
        known.filter(|(_, sessions)| !sessions.is_empty()).collect()
    }

    /// Frees sessions that ended before `before` and before everything retained above `floor`, but for the last of each device.
    pub(super) fn free_sessions(&mut self, app: AppId, before: Timestamp, floor: Seq) {
        let retained = self.apps.get(&app).and_then(|log| log.entries.range(floor + 1..).next());
        let before = retained.map_or(before, |(_, entry)| before.min(entry.created_at));
        let devices = &self.devices;
        self.sessions.retain(|id, _| devices.contains_key(id));
        for (_, own) in self.sessions.iter_mut().filter(|(id, _)| devices.get(id).is_some_and(|own| own.app == app)) {
            let last = own.ended.keys().next_back().copied();
            own.ended.retain(|began_at, session| Some(*began_at) == last || session.ended_at >= before);
        }
    }
}

impl Sessions {
    fn keep(&mut self, session: Session) {
        self.ended.insert(session.began_at, session);
        while self.ended.len() > SESSIONS_MAX {
            self.ended.pop_first();
        }
    }
}
