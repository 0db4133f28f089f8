//! Runs of the writes that make up nearly all of a group: notifications, acknowledgements, contacts, attempts, events.

use std::collections::{BTreeSet, HashMap};

use longwire_model::delivery::{Acknowledgement, Event};
use longwire_model::device::Attempts;
use longwire_model::{AppId, DeviceId, EntryId, EntryKind, LaneSeqs, Timestamp};
use longwire_store::write::{IDEMPOTENCY_MILLIS, Idempotency, Refusal};
use longwire_store::{Write, Written};

use super::Batch;
use crate::row::{attempts, exceptions_text};
use crate::sql::{
    Value, bytes, column, device_id, insert, json_devices, json_texts, seq, statement, timestamp, timestamp_option,
};

const ROW: &str = "INSERT INTO acknowledgement (device, lane, to_seq, from_seq, app, exceptions, at)";
const STATE: &str = "INSERT INTO device_state (device, normal, background, last_seen, offline_since, next_contact, \
                     attempt_seq, attempt_sessions)";
const STATE_REPLACE: &str = "ON CONFLICT (device) DO UPDATE SET normal = excluded.normal, background = excluded.background, \
     last_seen = excluded.last_seen, offline_since = excluded.offline_since, next_contact = excluded.next_contact, \
     attempt_seq = excluded.attempt_seq, attempt_sessions = excluded.attempt_sessions";

/// What changes often of a device.
pub(super) struct State {
    app: AppId,
    recorded: LaneSeqs,
    last_seen: Option<Timestamp>,
    offline_since: Option<Timestamp>,
    next_contact: Option<Timestamp>,
    attempts: Option<Attempts>,
    is_changed: bool,
}

/// A request that was answered before.
pub(super) struct Known {
    body_hash: [u8; 32],
    status: u16,
    answer: String,
    at: Timestamp,
}

impl Known {
    /// What a request with the same key is answered at `at`; none when this one is too old to count.
    pub(super) fn answer_to(&self, request: &Idempotency, at: Timestamp) -> Option<Written> {
        if at.millis_since(self.at) >= IDEMPOTENCY_MILLIS {
            return None;
        }
        if self.body_hash != request.body_hash {
            return Some(Written::Refused(Refusal::IdempotencyMismatch));
        }
        Some(Written::Repeated { status: self.status, answer: self.answer.clone() })
    }
}

/// Whether a write belongs into a run.
pub(super) const fn is_common(write: &Write) -> bool {
    match write {
        Write::Append { kind, .. } => matches!(kind, EntryKind::Notification(_)),
        Write::Acknowledge { .. } | Write::Event { .. } | Write::Contact { .. } | Write::Attempts { .. } => true,
        Write::Generation { .. }
        | Write::Register(_)
        | Write::Membership { .. }
        | Write::TakeOver { .. }
        | Write::RemoveDevice { .. }
        | Write::AddAccount(_)
        | Write::RemoveAccount(_)
        | Write::FastTokens { .. }
        | Write::AddApiKey(_)
        | Write::RevokeApiKey { .. } => false,
    }
}

