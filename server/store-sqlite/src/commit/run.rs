//! Runs of the writes that make up nearly all of a group: notifications, acknowledgements, contacts, attempts, events.

use std::collections::{BTreeSet, HashMap};

use longwire_model::delivery::{Acknowledgement, Event, NotExtending, USED_ACTIONS_MAX, UsedAction};
use longwire_model::device::Attempts;
use longwire_model::{AppId, DeviceId, EntryId, EntryKind, LaneSeqs, SessionEnd, Target, Timestamp};
use longwire_store::write::{Dismissal, IDEMPOTENCY_MILLIS, Idempotency, Refusal, SessionStep};
use longwire_store::{Write, Written};

use super::Batch;
use super::sessions::{self, SessionRows};
use crate::row::{attempts, exceptions_text, keys_text, sent_text};
use crate::sql::{
    Value, bytes, column, device_id, json_devices, json_texts, seq, statement, timestamp, timestamp_option,
};

const ROW: &str = "INSERT INTO acknowledgement (device, lane, to_seq, from_seq, app, exceptions, sent, at)";
const STATE: &str = "INSERT INTO device_state (device, normal, background, last_seen, offline_since, next_contact, \
                     online_since, attempt_seq, attempt_sessions)";
const STATE_REPLACE: &str = "ON CONFLICT (device) DO UPDATE SET normal = excluded.normal, background = excluded.background, \
     last_seen = excluded.last_seen, offline_since = excluded.offline_since, next_contact = excluded.next_contact, \
     online_since = excluded.online_since, attempt_seq = excluded.attempt_seq, attempt_sessions = excluded.attempt_sessions";

/// What changes often of a device.
struct State {
    app: AppId,
    recorded: LaneSeqs,
    last_seen: Option<Timestamp>,
    offline_since: Option<Timestamp>,
    next_contact: Option<Timestamp>,
    online_since: Option<Timestamp>,
    attempts: Option<Attempts>,
    is_changed: bool,
}

/// A request that was answered before.
struct Known {
    body_hash: [u8; 32],
    status: u16,
    answer: String,
    at: Timestamp,
}

impl Known {
    /// What a request with the same key is answered at `at`; none when this one is too old to count.
    fn answer_to(&self, request: &Idempotency, at: Timestamp) -> Option<Written> {
        if at.millis_since(self.at) >= IDEMPOTENCY_MILLIS {
            return None;
        }
        if self.body_hash != request.body_hash {
            return Some(Written::Refused(Refusal::IdempotencyMismatch));
        }
        Some(Written::Repeated { status: self.status, answer: self.answer.clone() })
    }
}

/// What a run has read, and what it will write. Single writes of other kinds are runs of one.
#[derive(Default)]
pub(super) struct Run {
    states: HashMap<DeviceId, State>,
    known: HashMap<AppId, HashMap<String, Known>>,
    rows: Vec<Vec<Value>>,
    sessions: SessionRows,
}

/// Whether a write may share a run with its neighbours.
pub(super) const fn is_common(write: &Write) -> bool {
    match write {
        Write::Append { kind, .. } => matches!(kind, EntryKind::Notification(_)),
        Write::Acknowledge { .. }
        | Write::Event { .. }
        | Write::Contact { .. }
        | Write::Session { .. }
        | Write::Attempts { .. } => true,
        Write::Generation { .. }
        | Write::Action { .. }
        | Write::Alive { .. }
        | Write::Resume { .. }
        | Write::Register(_)
        | Write::Membership { .. }
        | Write::Claim { .. }
        | Write::TakeOver { .. }
        | Write::RemoveDevice { .. }
        | Write::AddAccount(_)
        | Write::Admit(_)
        | Write::ChangeAccount { .. }
        | Write::RemoveAccount(_)
        | Write::AddAndroidpn { .. }
        | Write::ChangeAndroidpn { .. }
        | Write::RemoveAndroidpn(_)
        | Write::FastTokens { .. }
        | Write::AddApiKey(_)
        | Write::RevokeApiKey { .. }
        | Write::AddAppKey(_)
        | Write::RevokeAppKey { .. }
        | Write::AddUserKey(_)
        | Write::RevokeUserKey { .. } => false,
    }
}

impl Run {
    /// What a sender's repeated request is answered.
    pub(super) fn answer_to(&self, app: AppId, request: &Idempotency, at: Timestamp) -> Option<Written> {
        self.known.get(&app)?.get(&request.key)?.answer_to(request, at)
    }

    pub(super) fn remember(&mut self, app: AppId, request: &Idempotency, at: Timestamp) {
        let Idempotency { body_hash, status, ref answer, .. } = *request;
        let known = Known { body_hash, status, answer: answer.clone(), at };
        self.known.entry(app).or_default().insert(request.key.clone(), known);
    }

