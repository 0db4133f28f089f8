//! One group of writes as one transaction. Statements cost a turn to SQLite's thread each, so what a group needs to know is read
//! at once, decided in memory, and written as few statements of many rows.

mod claims;
mod devices;
mod originals;
mod records;
mod run;
mod sessions;
mod stage;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use longwire_model::device::Generation;
use longwire_model::{AppId, Entry, EntryId, EntryKind, Seq, Target, Timestamp};
use longwire_store::write::{Idempotency, Refusal};
use longwire_store::{Write, Written};
use sqlx::sqlite::SqliteConnection;

use crate::Writer;
use crate::script::Script;
use crate::sql::{Value, seq, statement};
use run::Run;
use stage::Stage;

/// A group under way.
pub(crate) struct Batch<'c> {
    script: Script<'c>,
    /// The ends of the logs that are known.
    ends: &'c mut HashMap<AppId, Seq>,
    /// The logs that the group appends to.
    longer: BTreeSet<AppId>,
    stage: Stage,
    run: Run,
}

/// Carries out `writes` in a transaction; see [`longwire_store::Store::commit`]. After a failure the transaction may still be open, and what is
/// known of the logs' ends is wrong: the writer must not be used again.
pub(crate) async fn apply(writer: &mut Writer, writes: Vec<Write>) -> Result<Vec<Written>, sqlx::Error> {
    let Writer { conn, ends } = writer;
    let mut script = Script::new(conn);
    script.add("BEGIN IMMEDIATE", []);
    let mut batch = Batch { script, ends, longer: BTreeSet::new(), stage: Stage::default(), run: Run::default() };
    let mut answers = Vec::with_capacity(writes.len());
    let mut writes = writes.into_iter().peekable();
    while let Some(write) = writes.next() {
        if let Write::AddAndroidpn { account, device } = write {
            let app = device.app;
            let mut alike = vec![(account, device)];
            while let Some((account, device)) = originals::next_of(&mut writes, app) {
                alike.push((account, device));
            }
            answers.extend(batch.add_originals(app, alike).await?);
            continue;
        }
        let is_common = run::is_common(&write);
        let mut alike = vec![write];
        while let Some(write) = writes.next_if(|next| is_common && run::is_common(next)) {
            alike.push(write);
        }
        batch.begin_run(&alike).await?;
        for write in alike {
            answers.push(batch.write(write).await?);
        }
        batch.end_run().await?;
    }
    batch.finish().await?;
    Ok(answers)
}

