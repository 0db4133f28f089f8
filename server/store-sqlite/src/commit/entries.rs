//! What is appended to the log, and the requests that it came with.

use std::sync::Arc;

use longwire_model::{AppId, Entry, EntryId, EntryKind, GenerationId, Seq, Target, Timestamp};
use longwire_store::Written;
use longwire_store::write::{IDEMPOTENCY_MILLIS, Idempotency, Refusal};
use rusqlite::Row;

use super::Batch;
use crate::direct::{Result, execute, first, seq, timestamp};
use crate::row::entry_values;
use crate::sql::Value;

/// A request that was answered before.
struct Known {
    body_hash: [u8; 32],
    status: u16,
    answer: String,
    at: Timestamp,
}

impl Known {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            body_hash: row.get("body_hash")?,
            status: row.get("status")?,
            answer: row.get("answer")?,
            at: timestamp(row, "at")?,
        })
    }

    /// What a request with the same key is answered at `at`; none when this one is too old to count.
    fn answer_to(self, request: &Idempotency, at: Timestamp) -> Option<Written> {
        if at.millis_since(self.at) >= IDEMPOTENCY_MILLIS {
            return None;
        }
        if self.body_hash != request.body_hash {
            return Some(Written::Refused(Refusal::IdempotencyMismatch));
        }
        Some(Written::Repeated { status: self.status, answer: self.answer })
    }
}

impl Batch<'_> {
    /// Appends a notification.
    pub(super) fn append(
        &mut self,
        (app, id, at): (AppId, EntryId, Timestamp),
        kind: EntryKind,
        idempotency: Option<Idempotency>,
    ) -> Result<Written> {
        if let Some(request) = idempotency {
            if let Some(answer) = self.answer_to(app, &request, at)? {
                return Ok(answer);
            }
            self.remember(app, request, at)?;
        }
        self.push(app, id, at, kind).map(Written::Appended)
    }

    /// Appends an update, recall or dismissal.
    pub(super) fn follow(
        &mut self,
        (app, id, at): (AppId, EntryId, Timestamp),
        mut kind: EntryKind,
        idempotency: Option<Idempotency>,
    ) -> Result<Written> {
        if let Some(request) = &idempotency
            && let Some(answer) = self.answer_to(app, request, at)?
        {
            return Ok(answer);
        }
        let Some(target) = kind.target() else {
            return self.push(app, id, at, kind).map(Written::Appended);
        };
        let ends = matches!(kind, EntryKind::Recall(..) | EntryKind::Update(..));
        match self.find_target(app, target.id)? {
            None => return Ok(Written::Refused(Refusal::UnknownTarget)),
            Some((_, true)) if ends => return Ok(Written::Unchanged),
            Some((seq, _)) => set_target_seq(&mut kind, seq),
        }
        if let Some(request) = idempotency {
            self.remember(app, request, at)?;
        }
        self.push(app, id, at, kind).map(Written::Appended)
    }

    /// Appends the beginning of a generation.
    pub(super) fn begin_generation(
        &mut self,
        app: AppId,
        id: GenerationId,
        entry: EntryId,
        at: Timestamp,
    ) -> Result<Written> {
        const SQL: &str = "INSERT INTO generation (app, seq, id) VALUES (?, ?, ?)";
        let entry = self.push(app, entry, at, EntryKind::Generation(id))?;
        execute(self.conn, SQL, [app.0.into(), entry.seq.into(), id.0.into()])?;
        Ok(Written::Appended(entry))
    }

    /// Gives the next position of the app's log to a new entry.
    pub(super) fn push(&mut self, app: AppId, id: EntryId, at: Timestamp, kind: EntryKind) -> Result<Arc<Entry>> {
        const ENTRY: &str = "INSERT INTO entry (app, seq, id, kind, created_at, lane, expires_at, audience, filter, collapse_key, \
                             audience_hash, target_id, target_seq, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let seq = self.end(app)? + 1;
        self.ends.insert(app, seq);
        self.longer.insert(app);
        let entry = Arc::new(Entry { app, seq, id, created_at: at, kind });
        execute(self.conn, ENTRY, entry_values(&entry))?;
        self.rows_added += self.owed.add(&entry);
        Ok(entry)
    }

    /// The position of a notification and whether it is recalled.
    fn find_target(&self, app: AppId, id: EntryId) -> Result<Option<(Seq, bool)>> {
        const SQL: &str = "SELECT seq, EXISTS (SELECT 1 FROM entry f WHERE f.app = e.app AND f.target_seq = e.seq \
                           AND f.kind = 'recall') AS recalled FROM entry e WHERE app = ? AND id = ? AND kind = 'notification'";
        let read = |row: &Row<'_>| Ok((seq(row, "seq")?, row.get("recalled")?));
        first(self.conn, SQL, [app.0.into(), id.into()], read)
    }

    /// What a sender's repeated request is answered.
    fn answer_to(&self, app: AppId, request: &Idempotency, at: Timestamp) -> Result<Option<Written>> {
        const SQL: &str = "SELECT body_hash, status, answer, at FROM idempotency WHERE app = ? AND key = ?";
        let known = first(self.conn, SQL, [app.0.into(), request.key.as_str().into()], Known::read)?;
        Ok(known.and_then(|known| known.answer_to(request, at)))
    }

    /// Keeps a sender's own key for a request.
    fn remember(&self, app: AppId, request: Idempotency, at: Timestamp) -> Result<()> {
        const SQL: &str = "INSERT INTO idempotency (app, key, body_hash, status, answer, at) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (app, key) DO UPDATE SET body_hash = excluded.body_hash, status = excluded.status, \
             answer = excluded.answer, at = excluded.at";
        let values: [Value<'_>; 6] = [
            app.0.into(),
            request.key.into(),
            request.body_hash.into(),
            u32::from(request.status).into(),
            request.answer.into(),
            at.into(),
        ];
        execute(self.conn, SQL, values).map(drop)
    }
}

/// Makes `kind` name its target by the position that the log knows.
fn set_target_seq(kind: &mut EntryKind, seq: Seq) {
    match kind {
        EntryKind::Update(target, _) | EntryKind::Recall(target, _) | EntryKind::Dismissal(target, _) => {
            *target = Target { seq, ..*target };
        }
        EntryKind::Notification(_) | EntryKind::Membership(_) | EntryKind::Generation(_) => {}
    }
}
