//! What no phone and no server may ever do, whatever has happened: windows, deaths, users, connections.

use std::collections::BTreeMap;

use longwire_client::inbox::{Change, Outcome, Transaction};
use longwire_model::{EntryId, Lane};
use longwire_router::WINDOW_ENTRIES;

use crate::mutate::attr;
use crate::world::World;

/// Processes that may die on one payload.
const DEATHS_MAX: u32 = 3;
/// A phone that is silent for so long has lost its session: twice the longest heartbeat, ten seconds, and a minute.
const SILENCE_MS: u64 = (2 * 600 + 10 + 60) * 1_000;

/// What is watched on one phone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// What was received in this session and not acknowledged.
    unacknowledged: Vec<(Lane, u64)>,
    /// The last position that came in this session, per lane.
    last: BTreeMap<Lane, u64>,
    /// How many processes died on each payload: of which notification, brought by the update at which position.
    deaths: BTreeMap<(String, u64), u32>,
    user: Option<String>,
    /// What was handed over for the first time, and whose the phone was.
    handed: Vec<(String, Option<String>)>,
    /// Logins by a FAST token, and how many of those were refused.
    pub(crate) token_logins: u64,
    pub(crate) tokens_refused: u64,
    is_by_token: bool,
    faults: Vec<String>,
}

impl Watch {
    pub(crate) fn connected(&mut self) {
        self.unacknowledged.clear();
        self.last.clear();
    }

    pub(crate) fn received(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        if self.is_by_token && (text.contains("<success") || text.contains("<failure")) {
            self.is_by_token = false;
            *(if text.contains("<success") { &mut self.token_logins } else { &mut self.tokens_refused }) += 1;
        }
        for entry in text.split("<entry").skip(1) {
            let seq = attr(entry, "seq").and_then(|seq| seq.parse().ok()).filter(|seq| *seq > 0);
            let lane = attr(entry, "lane").and_then(|lane| lane.parse().ok());
            self.unacknowledged.extend(lane.zip(seq));
            if let Some((lane, seq)) = lane.zip(seq) {
                let last = self.last.insert(lane, seq).unwrap_or(0);
                if seq <= last {
                    self.faults.push(format!("{seq} came behind {last} in the {lane} lane of one session"));
                }
            }
        }
        if self.unacknowledged.len() > WINDOW_ENTRIES {
            self.faults.push(format!("{} entries are not acknowledged", self.unacknowledged.len()));
        }
    }

    pub(crate) fn wrote(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        if text.contains("<authenticate") {
            self.is_by_token = attr(&text, "mechanism").is_some_and(|name| name.starts_with("HT-"));
        }
        for ack in text.split("<ack").skip(1) {
            for lane in [Lane::Normal, Lane::Background] {
                let told = attr(ack, lane.as_str()).and_then(|seq| seq.parse::<u64>().ok()).unwrap_or(0);
                self.unacknowledged.retain(|(of, seq)| *of != lane || *seq > told);
            }
        }
    }

    /// A process died on this payload of `id`; an update brings another one, and its deaths are counted anew.
    pub(crate) fn died_parsing(&mut self, id: &str, revision: u64) {
        let deaths = self.deaths.entry((id.to_owned(), revision)).or_default();
        *deaths += 1;
        if *deaths > DEATHS_MAX {
            self.faults.push(format!("{id} has killed {deaths} processes"));
        }
    }

    /// The power is gone, and the count of the last death may be gone with it: it was not synced yet.
    pub(crate) fn lost_power(&mut self) {
        for deaths in self.deaths.values_mut() {
            *deaths = deaths.saturating_sub(1);
        }
    }

    pub(crate) fn applied(&mut self, transaction: &Transaction, outcomes: &[Outcome]) {
        for (change, outcome) in transaction.changes.iter().zip(outcomes) {
            if let Change::Bound { bound, .. } = change {
                self.user.clone_from(&bound.user);
            }
            if let Change::User(user) = change {
                self.user.clone_from(user);
            }
            if let Outcome::Hand(row) = outcome
                && row.attempt <= 1
            {
                self.handed.push((row.id.clone(), self.user.clone()));
            }
        }
    }
}

/// Everything that was watched, and is wrong.
pub(crate) fn watch(world: &mut World, faults: &mut Vec<String>) {
    for phone in &mut world.phones {
        let name = phone.name.clone();
        faults.extend(phone.watch.faults.drain(..).map(|fault| format!("on {name}: {fault}")));
    }
    for phone in &world.phones {
        for (id, user) in &phone.watch.handed {
            if !may_show(world, id, user.as_deref()) {
                faults.push(format!("{id} was handed over on {} of {user:?}", phone.name));
            }
        }
    }
    for phone in world.phones.iter().filter(|phone| phone.is_online() && !phone.is_gone) {
        let untold = phone.record().reports.len();
        if untold > 0 {
            faults.push(format!("{} has not told {untold} events", phone.name));
        }
    }
    dead_connections(world, faults);
}

/// What came through a user key alone is handed to nobody else.
fn may_show(world: &World, id: &str, user: Option<&str>) -> bool {
    let Ok(id) = id.parse::<EntryId>() else { return true };
    let Some(commit) = world.ended.iter().chain([&world.book]).find_map(|book| book.find(id)) else { return true };
    let Some(routing) = commit.entry.kind.routing() else { return true };
    let users: Vec<_> = routing.audience.iter().map(|key| key.as_str().strip_prefix("user:")).collect();
    users.iter().any(Option::is_none) || users.contains(&user)
}

/// A healed server has no connection that nobody speaks on.
fn dead_connections(world: &World, faults: &mut Vec<String>) {
    let Some(server) = &world.server else { return };
    for link in server.links() {
        let Some(known) = world.links.get(&link) else { continue };
        let silent_ms = world.now_ms.saturating_sub(known.passed_ms);
        if world.phones[known.phone].conn != Some(link) && silent_ms > SILENCE_MS {
            faults.push(format!(
                "the server keeps a connection of phone {} that is silent since {silent_ms} ms",
                known.phone
            ));
        }
    }
}