impl Batch<'_> {
    async fn write(&mut self, write: Write) -> Result<Written, sqlx::Error> {
        match write {
            Write::Append { app, id, at, kind: kind @ EntryKind::Notification(_), idempotency } => {
                self.append((app, id, at), kind, idempotency).await
            }
            Write::Append { app, id, at, kind, idempotency } => self.follow((app, id, at), kind, idempotency).await,
            Write::Generation { app, id, entry, at } => {
                let entry = self.push(app, entry, at, EntryKind::Generation(id)).await?;
                self.begin_generation(app, Generation { id, seq: entry.seq }).await?;
                Ok(Written::Appended(entry))
            }
            Write::Register(device) => self.register(device).await,
            Write::Membership { device, change, entry, at } => self.change(device, &change, entry, at).await,
            Write::Claim { device, claim, entry, at } => self.claim(device, &claim, entry, at).await,
            Write::TakeOver { device, account, unless_disabled } => {
                self.take_over(device, &account, unless_disabled).await
            }
            Write::RemoveDevice { device, entry, at } => self.remove_device(device, entry, at).await,
            Write::Acknowledge { device, row } => Ok(self.run.acknowledge(device, &row)),
            Write::Event { device, entry, event, dismissal } => self.event(device, entry, event, dismissal).await,
            Write::Action { device, entry, used } => self.action(device, entry, used).await,
            Write::Session { device, step } => Ok(self.run.session(device, step)),
            Write::Alive { app, at } => self.alive(app, at).await,
            Write::Resume { app, at } => self.resume(app, at).await,
            Write::Contact { device, last_seen, next_contact, offline_since } => {
                Ok(self.run.contact(device, last_seen, next_contact, offline_since))
            }
            Write::Attempts { device, attempts } => Ok(self.run.attempts(device, attempts)),
            Write::AddAccount(account) => self.add_account(account).await,
            Write::Admit(account) => self.admit(account).await,
            Write::ChangeAccount { name, change } => self.change_account(&name, change).await,
            Write::RemoveAccount(name) => self.remove_account(&name).await,
            Write::AddAndroidpn { account, device } => {
                let written = self.add_originals(device.app, vec![(account, device)]).await?.pop();
                Ok(written.expect("one answer for one account"))
            }
            Write::ChangeAndroidpn { name, change } => self.change_androidpn(&name, change).await,
            Write::RemoveAndroidpn(name) => self.remove_androidpn(&name).await,
            Write::FastTokens { device, tokens } => self.fast_tokens(device, tokens).await,
            Write::AddApiKey(key) => self.add_key(key).await,
            Write::RevokeApiKey { app, id, at } => self.revoke_key(app, &id, at).await,
            Write::AddAppKey(key) => self.add_app_key(key).await,
            Write::RevokeAppKey { app, id, at } => self.revoke_app_key(app, &id, at).await,
            Write::AddUserKey(key) => self.add_user_key(key).await,
            Write::RevokeUserKey { app, id, at } => self.revoke_user_key(app, &id, at).await,
        }
    }

    /// Appends a notification.
    async fn append(
        &mut self,
        (app, id, at): (AppId, EntryId, Timestamp),
        kind: EntryKind,
        idempotency: Option<Idempotency>,
    ) -> Result<Written, sqlx::Error> {
        if let Some(request) = idempotency {
            if let Some(answer) = self.run.answer_to(app, &request, at) {
                return Ok(answer);
            }
            self.run.remember(app, &request, at);
            self.stage.remember(app, request, at);
        }
        Ok(Written::Appended(self.push(app, id, at, kind).await?))
    }

    /// Appends an update, recall or dismissal.
    async fn follow(
        &mut self,
        (app, id, at): (AppId, EntryId, Timestamp),
        mut kind: EntryKind,
        idempotency: Option<Idempotency>,
    ) -> Result<Written, sqlx::Error> {
        if let Some(answer) = idempotency.as_ref().and_then(|request| self.run.answer_to(app, request, at)) {
            return Ok(answer);
        }
        let Some(target) = kind.target() else {
            return Ok(Written::Appended(self.push(app, id, at, kind).await?));
        };
        self.flush().await?;
        let ends = matches!(kind, EntryKind::Recall(..) | EntryKind::Update(..));
        match self.find_target(app, target.id).await? {
            None => return Ok(Written::Refused(Refusal::UnknownTarget)),
            Some((_, true)) if ends => return Ok(Written::Unchanged),
            Some((seq, _)) => set_target_seq(&mut kind, seq),
        }
        if let Some(request) = idempotency {
            self.stage.remember(app, request, at);
        }
        Ok(Written::Appended(self.push(app, id, at, kind).await?))
    }

    /// The position of a notification and whether it is recalled.
    async fn find_target(&mut self, app: AppId, id: EntryId) -> Result<Option<(Seq, bool)>, sqlx::Error> {
        const SQL: &str = "SELECT seq, EXISTS (SELECT 1 FROM entry f WHERE f.app = e.app AND f.target_seq = e.seq \
                           AND f.kind = 'recall') AS recalled FROM entry e WHERE app = ? AND id = ? AND kind = 'notification'";
        let row = statement(SQL, [app.0.into(), id.into()]).fetch_optional(self.conn().await?).await?;
        row.map(|row| Ok((seq(&row, "seq")?, crate::sql::column(&row, "recalled")?))).transpose()
    }

    /// Gives the next position of the app's log to a new entry.
    async fn push(
        &mut self,
        app: AppId,
        id: EntryId,
        at: Timestamp,
        kind: EntryKind,
    ) -> Result<Arc<Entry>, sqlx::Error> {
        let seq = self.end(app).await? + 1;
        self.ends.insert(app, seq);
        self.longer.insert(app);
        let entry = Arc::new(Entry { app, seq, id, created_at: at, kind });
        self.stage.append(&entry);
        Ok(entry)
    }

    async fn end(&mut self, app: AppId) -> Result<Seq, sqlx::Error> {
        if let Some(end) = self.ends.get(&app) {
            return Ok(*end);
        }
        const FIND: &str = "SELECT last_seq FROM app WHERE id = ?";
        if let Some(row) = self.script.rows(FIND, [app.0.into()]).await?.first() {
            let end = seq(row, "last_seq")?;
            self.ends.insert(app, end);
            return Ok(end);
        }
        const ADD: &str = "INSERT INTO app (id, name) VALUES (?, ?)";
        let name = format!("app-{}", app.0);
        statement(ADD, [app.0.into(), name.into()]).execute(self.conn().await?).await?;
        Ok(0)
    }

    async fn begin_generation(&mut self, app: AppId, generation: Generation) -> Result<(), sqlx::Error> {
        const SQL: &str = "INSERT INTO generation (app, seq, id) VALUES (?, ?, ?)";
        let values: [Value; 3] = [app.0.into(), generation.seq.into(), generation.id.0.into()];
        statement(SQL, values).execute(self.conn().await?).await?;
        Ok(())
    }

    /// The connection, when everything that came before has run on it.
    async fn conn(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.script.conn().await
    }

    /// Writes what is staged, so that statements see it.
    async fn flush(&mut self) -> Result<(), sqlx::Error> {
        std::mem::take(&mut self.stage).write(&mut self.script).await
    }

    async fn finish(mut self) -> Result<(), sqlx::Error> {
        const SQL: &str = "UPDATE app SET last_seq = ? WHERE id = ?";
        self.flush().await?;
        for app in std::mem::take(&mut self.longer) {
            let last = self.end(app).await?;
            self.script.add(SQL, [last.into(), app.0.into()]);
        }
        self.script.add("COMMIT", []);
        self.script.run().await
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
