//! What indexes are owed: readers do not miss it, a kill does not lose it, and neither a quiet server nor a clean close leaves any of it.

use std::future::Future as _;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use longwire_model::entry::{Content, Routing};
use longwire_model::{AppId, AudienceKey, DeviceId, DeviceKind, EntryId, EntryKind, KeyHead, Lane, Seq, Timestamp};
use longwire_store::write::NewDevice;
use longwire_store::{LogQuery, Store, Write};
use longwire_store_sqlite::{FILE, Options, SqliteStore, backup};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

const APP: AppId = AppId::DEFAULT;
const PHONE: DeviceId = DeviceId::from_bytes([1; 16]);
const AT: Timestamp = Timestamp::from_millis(1);

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3_600);

/// A store that owes up to so many rows, from the first on.
fn owing(index_rows_max: usize, index_period: Duration) -> Options {
    Options { index_rows_max, index_rows_at_once: 0, index_period, ..Options::default() }
}

async fn open_with(dir: &Path, options: Options) -> SqliteStore {
    SqliteStore::open(dir, options).await.expect("a store")
}

/// A store that owes up to so many rows for as long as it is open.
async fn open(dir: &Path, index_rows_max: usize) -> SqliteStore {
    open_with(dir, owing(index_rows_max, LONG)).await
}

fn register() -> Write {
    Write::Register(NewDevice {
        id: PHONE,
        app: APP,
        account: "alice".to_owned(),
        kind: DeviceKind::Push("phone".to_owned()),
        installation_hash: None,
        entry: EntryId::from_bytes([1; 16]),
        at: AT,
    })
}

fn notification(number: u8) -> Write {
    notification_to(AudienceKey::device(PHONE), [number; 16])
}

/// One to a user of its own; numbers make keys that rise.
fn to_another(number: u32) -> Write {
    let user = AudienceKey::user(&format!("user-{number:06}")).expect("a name");
    notification_to(user, (u128::from(number) << 32).to_be_bytes())
}

fn notification_to(key: AudienceKey, id: [u8; 16]) -> Write {
    let routing = Routing { audience: [key].into(), lane: Lane::Normal, expires_at: AT };
    let kind = EntryKind::Notification(Content { routing, filter: None, collapse_key: None, payload: "{}".into() });
    Write::Append { app: APP, id: EntryId::from_bytes(id), at: AT, kind, idempotency: None }
}

/// What waits for the phone by its index, and by the newest position of its key.
async fn waiting(store: &SqliteStore) -> (Vec<Seq>, Seq) {
    let loaded = store.device(PHONE).await.expect("an answer").expect("a device");
    let own = AudienceKey::device(PHONE);
    let head = loaded.heads.iter().find(|(key, _)| *key == own).map_or(KeyHead::default(), |(_, head)| *head);
    let memberships = loaded.device.memberships.into();
    let query = LogQuery { app: APP, memberships, lane: Lane::Normal, after: 0, upto: loaded.as_of, limit: 64 };
    let page = store.read_log(query).await.expect("a page");
    (page.rows.iter().map(|row| row.entry.seq).collect(), head.newest.normal)
}

async fn value_of(dir: &Path, sql: &'static str) -> i64 {
    let options = SqliteConnectOptions::new().filename(dir.join(FILE));
    let mut conn = SqliteConnection::connect_with(&options).await.expect("a connection");
    let value = sqlx::query_scalar(sql).fetch_one(&mut conn).await.expect("a value");
    conn.close().await.expect("closed");
    value
}

async fn index_rows(dir: &Path) -> i64 {
    value_of(dir, "SELECT count(*) FROM entry_key").await
}

const NEWEST: &str = "SELECT max(version) FROM _sqlx_migrations";
const TABLES: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'owed'";

/// The newest version of the schema, and how many tables `owed` there are: 2 and none for what an older program can open.
async fn schema(dir: &Path) -> (i64, i64) {
    (value_of(dir, NEWEST).await, value_of(dir, TABLES).await)
}

/// Waits until nothing is owed.
async fn paid(dir: &Path) {
    for _ in 0..10_000 {
        if schema(dir).await == (2, 0) {
            return;
        }
    }
    unreachable!("something is owed for ever");
}

#[tokio::test]
async fn a_reader_behind_an_append_finds_it_whether_its_rows_are_written_or_owed() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 2).await;
    store.commit(vec![register()]).await.expect("a commit");
    let mut expected = Vec::new();
    for (number, written) in [(2, 0), (3, 0), (4, 1), (5, 2), (6, 3), (7, 4)] {
        store.commit(vec![notification(number)]).await.expect("a commit");
        expected.push(Seq::from(number));
        assert_eq!(waiting(&store).await, (expected.clone(), Seq::from(number)));
        assert_eq!(index_rows(dir.path()).await, written, "above the bound they are written with the group");
    }
}

