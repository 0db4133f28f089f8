//! A disk that is full, a database that somebody else holds, a caller that goes away: nothing is half written, and it passes.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use longwire_model::entry::{Content, Routing};
use longwire_model::{AppId, AudienceKey, EntryId, EntryKind, Lane, Timestamp};
use longwire_store::{Store, StoreError, Write, Written};
use longwire_store_sqlite::{FILE, Options, SqliteStore};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

const APP: AppId = AppId::DEFAULT;

fn notification(number: u128, bytes: usize) -> Write {
    let routing =
        Routing { audience: [AudienceKey::all()].into(), lane: Lane::Normal, expires_at: Timestamp::from_millis(100) };
    let payload: Arc<str> = "x".repeat(bytes).into();
    let kind = EntryKind::Notification(Content { routing, filter: None, collapse_key: None, payload });
    let id = EntryId::from_bytes(number.to_be_bytes());
    Write::Append { app: APP, id, at: Timestamp::from_millis(1), kind, idempotency: None }
}

async fn last(store: &SqliteStore) -> u64 {
    store.head(APP).await.expect("the head").last
}

/// Appends until the store is full; gives how many were taken.
async fn fill(store: &SqliteStore) -> u128 {
    for number in 1..10_000 {
        match store.commit(vec![notification(number, 20_000)]).await {
            Ok(_) => {}
            Err(StoreError::Unavailable(_)) => return number - 1,
            Err(error @ StoreError::Fatal(_)) => unreachable!("a full disk is not fatal: {error}"),
        }
    }
    unreachable!("it never was full")
}

#[tokio::test]
async fn f05_a_full_database_refuses_writes_still_reads_and_recovers() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { pages_max: Some(200), ..Options::default() };
    let store = SqliteStore::open(dir.path(), options).await.expect("a store");
    let taken = fill(&store).await;
    assert!(taken > 0);
    let group = vec![notification(90_001, 10), notification(90_002, 200_000)];
    assert!(matches!(store.commit(group).await, Err(StoreError::Unavailable(_))));
    assert_eq!(u128::from(last(&store).await), taken, "nothing of a failed group is there");
    let first = EntryId::from_bytes(1_u128.to_be_bytes());
    assert!(store.entry(APP, first).await.expect("an answer").is_some());
    assert!(store.sweep(APP, Timestamp::from_millis(200), 10).await.expect("a sweep") > 0);
    let written = store.commit(vec![notification(90_003, 20_000)]).await.expect("space again");
    assert!(matches!(written.first(), Some(Written::Appended(entry)) if u128::from(entry.seq) == taken + 1));
}

/// As [`notification`], each to a user of its own.
fn to_another(number: u128) -> Write {
    let mut write = notification(number, 10);
    if let Write::Append { kind: EntryKind::Notification(content), .. } = &mut write {
        content.routing.audience = [AudienceKey::user(&format!("user-{number}")).expect("a name")].into();
    }
    write
}

#[tokio::test]
async fn f05_small_writes_go_on_where_large_ones_do_not_fit_however_much_indexes_are_owed() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options {
        pages_max: Some(1_000),
        index_rows_max: 4_000,
        index_rows_at_once: 0,
        index_period: Duration::from_secs(3_600),
        ..Options::default()
    };
    let store = SqliteStore::open(dir.path(), options).await.expect("a store");
    for group in 0..8 {
        let numbers = (100_000 + group * 500)..(100_500 + group * 500);
        store.commit(numbers.map(to_another).collect()).await.expect("a commit");
    }
    fill(&store).await;
    for number in 200_000..200_020 {
        let refused = store.commit(vec![notification(300_000, 40_000)]).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        store.commit(vec![to_another(number)]).await.expect("a small write");
    }
}

/// A file system in memory that is gone with the test.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(path).output();
        done.is_ok_and(|output| output.status.success()).then_some(Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let done = Command::new("umount").arg("--lazy").arg(self.0).status();
        assert!(done.is_ok_and(|status| status.success()), "the file system stays mounted");
    }
}