impl Batch<'_> {
    /// Carries out a run: reads what it needs, decides in order, writes.
    pub(super) async fn run(&mut self, run: Vec<Write>, answers: &mut Vec<Written>) -> Result<(), sqlx::Error> {
        let mut known = self.known_of(&run).await?;
        self.load_states(&run).await?;
        let mut rows = Vec::new();
        for write in run {
            answers.push(match write {
                Write::Append { app, id, at, kind, idempotency } => {
                    let requests = known.entry(app).or_default();
                    self.append(requests, (app, id, at), kind, idempotency).await?
                }
                Write::Acknowledge { device, row } => self.acknowledge(device, &row, &mut rows),
                Write::Contact { device, last_seen, next_contact, offline_since } => self.update(device, |state| {
                    state.last_seen = Some(last_seen);
                    state.next_contact = next_contact;
                    state.offline_since = offline_since;
                }),
                Write::Attempts { device, attempts } => self.update(device, |state| state.attempts = attempts),
                Write::Event { device, entry, event } => self.event(device, entry, event).await?,
                other @ (Write::Generation { .. }
                | Write::Register(_)
                | Write::Membership { .. }
                | Write::TakeOver { .. }
                | Write::RemoveDevice { .. }
                | Write::AddAccount(_)
                | Write::RemoveAccount(_)
                | Write::FastTokens { .. }
                | Write::AddApiKey(_)
                | Write::RevokeApiKey { .. }) => Box::pin(self.write(other)).await?,
            });
        }
        insert(self.conn, ROW, "", rows).await?;
        self.save_states().await
    }

    /// The requests of the run's idempotency keys, per app.
    async fn known_of(&mut self, run: &[Write]) -> Result<HashMap<AppId, HashMap<String, Known>>, sqlx::Error> {
        let mut keys: HashMap<AppId, Vec<&str>> = HashMap::new();
        for write in run {
            if let Write::Append { app, idempotency: Some(request), .. } = write {
                keys.entry(*app).or_default().push(&request.key);
            }
        }
        let mut known = HashMap::new();
        for (app, keys) in keys {
            known.insert(app, self.known_requests(app, &keys).await?);
        }
        Ok(known)
    }

    /// The requests known by these keys.
    pub(super) async fn known_requests(
        &mut self,
        app: AppId,
        keys: &[&str],
    ) -> Result<HashMap<String, Known>, sqlx::Error> {
        const SQL: &str = "SELECT key, body_hash, status, answer, at FROM idempotency \
                           WHERE app = ? AND key IN (SELECT value FROM json_each(?))";
        self.flush_requests().await?;
        let values = [app.0.into(), json_texts(keys.iter().copied())];
        let rows = statement(SQL, values).fetch_all(&mut *self.conn).await?;
        let known = |row| {
            let known = Known {
                body_hash: bytes(row, "body_hash")?,
                status: column(row, "status")?,
                answer: column(row, "answer")?,
                at: timestamp(row, "at")?,
            };
            Ok((column(row, "key")?, known))
        };
        rows.iter().map(known).collect()
    }

    async fn flush_requests(&mut self) -> Result<(), sqlx::Error> {
        if self.stage.has_requests() { self.flush().await } else { Ok(()) }
    }

    async fn append(
        &mut self,
        known: &mut HashMap<String, Known>,
        (app, id, at): (AppId, EntryId, Timestamp),
        kind: EntryKind,
        idempotency: Option<Idempotency>,
    ) -> Result<Written, sqlx::Error> {
        if let Some(request) = idempotency {
            if let Some(answer) = known.get(&request.key).and_then(|known| known.answer_to(&request, at)) {
                return Ok(answer);
            }
            let Idempotency { body_hash, status, .. } = request;
            known.insert(request.key.clone(), Known { body_hash, status, answer: request.answer.clone(), at });
            self.stage.remember(app, request, at);
        }
        Ok(Written::Appended(self.push(app, id, at, kind).await?))
    }

    fn acknowledge(&mut self, device: DeviceId, row: &Acknowledgement, rows: &mut Vec<Vec<Value>>) -> Written {
        let Some(state) = self.states.get_mut(&device) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        if state.recorded.get(row.lane) != row.from || row.to < row.from {
            return Written::Refused(Refusal::Stale);
        }
        if row.to == row.from {
            return Written::Unchanged;
        }
        state.recorded.set(row.lane, row.to);
        state.is_changed = true;
        rows.push(vec![
            device.into(),
            row.lane.into(),
            row.to.into(),
            row.from.into(),
            state.app.0.into(),
            exceptions_text(&row.exceptions).into(),
            row.at.into(),
        ]);
        Written::Done
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

    async fn event(&mut self, device: DeviceId, entry: EntryId, event: Event) -> Result<Written, sqlx::Error> {
        const SQL: &str = "INSERT INTO event (entry, device, type, at, reason) SELECT ?1, ?2, ?3, ?4, ?5 \
                           WHERE EXISTS (SELECT 1 FROM entry WHERE app = ?6 AND id = ?1) ON CONFLICT DO NOTHING";
        let Some(app) = self.states.get(&device).map(|state| state.app) else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        if self.stage.holds(entry) {
            self.flush().await?;
        }
        let values = [
            entry.into(),
            device.into(),
            event.kind.as_str().into(),
            event.at.into(),
            event.reason.into(),
            app.0.into(),
        ];
        let done = statement(SQL, values).execute(&mut *self.conn).await?;
        Ok(if done.rows_affected() > 0 { Written::Done } else { Written::Unchanged })
    }

    async fn load_states(&mut self, run: &[Write]) -> Result<(), sqlx::Error> {
        const SQL: &str = "SELECT d.id, d.app, s.normal, s.background, s.last_seen, s.offline_since, s.next_contact, \
             s.attempt_seq, s.attempt_sessions FROM json_each(?) j CROSS JOIN device d ON d.id = unhex(j.value) \
             JOIN device_state s ON s.device = d.id";
        let devices: BTreeSet<DeviceId> = run.iter().filter_map(device_of).collect();
        if devices.is_empty() {
            return Ok(());
        }
        for row in statement(SQL, [json_devices(&devices)]).fetch_all(&mut *self.conn).await? {
            let state = State {
                app: AppId(column(&row, "app")?),
                recorded: LaneSeqs { normal: seq(&row, "normal")?, background: seq(&row, "background")? },
                last_seen: timestamp_option(&row, "last_seen")?,
                offline_since: timestamp_option(&row, "offline_since")?,
                next_contact: timestamp_option(&row, "next_contact")?,
                attempts: attempts(&row)?,
                is_changed: false,
            };
            self.states.insert(device_id(&row, "id")?, state);
        }
        Ok(())
    }

    async fn save_states(&mut self) -> Result<(), sqlx::Error> {
        let changed = self.states.drain().filter(|(_, state)| state.is_changed).map(|(device, state)| {
            vec![
                device.into(),
                state.recorded.normal.into(),
                state.recorded.background.into(),
                state.last_seen.into(),
                state.offline_since.into(),
                state.next_contact.into(),
                state.attempts.map(|attempts| attempts.seq).into(),
                state.attempts.map(|attempts| attempts.sessions).into(),
            ]
        });
        let rows = changed.collect();
        insert(self.conn, STATE, STATE_REPLACE, rows).await
    }
}

/// The device whose state a write of a run needs.
const fn device_of(write: &Write) -> Option<DeviceId> {
    match write {
        Write::Acknowledge { device, .. }
        | Write::Event { device, .. }
        | Write::Contact { device, .. }
        | Write::Attempts { device, .. } => Some(*device),
        Write::Append { .. }
        | Write::Generation { .. }
        | Write::Register(_)
        | Write::Membership { .. }
        | Write::TakeOver { .. }
        | Write::RemoveDevice { .. }
        | Write::AddAccount(_)
        | Write::RemoveAccount(_)
        | Write::FastTokens { .. }
        | Write::AddApiKey(_)
        | Write::RevokeApiKey { .. } => None,
    }
}