#[tokio::test]
async fn what_is_owed_at_a_kill_is_found_in_the_log_and_older_programs_are_refused_until_a_clean_close() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 64).await;
    store.commit(vec![register(), notification(2), notification(3)]).await.expect("a commit");
    drop(store);
    for _ in 0..2 {
        assert_eq!((index_rows(dir.path()).await, value_of(dir.path(), NEWEST).await), (0, 4));
        assert_eq!(value_of(dir.path(), "SELECT first FROM owed").await, 2);
        drop(open(dir.path(), 64).await);
    }
    let store = open(dir.path(), 64).await;
    assert_eq!(waiting(&store).await, (vec![2, 3], 3));
    store.commit(vec![notification(4)]).await.expect("a commit");
    assert_eq!(waiting(&store).await, (vec![2, 3, 4], 4));
    store.close().await;
    assert_eq!((index_rows(dir.path()).await, value_of(dir.path(), NEWEST).await), (3, 2));
    assert_eq!(value_of(dir.path(), TABLES).await, 0, "the schema is that of an older program");
    let store = open(dir.path(), 64).await;
    assert_eq!(waiting(&store).await, (vec![2, 3, 4], 4));
}

#[tokio::test]
async fn rows_that_were_written_before_a_kill_and_said_to_be_owed_are_there_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 1).await;
    store.commit(vec![register(), notification(2), notification(3)]).await.expect("a commit");
    assert_eq!(index_rows(dir.path()).await, 1);
    assert_eq!(value_of(dir.path(), "SELECT first FROM owed").await, 2);
    drop(store);
    let store = open(dir.path(), 64).await;
    assert_eq!(waiting(&store).await, (vec![2, 3], 3));
    store.close().await;
    assert_eq!(index_rows(dir.path()).await, 2);
}

#[tokio::test]
async fn a_group_that_fails_owes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 64).await;
    store.commit(vec![register(), notification(2)]).await.expect("a commit");
    store.commit(vec![notification(3), notification(2)]).await.expect_err("an id that is there");
    assert_eq!(index_rows(dir.path()).await, 0);
    store.commit(vec![notification(4)]).await.expect("a commit");
    assert_eq!(index_rows(dir.path()).await, 1, "behind a failure no more is owed than before");
    assert_eq!(waiting(&store).await, (vec![2, 3], 3));
    store.close().await;
    assert_eq!(index_rows(dir.path()).await, 2);
}

#[tokio::test]
async fn a_close_behind_a_group_that_failed_leaves_nothing_owed() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 64).await;
    store.commit(vec![register(), notification(2)]).await.expect("a commit");
    store.commit(vec![notification(3), notification(2)]).await.expect_err("an id that is there");
    store.close().await;
    assert_eq!((index_rows(dir.path()).await, schema(dir.path()).await), (1, (2, 0)));
}

#[tokio::test]
async fn a_group_behind_one_that_failed_writes_no_more_rows_than_it_adds() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 400).await;
    store.commit((0..900).map(to_another).collect()).await.expect("a commit");
    for number in 900..903 {
        let before = index_rows(dir.path()).await;
        store.commit((number..1_300).chain([0]).map(to_another).collect()).await.expect_err("an id that is there");
        store.commit(vec![to_another(number)]).await.expect("a commit");
        assert_eq!(index_rows(dir.path()).await, before + 1, "as many as it adds");
        store.commit(vec![Write::Alive { app: APP, at: AT }]).await.expect("a commit");
        assert_eq!(index_rows(dir.path()).await, before + 1, "what adds none writes none");
    }
    store.close().await;
    assert_eq!(index_rows(dir.path()).await, 903);
}

#[tokio::test]
async fn a_start_finds_no_more_than_two_rounds_whatever_the_keys() {
    const BEHIND: &str = "SELECT last_seq - first + 1 FROM owed JOIN app ON app.id = owed.app";
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 16).await;
    for number in 0..100 {
        store.commit((3 * number..3 * number + 3).map(to_another).collect()).await.expect("a commit");
        if number % 7 == 6 {
            let behind = value_of(dir.path(), BEHIND).await;
            assert!((16..=2 * 16 + 3).contains(&behind), "{behind} entries behind {number} groups");
        }
    }
}

