//! One group of writes as one transaction, on the thread that writes. What several writes of a group change alike (states of devices, how
//! many hold a key, ends of logs) is kept in memory and written once, behind the last of them; indexes by key come later ([`crate::owed`]).

mod claims;
mod devices;
mod entries;
mod events;
mod originals;
mod records;
mod sessions;
mod states;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use longwire_model::delivery::Acknowledgement;
use longwire_model::{AppId, AudienceKey, DeviceId, EntryKind, KeyHead, Seq};
use longwire_store::{Write, Written};
use rusqlite::Connection;

use crate::direct::{self, Result, execute};
use crate::owed::{Owed, Said, Writing, write_head};
use crate::writer::Writer;
use states::State;

pub(crate) use states::States;

/// A group under way.
pub(crate) struct Batch<'c> {
    conn: &'c Connection,
    /// The ends of the logs that are known.
    ends: &'c mut HashMap<AppId, Seq>,
    /// The logs that the group appends to.
    longer: BTreeSet<AppId>,
    owed: &'c Owed,
    said: &'c mut Said,
    /// Rows of indexes by key that the group has added.
    rows_added: usize,
    /// How many devices more (or fewer) hold a key.
    members: BTreeMap<(AppId, AudienceKey), i64>,
    /// What the group changes of them, and what is known of others.
    states: BTreeMap<DeviceId, State>,
    known: &'c mut States,
    acknowledged: Vec<(DeviceId, AppId, Acknowledgement)>,
}

/// Carries out `writes` in a transaction; see [`longwire_store::Store::commit`]. After a failure the transaction may still be open, and what is
/// known of logs and devices is wrong: the writer must not be used again.
pub(crate) fn apply(writer: &mut Writer, writes: Vec<Write>) -> Result<Vec<Written>> {
    let Writer { conn, ends, owed, said, states: known } = writer;
    let (conn, owed): (&Connection, &Owed) = (conn, owed);
    let (answers, writing) = direct::transaction(conn, || {
        let (longer, members, states) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let (rows_added, acknowledged) = (0, Vec::new());
        let mut batch = Batch { conn, ends, longer, owed, said, rows_added, members, states, known, acknowledged };
        let answers = writes.into_iter().map(|write| batch.write(write)).collect::<Result<_>>()?;
        Ok((answers, batch.finish()?))
    })?;
    owed.committed(&writing);
    Ok(answers)
}

impl Batch<'_> {
    fn write(&mut self, write: Write) -> Result<Written> {
        match write {
            Write::Append { app, id, at, kind: kind @ EntryKind::Notification(_), idempotency } => {
                self.append((app, id, at), kind, idempotency)
            }
            Write::Append { app, id, at, kind, idempotency } => self.follow((app, id, at), kind, idempotency),
            Write::Generation { app, id, entry, at } => self.begin_generation(app, id, entry, at),
            Write::Register(device) => self.register(&device),
            Write::Membership { device, change, entry, at } => self.change(device, &change, entry, at),
            Write::Claim { device, claim, entry, at } => self.claim(device, &claim, entry, at),
            Write::TakeOver { device, account, unless_disabled } => self.take_over(device, &account, unless_disabled),
            Write::RemoveDevice { device, entry, at } => self.remove_device(device, entry, at),
            Write::Acknowledge { device, row } => self.acknowledge(device, row),
            Write::Event { device, entry, event, dismissal } => self.event(device, entry, event, dismissal),
            Write::Action { device, entry, used } => self.action(device, entry, used),
            Write::Session { device, step } => self.session(device, step),
            Write::Alive { app, at } => self.alive(app, at),
            Write::Resume { app, at } => self.resume(app, at),
            Write::Contact { device, last_seen, next_contact, offline_since } => {
                self.contact(device, last_seen, next_contact, offline_since)
            }
            Write::Attempts { device, attempts } => self.attempts(device, attempts),
            Write::AddAccount(account) => self.add_account(account),
            Write::Admit(account) => self.admit(account),
            Write::ChangeAccount { name, change } => self.change_account(&name, change),
            Write::RemoveAccount(name) => self.remove_account(&name),
            Write::AddAndroidpn { account, device } => self.add_original(account, &device),
            Write::ChangeAndroidpn { name, change } => self.change_androidpn(&name, change),
            Write::RemoveAndroidpn(name) => self.remove_androidpn(&name),
            Write::FastTokens { device, tokens } => self.fast_tokens(device, tokens),
            Write::AddApiKey(key) => self.add_key(key),
            Write::RevokeApiKey { app, id, at } => self.revoke_key(app, &id, at),
            Write::AddAppKey(key) => self.add_app_key(key),
            Write::RevokeAppKey { app, id, at } => self.revoke_app_key(app, &id, at),
            Write::AddUserKey(key) => self.add_user_key(key),
            Write::RevokeUserKey { app, id, at } => self.revoke_user_key(app, &id, at),
        }
    }

    /// The last position of the app's log; makes the app's row where there is none: it must be there before anything refers to it.
    fn end(&mut self, app: AppId) -> Result<Seq> {
        const FIND: &str = "SELECT last_seq FROM app WHERE id = ?";
        const ADD: &str = "INSERT INTO app (id, name) VALUES (?, ?)";
        if let Some(end) = self.ends.get(&app) {
            return Ok(*end);
        }
        let found = direct::first(self.conn, FIND, [app.0.into()], |row| direct::seq(row, "last_seq"))?;
        if found.is_none() {
            execute(self.conn, ADD, [app.0.into(), format!("app-{}", app.0).into()])?;
        }
        let end = found.unwrap_or(0);
        self.ends.insert(app, end);
        Ok(end)
    }

    /// One device more or fewer holds `key`.
    fn count(&mut self, app: AppId, key: &AudienceKey, change: i64) {
        *self.members.entry((app, key.clone())).or_default() += change;
    }

    fn finish(mut self) -> Result<Writing> {
        const END: &str = "UPDATE app SET last_seq = ? WHERE id = ?";
        self.write_states()?;
        for ((app, key), change) in std::mem::take(&mut self.members) {
            write_head(self.conn, app, key.as_str(), (KeyHead::default(), change))?;
        }
        for app in std::mem::take(&mut self.longer) {
            let last = self.end(app)?;
            execute(self.conn, END, [last.into(), app.0.into()])?;
        }
        self.owed.write_due(self.conn, self.said, self.rows_added)
    }
}