    pub(super) fn acknowledge(&mut self, device: DeviceId, row: &Acknowledgement) -> Written {
        let Some(state) = self.states.get_mut(&device) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        let row = match row.clone().above(state.recorded.get(row.lane)) {
            Ok(Some(row)) => row,
            Ok(None) => return Written::Unchanged,
            Err(NotExtending) => return Written::Refused(Refusal::Stale),
        };
        state.recorded.set(row.lane, row.to);
        state.is_changed = true;
        self.rows.push(vec![
            device.into(),
            row.lane.into(),
            row.to.into(),
            row.from.into(),
            state.app.0.into(),
            exceptions_text(&row.exceptions).into(),
            sent_text(&row.sent).into(),
            row.at.into(),
        ]);
        Written::Done
    }

    pub(super) fn contact(
        &mut self,
        device: DeviceId,
        last_seen: Timestamp,
        next_contact: Option<Timestamp>,
        offline_since: Option<Timestamp>,
    ) -> Written {
        self.update(device, |state| {
            state.last_seen = Some(last_seen);
            state.next_contact = next_contact;
            state.offline_since = offline_since;
        })
    }

    pub(super) fn session(&mut self, device: DeviceId, step: SessionStep) -> Written {
        let Some(state) = self.states.get_mut(&device) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        state.is_changed = true;
        match step {
            SessionStep::Began(at) => {
                if let Some(open) = state.online_since.replace(at).filter(|open| *open < at) {
                    self.sessions.add(device, &sessions::unrecorded(open, at));
                }
            }
            SessionStep::Ended(session) => {
                let is_over = session.end != SessionEnd::Restart;
                state.online_since = state.online_since.filter(|open| !is_over || *open != session.began_at);
                self.sessions.add(device, &session);
            }
        }
        Written::Done
    }

    pub(super) fn attempts(&mut self, device: DeviceId, attempts: Option<Attempts>) -> Written {
        self.update(device, |state| state.attempts = attempts)
    }

    fn update(&mut self, device: DeviceId, update: impl FnOnce(&mut State)) -> Written {
        match self.states.get_mut(&device) {
            None => Written::Refused(Refusal::UnknownDevice),
            Some(state) => {
                update(state);
                state.is_changed = true;
                Written::Done
            }
        }
    }
}

