//! Random groups of writes on the embedded store and on the one in memory: every answer and every question agrees.
//! A failure names its seed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use longwire_model::delivery::{Acknowledgement, Ending, Event, EventType, Exception, Hold, Sent};
use longwire_model::entry::{Content, Routing, Target};
use longwire_model::{
    AppId, AudienceKey, DeviceId, DeviceKind, EntryId, EntryKind, Lane, Rest, Seqs, Session, SessionEnd, Timestamp,
};
use longwire_store::read::DeviceQuery;
use longwire_store::write::{Change, Dismissal, Idempotency, NewDevice, SessionStep};
use longwire_store::{LogQuery, MemoryStore, Store, Write};
use longwire_store_sqlite::{FILE, Options, SqliteStore};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

const APP: AppId = AppId::DEFAULT;
const KEYS: [&str; 6] = ["all", "topic:x", "topic:y", "tag:t", "user:alice", "user:bob"];

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3_600);

/// A store that owes its indexes up to so many rows, in periods that are so long.
fn owing(index_rows_max: usize, index_period: Duration) -> Options {
    Options { index_rows_max, index_rows_at_once: 0, index_period, ..Options::default() }
}

/// `SplitMix64`, and what it has made so far.
struct Script {
    state: u64,
    devices: Vec<DeviceId>,
    entries: Vec<EntryId>,
    now: i64,
}

impl Script {
    fn new(seed: u64) -> Self {
        Self { state: seed, devices: Vec::new(), entries: Vec::new(), now: 0 }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 29)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let index = self.below(of.len().max(1) as u64);
        of.get(usize::try_from(index).expect("a small number")).cloned()
    }

    fn id(&mut self) -> [u8; 16] {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    fn key(&mut self) -> AudienceKey {
        self.one(&KEYS).expect("a key").parse().expect("a key")
    }

    fn device(&mut self) -> DeviceId {
        let known = self.devices.clone();
        self.one(&known).unwrap_or_else(|| DeviceId::from_bytes([0; 16]))
    }

    fn content(&mut self) -> Content {
        let mut audience = vec![self.key()];
        for _ in 0..self.below(3) {
            let key = self.key();
            if !audience.contains(&key) {
                audience.push(key);
            }
        }
        let lane = if self.below(4) == 0 { Lane::Background } else { Lane::Normal };
        let expires_at = self.at().plus_millis(i64::try_from(self.below(40)).expect("small"));
        Content {
            routing: Routing { audience: audience.into(), lane, expires_at },
            filter: (self.below(4) == 0).then(|| "!tag:t".parse().expect("a filter")),
            collapse_key: (self.below(2) == 0).then(|| "k".into()),
            payload: "{}".into(),
        }
    }

    fn append(&mut self) -> Write {
        let id = EntryId::from_bytes(self.id());
        let content = self.content();
        let known = self.entries.clone();
        let target = self.one(&known).map(|id| Target { id, seq: 0 });
        let kind = match (self.below(6), target) {
            (0, Some(target)) => EntryKind::Recall(target, content.routing),
            (1, Some(target)) => EntryKind::Update(target, content),
            (2, Some(target)) => EntryKind::Dismissal(target, content.routing),
            _ => EntryKind::Notification(content),
        };
        let idempotency = (self.below(3) == 0).then(|| Idempotency {
            key: format!("key-{}", self.below(20)),
            body_hash: [u8::from(self.below(3) == 0); 32],
            status: 202,
            answer: id.to_string(),
        });
        self.entries.push(id);
        Write::Append { app: APP, id, at: self.at(), kind, idempotency }
    }

    fn acknowledge(&mut self, from: u64) -> Write {
        let lane = if self.below(4) == 0 { Lane::Background } else { Lane::Normal };
        let to = from + self.below(6);
        let mut seqs = Seqs::default();
        seqs.push(from + 1, to);
        let exceptions =
            if self.below(2) == 0 { Vec::new() } else { vec![Exception { seqs, ending: Ending::Filtered }] };
        // An exception names positions; a row without any has none.
        let exceptions = exceptions.into_iter().filter(|exception| !exception.seqs.is_empty()).collect();
        let hold = self.one(&Hold::ALL).filter(|_| from.is_multiple_of(2));
        Write::Acknowledge {
            device: self.device(),
            row: Acknowledgement {
                lane,
                from,
                to,
                exceptions,
                sent: vec![Sent { seq: to, at: self.at(), hold }],
                at: self.at(),
            },
        }
    }

    fn register(&mut self) -> Write {
        let id = DeviceId::new(self.id());
        self.devices.push(id);
        Write::Register(NewDevice {
            id,
            app: APP,
            account: format!("account-{}", self.below(4)),
            kind: DeviceKind::Push(format!("agent-{}", self.below(4))),
            installation_hash: Some([1; 32]),
            entry: EntryId::from_bytes(self.id()),
            at: self.at(),
        })
    }

    fn change(&mut self) -> Write {
        let key = self.key();
        let change = match self.below(4) {
            0 => Change::User((key.kind() == longwire_model::KeyKind::User).then_some(key)),
            1 => Change::Leave(key),
            _ => Change::Join(key),
        };
        Write::Membership { device: self.device(), change, entry: EntryId::from_bytes(self.id()), at: self.at() }
    }

    fn write(&mut self, last: u64) -> Write {
        self.now += 1;
        let device = self.device();
        match self.below(24) {
            0..8 => self.append(),
            8..10 => self.register(),
            10..13 => self.change(),
            13..16 => {
                let from = last.saturating_sub(self.below(6));
                self.acknowledge(from)
            }
            16 => Write::RemoveDevice { device, entry: EntryId::from_bytes(self.id()), at: self.at() },
            17 => {
                let (account, unless_disabled) = (format!("account-{}", self.below(4)), self.below(2) == 0);
                Write::TakeOver { device, account, unless_disabled }
            }
            18 => Write::Contact { device, last_seen: self.at(), next_contact: None, offline_since: Some(self.at()) },
            19..22 => self.session(device),
            _ => {
                let known = self.entries.clone();
                let entry = self.one(&known).unwrap_or_else(|| EntryId::from_bytes([0; 16]));
                let kind = self.one(&EventType::ALL).expect("a type");
                let event = Event { kind, at: self.at(), reason: None };
                let dismissal = (self.below(2) == 0).then(|| Dismissal {
                    id: EntryId::from_bytes(self.id()),
                    at: self.at(),
                    target: Target { id: entry, seq: 0 },
                    routing: self.content().routing,
                });
                Write::Event { device, entry, event, dismissal }
            }
        }
    }

    fn session(&mut self, device: DeviceId) -> Write {
        let began_at = self.at().plus_millis(-i64::try_from(self.below(8)).expect("small"));
        match self.below(8) {
            0 => Write::Resume { app: APP, at: self.at() },
            1 => Write::Alive { app: APP, at: self.at() },
            2..5 => Write::Session { device, step: SessionStep::Began(self.at()) },
            _ => {
                let end = self.one(&SessionEnd::ALL).expect("an end");
                let sent = Sent { seq: 1 + self.below(9), at: self.at(), hold: None };
                let rest = (self.below(2) == 0).then(|| Arc::new(Rest { sent: vec![sent], held: Vec::new() }));
                let session =
                    Session { began_at, heard_at: began_at, ended_at: self.at(), end, resumed_at: None, rest };
                Write::Session { device, step: SessionStep::Ended(session) }
            }
        }
    }
}

