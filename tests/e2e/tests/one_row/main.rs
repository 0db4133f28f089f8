//! What the log costs, by SQLite's own count and statement trace: one row for a broadcast to ten thousand devices, and no query of it
//! for a login with nothing waiting. In one process, with the managers on the real store.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use longwire_core::auth_manager::FastLogin;
use longwire_core::login::PushLogin;
use longwire_core::notification_manager::Acceptance;
use longwire_core::session_manager::{Command, Worker};
use longwire_core::{Clock, Core, CoreConfig, Env, Random, Registration};
use longwire_model::{AppId, AudienceKey, DeviceId, DeviceKind, EntryId, Lane, Notification, Seq, Timestamp};
use longwire_router::{Now, Shard};
use longwire_store::write::NewDevice;
use longwire_store::{Store, Write};
use longwire_store_sqlite::{Options, SqliteStore};
use longwire_test_support::folder;

const DEVICES: u64 = 10_000;

/// A clock that stands, and numbers that never repeat.
#[derive(Default)]
struct Still(AtomicU64);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000)
    }

    fn mono_ms(&self) -> u64 {
        0
    }
}

impl Random for Still {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, SeqCst);
        for (byte, part) in bytes.iter_mut().rev().zip(number.to_le_bytes().into_iter().cycle()) {
            *byte = part;
        }
    }
}

/// A worker without sockets: its shard follows the log.
struct Desk(Mutex<Shard>);

impl Desk {
    fn with<T>(&self, act: impl FnOnce(&mut Shard) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const NOW: Now = Now { mono_ms: 0, wall: Timestamp::from_millis(1_000_000) };

impl Worker for Desk {
    fn send(&self, command: Command) {
        if let Command::Announce(batch) = command {
            self.with(|shard| shard.apply(&batch, NOW, &mut Vec::new())).expect("batches are dense");
        }
    }

    fn watermark(&self) -> Seq {
        self.with(|shard| shard.watermark())
    }
}

/// The managers on a store in `folder` that has an account with this many devices.
async fn open(folder: &std::path::Path, devices: u64) -> (Arc<Core>, Arc<Desk>, SqliteStore) {
    let store = SqliteStore::open(folder, Options::default()).await.expect("a store");
    let env = Env::new(Arc::new(Still::default()), Arc::new(Still::default()));
    let config = CoreConfig {
        domain: "example.com".into(),
        registration: Registration::Open,
        heartbeat_min_s: None,
        heartbeat_max_s: 600,
        server_key: [9; 32],
        fast_token_ms: 1_000_000,
        device_topics: Vec::new(),
        device_tags: Vec::new(),
        androidpn: None,
    };
    register(&store, devices).await;
    let core = Core::open(Arc::new(store.clone()), env, config).await.expect("an open store");
    core.begin_generation().await.expect("a generation");
    core.auth.add_account("crowd", Some("secret-word")).await.expect("an account");
    let shard = Shard::new(AppId::DEFAULT, core.log.generation(), core.log.last());
    let desk = Arc::new(Desk(Mutex::new(shard)));
    core.sessions.set_workers(vec![Arc::<Desk>::clone(&desk)]);
    (core, desk, store)
}

async fn register(store: &SqliteStore, devices: u64) {
    let write = |number: u64| {
        let bytes = u128::from(number).to_be_bytes();
        Write::Register(NewDevice {
            id: DeviceId::new(bytes),
            app: AppId::DEFAULT,
            account: "crowd".into(),
            kind: DeviceKind::Push(format!("agent-{number}")),
            installation_hash: None,
            entry: EntryId::from_bytes((u128::from(number) + (1 << 100)).to_be_bytes()),
            at: Timestamp::from_millis(1),
        })
    };
    let all: Vec<u64> = (0..devices).collect();
    for some in all.chunks(500) {
        store.commit(some.iter().map(|&number| write(number)).collect()).await.expect("a commit");
    }
}

async fn rows_of_the_log(store: &SqliteStore) -> Seq {
    store.head(AppId::DEFAULT).await.expect("a head").last
}

fn broadcast() -> Notification {
    Notification {
        audience: [AudienceKey::all()].into(),
        filter: None,
        lane: Lane::Normal,
        ttl_seconds: 3_600,
        collapse_key: None,
        payload: r#"{"title":"Door"}"#.into(),
    }
}

/// Every statement from now on.
fn traced(store: &SqliteStore) -> Arc<Mutex<Vec<String>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    store.set_trace(Arc::new(move |sql| sink.lock().unwrap_or_else(PoisonError::into_inner).push(sql.to_owned())));
    seen
}

fn take(seen: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Whether a statement names the log's tables.
fn is_of_the_log(sql: &str) -> bool {
    let mut words = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.any(|word| matches!(word, "entry" | "entry_key"))
}

#[tokio::test]
async fn a_broadcast_to_ten_thousand_devices_is_one_row_of_the_log() {
    let place = folder();
    let (core, _desk, store) = open(place.path(), DEVICES).await;
    let before = rows_of_the_log(&store).await;
    let seen = traced(&store);
    let accepted = core.notifications.accept(broadcast(), None).await.expect("an acceptance");
    let statements = take(&seen);
    let Acceptance::Accepted(accepted) = accepted else { panic!("not accepted: {accepted:?}") };
    assert_eq!(accepted.audience, DEVICES);
    assert_eq!(rows_of_the_log(&store).await, before + 1);
    let inserts = |table: &str| {
        let wanted = format!("INSERT INTO {table}");
        statements.iter().filter(|sql| sql.starts_with(&wanted) && !sql.starts_with(&format!("{wanted}_"))).count()
    };
    assert_eq!((inserts("entry"), inserts("delivery"), inserts("membership")), (1, 0, 0), "{statements:#?}");
    assert!(statements.len() < 20, "a broadcast runs {} statements", statements.len());
}

#[tokio::test]
async fn a_login_with_nothing_waiting_makes_no_query_of_the_log() {
    let place = folder();
    let (core, desk, store) = open(place.path(), 3).await;
    let login = |agent: &str| PushLogin {
        key: core.sessions.new_key(),
        worker: 0,
        account: "crowd".into(),
        agent: agent.into(),
        tag: None,
        installation: None,
        stated: None,
        heartbeat_s: Some(60),
        mechanism: "SCRAM-SHA-256",
        fast: FastLogin::default(),
        proven: core.sessions.ends(),
    };
    let seen = traced(&store);
    for agent in ["agent-0", "agent-1", "agent-0"] {
        let ready = core.log_in(login(agent)).await.expect("a login");
        let bind = ready.bind.expect("a push session is bound at once");
        let mut out = Vec::new();
        desk.with(|shard| shard.bind(bind, NOW, &mut out)).expect("it was read just now");
        let statements = take(&seen);
        assert!(!statements.iter().any(|sql| is_of_the_log(sql)), "{agent}: {statements:#?}");
        assert!(!out.iter().any(|output| matches!(output, longwire_router::Output::Read { .. })), "{agent}: {out:?}");
    }
    // The same trace sees the log when something is waiting for a device that was away.
    core.notifications.accept(broadcast(), None).await.expect("an acceptance");
    assert!(take(&seen).iter().any(|sql| is_of_the_log(sql)), "the trace sees no query of the log at all");
    let ready = core.log_in(login("agent-2")).await.expect("a login");
    let mut out = Vec::new();
    desk.with(|shard| shard.bind(ready.bind.expect("bound"), NOW, &mut out)).expect("it was read just now");
    let reads = out.iter().any(|output| matches!(output, longwire_router::Output::Read { .. }));
    assert!(reads, "a device that is behind is not read for: {out:?}");
}