#[tokio::test]
async fn a_few_rows_are_written_with_their_group_and_older_programs_are_not_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { index_rows_at_once: 3, ..owing(64, LONG) };
    let store = open_with(dir.path(), options).await;
    store.commit(vec![register(), notification(2)]).await.expect("a commit");
    store.commit(vec![notification(3), notification(4)]).await.expect("a commit");
    assert_eq!((index_rows(dir.path()).await, schema(dir.path()).await), (3, (2, 0)));
    store.commit(vec![notification(5)]).await.expect("a commit");
    assert_eq!((index_rows(dir.path()).await, schema(dir.path()).await), (3, (4, 1)));
    assert_eq!(waiting(&store).await, (vec![2, 3, 4, 5], 5));
}

#[tokio::test]
async fn a_start_that_ends_at_once_refuses_no_older_program() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(dir.path(), 64).await);
    assert_eq!(schema(dir.path()).await, (2, 0));
}

#[tokio::test]
async fn behind_a_period_nothing_is_owed_and_a_copy_is_one_for_older_programs() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open_with(dir.path(), owing(4_096, Duration::ZERO)).await;
    store.commit(vec![register()]).await.expect("a commit");
    for number in 0..3 {
        store.commit((300 * number..300 * (number + 1)).map(to_another).collect()).await.expect("a commit");
    }
    paid(dir.path()).await;
    assert_eq!(index_rows(dir.path()).await, 900);
    let mark = backup::copy(dir.path(), &dir.path().join("copy")).await.expect("a copy");
    assert_eq!(mark.schema, 2);
    store.commit(vec![notification(2)]).await.expect("a commit in another period");
    paid(dir.path()).await;
    assert_eq!(index_rows(dir.path()).await, 901);
}

#[tokio::test]
async fn what_was_owed_at_a_kill_is_written_without_another_write() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 4_096).await;
    store.commit((0..600).map(to_another).collect()).await.expect("a commit");
    drop(store);
    assert_eq!((index_rows(dir.path()).await, schema(dir.path()).await), (0, (4, 1)));
    let store = open_with(dir.path(), owing(4_096, Duration::ZERO)).await;
    paid(dir.path()).await;
    assert_eq!(index_rows(dir.path()).await, 600);
    drop(store);
}

#[tokio::test]
async fn a_device_that_waits_for_a_connection_is_read_as_it_is_then() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open_with(dir.path(), Options { readers: 1, ..owing(1, LONG) }).await;
    store.commit(vec![register(), notification(2)]).await.expect("a commit");
    let mut context = Context::from_waker(Waker::noop());
    // One that was answered at once holds no connection.
    let first = loop {
        let mut reading = Box::pin(store.device(PHONE));
        if reading.as_mut().poll(&mut context).is_pending() {
            break reading;
        }
    };
    let mut second = pin!(waiting(&store));
    assert!(second.as_mut().poll(&mut context).is_pending());
    for number in 0..9 {
        store.commit(vec![to_another(number)]).await.expect("a commit, and a round");
    }
    first.await.expect("an answer");
    assert_eq!(second.await, (vec![2], 2));
}

#[tokio::test]
async fn a_device_is_read_while_rounds_pass() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 1).await;
    store.commit(vec![register(), notification(2)]).await.expect("a commit");
    let mut reading = pin!(store.device(PHONE));
    let mut number = 0;
    let loaded = loop {
        if let Poll::Ready(loaded) = reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            break loaded.expect("an answer").expect("a device");
        }
        store.commit(vec![to_another(number)]).await.expect("a commit, and a round");
        number += 1;
        assert!(number < 1_000, "it is read again and again");
    };
    let own = AudienceKey::device(PHONE);
    let head = loaded.heads.iter().find(|(key, _)| *key == own).map(|(_, head)| head.newest.normal);
    assert_eq!(head, Some(2), "one that is too high would be kept, and read the log at each login");
}

#[tokio::test]
async fn what_was_swept_is_owed_to_no_index() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), 64).await;
    store.commit(vec![register(), notification(2), notification(3)]).await.expect("a commit");
    assert_eq!(store.sweep(APP, AT.plus_millis(1), 1).await.expect("a sweep"), 1);
    assert_eq!(waiting(&store).await, (vec![3], 3));
    assert_eq!(store.sweep(APP, AT.plus_millis(1), 10).await.expect("a sweep"), 2, "the last, and the phone's joining");
    assert_eq!(waiting(&store).await.0, Vec::<Seq>::new());
    store.close().await;
    assert_eq!(index_rows(dir.path()).await, 0);
}