/// What a store answers, as text.
fn told<T: Debug>(what: T) -> String {
    format!("{what:?}")
}

/// Everything that a store says of the devices and entries of a script.
async fn everything(store: &dyn Store, script: &Script) -> Vec<String> {
    let head = store.head(APP).await.expect("the head");
    let mut answers = vec![told(&head), told(store.floor(APP).await.expect("the floor"))];
    for &id in &script.devices {
        let Some(mut loaded) = store.device(id).await.expect("an answer") else {
            answers.push(format!("no {id}"));
            continue;
        };
        let is_open =
            |key: &AudienceKey| loaded.device.memberships.iter().any(|own| own.left.is_none() && own.key == *key);
        loaded.heads.retain(|(key, _)| is_open(key));
        loaded.heads.sort_by(|a, b| a.0.cmp(&b.0));
        for lane in Lane::ALL {
            let memberships = loaded.device.memberships.clone().into();
            let query = LogQuery { app: APP, memberships, lane, after: 0, upto: head.last, limit: 7 };
            answers.push(told(store.read_log(query).await.expect("a page")));
        }
        answers.push(told(loaded));
    }
    for since in [0, script.now / 2, script.now] {
        let sessions = store.sessions(&script.devices, Timestamp::from_millis(since)).await.expect("sessions");
        answers.push(told(sessions.into_iter().collect::<BTreeMap<_, _>>()));
    }
    for &id in &script.entries {
        let stored = store.entry(APP, id).await.expect("an answer");
        if let Some(stored) = &stored {
            answers.push(told(store.deliveries(&stored.entry, None, 100).await.expect("deliveries")));
        }
        answers.push(told(stored));
    }
    for keys in [&KEYS[..1], &KEYS[1..3], &KEYS[3..]] {
        let keys: Vec<AudienceKey> = keys.iter().map(|text| text.parse().expect("a key")).collect();
        answers.push(told(store.audience_size(APP, &keys).await.expect("a size")));
        for key in keys {
            let query = DeviceQuery { app: APP, account: None, key: Some(key.clone()), after: None, limit: 5 };
            answers.push(told(store.devices(query).await.expect("devices")));
            answers.push(told(store.audience_size(APP, &[key]).await.expect("a size")));
        }
    }
    answers
}