impl Batch<'_> {
    /// Reads at once what the writes of a run need.
    pub(super) async fn begin_run(&mut self, run: &[Write]) -> Result<(), sqlx::Error> {
        self.load_known(run).await?;
        self.load_states(run).await
    }

    /// Writes at once what a run has changed; entries and requests stay staged.
    pub(super) async fn end_run(&mut self) -> Result<(), sqlx::Error> {
        let Run { states, rows, sessions, .. } = std::mem::take(&mut self.run);
        self.script.insert(ROW, "", rows).await?;
        sessions.write(&mut self.script).await?;
        let changed = states.into_iter().filter(|(_, state)| state.is_changed).map(|(device, state)| {
            vec![
                device.into(),
                state.recorded.normal.into(),
                state.recorded.background.into(),
                state.last_seen.into(),
                state.offline_since.into(),
                state.next_contact.into(),
                state.online_since.into(),
                state.attempts.map(|attempts| attempts.seq).into(),
                state.attempts.map(|attempts| attempts.sessions).into(),
            ]
        });
        let rows = changed.collect();
        self.script.insert(STATE, STATE_REPLACE, rows).await
    }

    pub(super) async fn event(
        &mut self,
        device: DeviceId,
        entry: EntryId,
        event: Event,
        dismissal: Option<Dismissal>,
    ) -> Result<Written, sqlx::Error> {
        const SQL: &str = "INSERT INTO event (entry, device, type, at, reason) SELECT ?1, ?2, ?3, ?4, ?5 \
                           WHERE EXISTS (SELECT 1 FROM entry WHERE app = ?6 AND id = ?1) ON CONFLICT DO NOTHING";
        let Some(app) = self.run.states.get(&device).map(|state| state.app) else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        if self.stage.holds(entry) {
            self.flush().await?;
        }
        let kind = event.kind.as_str();
        let values = [entry.into(), device.into(), kind.into(), event.at.into(), event.reason.into(), app.0.into()];
        let done = statement(SQL, values).execute(self.conn().await?).await?;
        if done.rows_affected() == 0 {
            return Ok(Written::Unchanged);
        }
        let Some(dismissal) = dismissal else { return Ok(Written::Done) };
        self.dismiss(app, dismissal).await
    }

    pub(super) async fn action(
        &mut self,
        device: DeviceId,
        entry: EntryId,
        used: UsedAction,
    ) -> Result<Written, sqlx::Error> {
        const SQL: &str = "INSERT INTO used_action (entry, device, told_at, action, text, at) SELECT ?1, ?2, ?3, ?4, ?5, ?6 \
                           WHERE EXISTS (SELECT 1 FROM entry WHERE app = ?7 AND id = ?1) \
                           AND (SELECT count(*) FROM used_action WHERE entry = ?1 AND device = ?2) < ?8 ON CONFLICT DO NOTHING";
        let Some(app) = self.run.states.get(&device).map(|state| state.app) else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        if self.stage.holds(entry) {
            self.flush().await?;
        }
        let values = [
            entry.into(),
            device.into(),
            used.told_at.into(),
            used.action.into(),
            used.text.unwrap_or_default().into(),
            used.at.into(),
            app.0.into(),
            (USED_ACTIONS_MAX as u64).into(),
        ];
        let done = statement(SQL, values).execute(self.conn().await?).await?;
        Ok(if done.rows_affected() == 0 { Written::Unchanged } else { Written::Done })
    }

    /// Appends a dismissal, unless there is one of the same target for the same audience.
    async fn dismiss(&mut self, app: AppId, dismissal: Dismissal) -> Result<Written, sqlx::Error> {
        const SQL: &str = "SELECT t.seq, EXISTS (SELECT 1 FROM entry f WHERE f.app = t.app AND f.target_seq = t.seq \
                           AND f.kind = 'dismissal' AND f.audience = ?3) AS held FROM entry t \
                           WHERE t.app = ?1 AND t.id = ?2 AND t.kind = 'notification'";
        self.flush().await?;
        let Dismissal { id, at, target, routing } = dismissal;
        let values = [app.0.into(), target.id.into(), keys_text(&routing.audience).into()];
        let Some(row) = statement(SQL, values).fetch_optional(self.conn().await?).await? else {
            return Ok(Written::Done);
        };
        if column(&row, "held")? {
            return Ok(Written::Done);
        }
        let kind = EntryKind::Dismissal(Target { seq: seq(&row, "seq")?, ..target }, routing);
        Ok(Written::Appended(self.push(app, id, at, kind).await?))
    }

    /// The requests of the run's idempotency keys.
    async fn load_known(&mut self, run: &[Write]) -> Result<(), sqlx::Error> {
        const SQL: &str = "SELECT key, body_hash, status, answer, at FROM idempotency \
                           WHERE app = ? AND key IN (SELECT value FROM json_each(?))";
        let mut keys: HashMap<AppId, Vec<&str>> = HashMap::new();
        for write in run {
            if let Write::Append { app, idempotency: Some(request), .. } = write {
                keys.entry(*app).or_default().push(&request.key);
            }
        }
        if !keys.is_empty() && self.stage.has_requests() {
            self.flush().await?;
        }
        for (app, keys) in keys {
            let values = [app.0.into(), json_texts(keys)];
            for row in self.script.rows(SQL, values).await? {
                let known = Known {
                    body_hash: bytes(&row, "body_hash")?,
                    status: column(&row, "status")?,
                    answer: column(&row, "answer")?,
                    at: timestamp(&row, "at")?,
                };
                self.run.known.entry(app).or_default().insert(column(&row, "key")?, known);
            }
        }
        Ok(())
    }

    async fn load_states(&mut self, run: &[Write]) -> Result<(), sqlx::Error> {
        const SQL: &str = "SELECT d.id, d.app, s.normal, s.background, s.last_seen, s.offline_since, s.next_contact, \
             s.online_since, s.attempt_seq, s.attempt_sessions FROM json_each(?) j CROSS JOIN device d ON d.id = unhex(j.value) \
             JOIN device_state s ON s.device = d.id";
        let devices: BTreeSet<DeviceId> = run.iter().filter_map(device_of).collect();
        if devices.is_empty() {
            return Ok(());
        }
        for row in self.script.rows(SQL, [json_devices(&devices)]).await? {
            let state = State {
                app: AppId(column(&row, "app")?),
                recorded: LaneSeqs { normal: seq(&row, "normal")?, background: seq(&row, "background")? },
                last_seen: timestamp_option(&row, "last_seen")?,
                offline_since: timestamp_option(&row, "offline_since")?,
                next_contact: timestamp_option(&row, "next_contact")?,
                online_since: timestamp_option(&row, "online_since")?,
                attempts: attempts(&row)?,
                is_changed: false,
            };
            self.run.states.insert(device_id(&row, "id")?, state);
        }
        Ok(())
    }
}

/// The device whose state a write of a run needs.
const fn device_of(write: &Write) -> Option<DeviceId> {
    match write {
        Write::Acknowledge { device, .. }
        | Write::Event { device, .. }
        | Write::Action { device, .. }
        | Write::Contact { device, .. }
        | Write::Session { device, .. }
        | Write::Attempts { device, .. } => Some(*device),
        Write::Append { .. }
        | Write::Generation { .. }
        | Write::Alive { .. }
        | Write::Resume { .. }
        | Write::Register(_)
        | Write::Membership { .. }
        | Write::Claim { .. }
        | Write::TakeOver { .. }
        | Write::RemoveDevice { .. }
        | Write::AddAccount(_)
        | Write::Admit(_)
        | Write::ChangeAccount { .. }
        | Write::RemoveAccount(_)
        | Write::AddAndroidpn { .. }
        | Write::ChangeAndroidpn { .. }
        | Write::RemoveAndroidpn(_)
        | Write::FastTokens { .. }
        | Write::AddApiKey(_)
        | Write::RevokeApiKey { .. }
        | Write::AddAppKey(_)
        | Write::RevokeAppKey { .. }
        | Write::AddUserKey(_)
        | Write::RevokeUserKey { .. } => None,
    }
}
