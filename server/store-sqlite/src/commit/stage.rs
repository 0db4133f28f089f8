//! Rows of a group that are not written yet.

use std::collections::{HashMap, HashSet};

use longwire_model::{AppId, AudienceKey, Entry, EntryId, KeyHead, Timestamp};
use longwire_store::write::Idempotency;

use crate::row::entry_values;
use crate::script::Script;
use crate::sql::Value;

const ENTRY: &str = "INSERT INTO entry (app, seq, id, kind, created_at, lane, expires_at, audience, filter, collapse_key, \
                     audience_hash, target_id, target_seq, payload)";
const ENTRY_KEY: &str = "INSERT INTO entry_key (app, key, lane, seq, audience_seq)";
const KEY_HEAD: &str = "INSERT INTO key_head (app, key, normal, background, recall_normal, recall_background, members)";
const KEY_HEAD_RAISE: &str = "ON CONFLICT (app, key) DO UPDATE SET normal = max(normal, excluded.normal), \
     background = max(background, excluded.background), recall_normal = max(recall_normal, excluded.recall_normal), \
     recall_background = max(recall_background, excluded.recall_background), members = members + excluded.members";
const IDEMPOTENCY: &str = "INSERT INTO idempotency (app, key, body_hash, status, answer, at)";
const IDEMPOTENCY_REPLACE: &str = "ON CONFLICT (app, key) DO UPDATE SET body_hash = excluded.body_hash, \
     status = excluded.status, answer = excluded.answer, at = excluded.at";

/// Rows to be written.
#[derive(Default)]
pub(super) struct Stage {
    entries: Vec<Vec<Value>>,
    ids: HashSet<EntryId>,
    keys: Vec<Vec<Value>>,
    heads: HashMap<(AppId, AudienceKey), (KeyHead, i64)>,
    requests: Vec<Vec<Value>>,
}

impl Stage {
    /// An entry, the rows of its keys and their heads.
    pub(super) fn append(&mut self, entry: &Entry) {
        self.entries.push(entry_values(entry));
        self.ids.insert(entry.id);
        let Some(routing) = entry.kind.routing() else { return };
        for key in routing.audience.iter() {
            self.keys.push(vec![
                entry.app.0.into(),
                key.as_str().into(),
                routing.lane.into(),
                entry.seq.into(),
                entry.audience_seq().into(),
            ]);
            let (head, _) = self.heads.entry((entry.app, key.clone())).or_default();
            head.raise(routing.lane, entry.seq, entry.kind.content().is_none());
        }
    }

    /// A sender's own key for a request.
    pub(super) fn remember(&mut self, app: AppId, request: Idempotency, at: Timestamp) {
        self.requests.push(vec![
            app.0.into(),
            request.key.into(),
            request.body_hash.into(),
            u32::from(request.status).into(),
            request.answer.into(),
            at.into(),
        ]);
    }

    /// One device more or fewer holds `key`.
    pub(super) fn count(&mut self, app: AppId, key: &AudienceKey, change: i64) {
        self.heads.entry((app, key.clone())).or_default().1 += change;
    }

    /// Whether the entry `id` is staged.
    pub(super) fn holds(&self, id: EntryId) -> bool {
        self.ids.contains(&id)
    }

    /// Whether requests are staged.
    pub(super) const fn has_requests(&self) -> bool {
        !self.requests.is_empty()
    }

    /// Writes everything.
    pub(super) async fn write(self, script: &mut Script<'_>) -> Result<(), sqlx::Error> {
        script.insert(ENTRY, "", self.entries).await?;
        script.insert(ENTRY_KEY, "", self.keys).await?;
        let heads = self.heads.into_iter().map(|((app, key), (head, members))| {
            vec![
                app.0.into(),
                key.as_str().into(),
                head.newest.normal.into(),
                head.newest.background.into(),
                head.newest_recall.normal.into(),
                head.newest_recall.background.into(),
                members.into(),
            ]
        });
        script.insert(KEY_HEAD, KEY_HEAD_RAISE, heads.collect()).await?;
        script.insert(IDEMPOTENCY, IDEMPOTENCY_REPLACE, self.requests).await
    }
}