#[tokio::test]
async fn both_stores_agree_on_random_groups() {
    for seed in 0..24_u64 {
        let dir = tempfile::tempdir().expect("a directory");
        let index_rows_max = [0, 1, 9, 30, 4_096].into_iter().cycle().nth(usize::try_from(seed).expect("small"));
        let period = if seed.is_multiple_of(2) { LONG } else { Duration::ZERO };
        let options = owing(index_rows_max.expect("a number"), period);
        let open = || SqliteStore::open(dir.path(), options.clone());
        let mut sqlite = open().await.expect("a store");
        let memory = MemoryStore::new();
        let mut script = Script::new(seed);
        for round in 0..12 {
            let last = memory.head(APP).await.expect("the head").last;
            let count = 1 + script.below(16);
            let group: Vec<Write> = (0..count).map(|_| script.write(last)).collect();
            let expected = memory.commit(group.clone()).await.expect("a commit");
            let written = sqlite.commit(group).await.expect("a commit");
            for (index, (expected, written)) in expected.iter().zip(&written).enumerate() {
                assert_eq!(told(written), told(expected), "seed {seed}, round {round}, write {index}");
            }
            let again = script.below(6);
            if again < 2 {
                // Or as a kill leaves it: not beside one that still writes what it owes.
                if again == 0 || period != LONG {
                    sqlite.close().await;
                }
                sqlite = open().await.expect("the store again");
            }
            if script.below(3) == 0 {
                let before = script.at().plus_millis(-5);
                let swept = memory.sweep(APP, before, 1_000).await.expect("a sweep");
                assert_eq!(
                    sqlite.sweep(APP, before, 1_000).await.expect("a sweep"),
                    swept,
                    "seed {seed}, round {round}"
                );
            }
        }
        let expected = everything(&memory, &script).await;
        let found = everything(&sqlite, &script).await;
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "seed {seed}");
        }
        assert_eq!(found.len(), expected.len(), "seed {seed}");
    }
}

/// The rows of the indexes by key.
async fn indexes(dir: &Path) -> Vec<String> {
    const ROWS: &str = "SELECT 'row ' || app || ' ' || key || ' ' || lane || ' ' || seq || ' ' || audience_seq FROM entry_key \
         UNION ALL SELECT 'head ' || app || ' ' || key || ' ' || normal || ' ' || background || ' ' || recall_normal || ' ' || \
         recall_background || ' ' || members FROM key_head ORDER BY 1";
    let options = SqliteConnectOptions::new().filename(dir.join(FILE));
    let mut conn = SqliteConnection::connect_with(&options).await.expect("a connection");
    let rows = sqlx::query_scalar(ROWS).fetch_all(&mut conn).await.expect("rows");
    conn.close().await.expect("closed");
    rows
}

/// Runs a script on a store that keeps so many rows of its indexes; gives what it leaves of them when it is closed.
async fn indexes_of(seed: u64, index_rows_max: usize) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a directory");
    let options = owing(index_rows_max, if seed.is_multiple_of(2) { LONG } else { Duration::ZERO });
    let store = SqliteStore::open(dir.path(), options).await.expect("a store");
    let mut script = Script::new(seed);
    for _ in 0..20 {
        let last = store.head(APP).await.expect("the head").last;
        let count = 1 + script.below(16);
        store.commit((0..count).map(|_| script.write(last)).collect()).await.expect("a commit");
        if script.below(3) == 0 {
            store.sweep(APP, script.at().plus_millis(-5), 1_000).await.expect("a sweep");
        }
    }
    store.close().await;
    indexes(dir.path()).await
}

#[tokio::test]
async fn indexes_that_were_written_later_are_those_that_were_written_at_once() {
    for seed in 100..116 {
        let at_once = indexes_of(seed, 0).await;
        assert!(at_once.len() > 10, "seed {seed}: {at_once:?}");
        for rows_max in [1, 16, 60, 4_096] {
            assert_eq!(indexes_of(seed, rows_max).await, at_once, "seed {seed}, {rows_max} rows");
        }
    }
}
