//! What changes often of a device: what it has acknowledged, when it was heard of, its session of now.

use std::collections::{HashMap, btree_map};

use longwire_model::delivery::{Acknowledgement, NotExtending};
use longwire_model::device::Attempts;
use longwire_model::{AppId, DeviceId, LaneSeqs, SessionEnd, Timestamp};
use longwire_store::Written;
use longwire_store::write::{Refusal, SessionStep};
use rusqlite::Row;

use super::{Batch, sessions};
use crate::direct::{Result, execute, first, seq, seq_option, timestamp_option};
use crate::row::{exceptions_text, sent_text};
use crate::sql::Value;

/// States that are known at most: above it all are forgotten.
const KNOWN_MAX: usize = 4_096;

/// States of devices as they are on disk: nobody else writes them.
#[derive(Debug, Default)]
pub(crate) struct States(HashMap<DeviceId, State>);

impl States {
    fn keep(&mut self, device: DeviceId, mut state: State) {
        if self.0.len() >= KNOWN_MAX {
            self.0.clear();
        }
        state.is_changed = false;
        self.0.insert(device, state);
    }

    /// Something has changed them past this.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// The row of a device, as the group has changed it so far.
#[derive(Debug)]
pub(super) struct State {
    app: AppId,
    recorded: LaneSeqs,
    last_seen: Option<Timestamp>,
    offline_since: Option<Timestamp>,
    next_contact: Option<Timestamp>,
    online_since: Option<Timestamp>,
    attempts: Option<Attempts>,
    is_changed: bool,
}

impl State {
    fn read(row: &Row<'_>) -> Result<Self> {
        let sessions: Option<u32> = row.get("attempt_sessions")?;
        let attempts = seq_option(row, "attempt_seq")?.zip(sessions);
        Ok(Self {
            app: AppId(row.get("app")?),
            recorded: LaneSeqs { normal: seq(row, "normal")?, background: seq(row, "background")? },
            last_seen: timestamp_option(row, "last_seen")?,
            offline_since: timestamp_option(row, "offline_since")?,
            next_contact: timestamp_option(row, "next_contact")?,
            online_since: timestamp_option(row, "online_since")?,
            attempts: attempts.map(|(seq, sessions)| Attempts { seq, sessions }),
            is_changed: false,
        })
    }
}

impl Batch<'_> {
    /// The state of a device; none when there is no such device.
    fn state(&mut self, device: DeviceId) -> Result<Option<&mut State>> {
        const SQL: &str = "SELECT d.app, s.normal, s.background, s.last_seen, s.offline_since, s.next_contact, s.online_since, \
             s.attempt_seq, s.attempt_sessions FROM device d JOIN device_state s ON s.device = d.id WHERE d.id = ?";
        match self.states.entry(device) {
            btree_map::Entry::Occupied(known) => Ok(Some(known.into_mut())),
            btree_map::Entry::Vacant(unknown) => {
                let found = match self.known.0.remove(&device) {
                    Some(state) => Some(state),
                    None => first(self.conn, SQL, [device.into()], State::read)?,
                };
                Ok(found.map(|state| unknown.insert(state)))
            }
        }
    }

    /// The app of a device whose state the group has at hand; none when there is no such device.
    pub(super) fn app_at_hand(&mut self, device: DeviceId) -> Result<Option<AppId>> {
        Ok(self.state(device)?.map(|state| state.app))
    }

    /// Writes what has changed of the states, and what devices have acknowledged: devices in order, whose rows lie together.
    pub(super) fn write_states(&mut self) -> Result<()> {
        const SQL: &str = "UPDATE device_state SET normal = ?, background = ?, last_seen = ?, offline_since = ?, next_contact = ?, \
                           online_since = ?, attempt_seq = ?, attempt_sessions = ? WHERE device = ?";
        self.write_acknowledged()?;
        for (device, state) in std::mem::take(&mut self.states) {
            if state.is_changed {
                let values: [Value<'_>; 9] = [
                    state.recorded.normal.into(),
                    state.recorded.background.into(),
                    state.last_seen.into(),
                    state.offline_since.into(),
                    state.next_contact.into(),
                    state.online_since.into(),
                    state.attempts.map(|attempts| attempts.seq).into(),
                    state.attempts.map(|attempts| attempts.sessions).into(),
                    device.into(),
                ];
                execute(self.conn, SQL, values)?;
            }
            self.known.keep(device, state);
        }
        Ok(())
    }

    fn write_acknowledged(&mut self) -> Result<()> {
        const SQL: &str = "INSERT INTO acknowledgement (device, lane, to_seq, from_seq, app, exceptions, sent, at) \
                           VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let mut acknowledged = std::mem::take(&mut self.acknowledged);
        acknowledged.sort_by_key(|(device, _, row)| (*device, row.lane, row.to));
        for (device, app, row) in acknowledged {
            let values: [Value<'_>; 8] = [
                device.into(),
                row.lane.into(),
                row.to.into(),
                row.from.into(),
                app.0.into(),
                exceptions_text(&row.exceptions).into(),
                sent_text(&row.sent).into(),
                row.at.into(),
            ];
            execute(self.conn, SQL, values)?;
        }
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, device: DeviceId, row: Acknowledgement) -> Result<Written> {
        let Some(state) = self.state(device)? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        let recorded = state.recorded.get(row.lane);
        let row = match row.above(recorded) {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(Written::Unchanged),
            Err(NotExtending) => return Ok(Written::Refused(Refusal::Stale)),
        };
        state.recorded.set(row.lane, row.to);
        state.is_changed = true;
        let app = state.app;
        self.acknowledged.push((device, app, row));
        Ok(Written::Done)
    }

    pub(super) fn contact(
        &mut self,
        device: DeviceId,
        last_seen: Timestamp,
        next_contact: Option<Timestamp>,
        offline_since: Option<Timestamp>,
    ) -> Result<Written> {
        self.update(device, |state| {
            state.last_seen = Some(last_seen);
            state.next_contact = next_contact;
            state.offline_since = offline_since;
        })
    }

    pub(super) fn session(&mut self, device: DeviceId, step: SessionStep) -> Result<Written> {
        let conn = self.conn;
        let Some(state) = self.state(device)? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        state.is_changed = true;
        match step {
            SessionStep::Began(at) => {
                if let Some(open) = state.online_since.replace(at).filter(|open| *open < at) {
                    sessions::add(conn, device, &sessions::unrecorded(open, at))?;
                }
            }
            SessionStep::Ended(session) => {
                let is_over = session.end != SessionEnd::Restart;
                state.online_since = state.online_since.filter(|open| !is_over || *open != session.began_at);
                sessions::add(conn, device, &session)?;
            }
        }
        Ok(Written::Done)
    }

    pub(super) fn attempts(&mut self, device: DeviceId, attempts: Option<Attempts>) -> Result<Written> {
        self.update(device, |state| state.attempts = attempts)
    }

    fn update(&mut self, device: DeviceId, update: impl FnOnce(&mut State)) -> Result<Written> {
        let Some(state) = self.state(device)? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        update(state);
        state.is_changed = true;
        Ok(Written::Done)
    }
}