#[tokio::test]
async fn f05_a_full_disk_refuses_writes_still_reads_and_recovers() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(disk) = SmallDisk::mount(dir.path()) else {
        println!("skipped: mounting a tmpfs takes root");
        return;
    };
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![0; 1_000_000]).expect("ballast");
    // The write-ahead log is not carried over meanwhile, which would make room in it.
    let options = Options { checkpoint_bytes: 1_000_000_000, ..Options::default() };
    let store = SqliteStore::open(disk.0, options).await.expect("a store");
    let taken = fill(&store).await;
    assert!(taken > 0);
    for _ in 0..3 {
        let refused = store.commit(vec![notification(90_002, 200_000)]).await;
        assert!(matches!(&refused, Err(error) if error.is_retryable()), "{refused:?}");
        assert_eq!(u128::from(last(&store).await), taken);
    }
    // Each time that it is written that the server runs takes a page, as long as it is another instant: what makes sure that there is room.
    let mut probes = 0;
    while store.commit(vec![Write::Alive { app: APP, at: Timestamp::from_millis(probes) }]).await.is_ok() {
        probes += 1;
        assert!(probes < 16, "small writes go on where large ones do not");
    }
    std::fs::remove_file(&ballast).expect("space again");
    store.commit(vec![notification(90_003, 20_000)]).await.expect("a commit");
    assert_eq!(u128::from(last(&store).await), taken + 1);
    store.close().await;
}

#[tokio::test]
async fn a_database_that_somebody_else_holds_is_unavailable_until_it_is_let_go() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { busy_timeout: Duration::from_millis(20), ..Options::default() };
    let store = SqliteStore::open(dir.path(), options).await.expect("a store");
    let other = SqliteConnectOptions::new().filename(dir.path().join(FILE));
    let mut other = SqliteConnection::connect_with(&other).await.expect("another connection");
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.expect("the lock");
    for number in 1..4 {
        let failed = store.commit(vec![notification(number, 10)]).await;
        assert!(matches!(&failed, Err(error) if error.is_retryable()), "{failed:?}");
    }
    assert_eq!(last(&store).await, 0);
    sqlx::query("ROLLBACK").execute(&mut other).await.expect("the lock's end");
    store.commit(vec![notification(1, 10)]).await.expect("a commit");
    assert_eq!(last(&store).await, 1);
}

/// A caller may stop waiting at any step of a group: it is there as a whole or not at all, and the next one is written.
#[tokio::test]
async fn a_commit_that_is_abandoned_at_any_step_is_whole_or_absent() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = SqliteStore::open(dir.path(), Options::default()).await.expect("a store");
    for steps in 0..40_u32 {
        let before = last(&store).await;
        let base = u128::from(steps) * 10;
        {
            let mut commit = pin!(store.commit(vec![notification(base + 1, 10), notification(base + 2, 10)]));
            for _ in 0..steps {
                if let Poll::Ready(done) = commit.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    done.expect("the commit");
                    break;
                }
                // Lets SQLite's thread answer: a read takes a turn of another one.
                last(&store).await;
            }
        }
        store.commit(vec![notification(base + 3, 10)]).await.expect("the next commit");
        let added = last(&store).await - before;
        assert!(added == 1 || added == 3, "{added} entries after {steps} steps");
    }
}

#[tokio::test]
async fn the_log_is_carried_over_into_the_database_while_it_is_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { checkpoint_bytes: 100_000, ..Options::default() };
    let store = SqliteStore::open(dir.path(), options).await.expect("a store");
    let size = || std::fs::metadata(dir.path().join(FILE)).expect("the database").len();
    let before = size();
    let mut number = 0;
    while size() < before + 100_000 {
        number += 1;
        assert!(number < 100_000, "nothing was carried over");
        store.commit(vec![notification(number, 20_000)]).await.expect("a commit");
    }
    assert_eq!(u128::from(last(&store).await), number);
}
