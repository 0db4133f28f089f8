//! What happens when a data directory is opened: again, by an older program, damaged, with a torn log.

use std::fs;
use std::path::Path;

use longwire_model::{Account, AppId, Timestamp};
use longwire_store::{Store, StoreError, Write};
use longwire_store_sqlite::{FILE, OpenError, Options, SqliteStore};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

async fn open(dir: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(dir, Options::default()).await
}

fn account(name: &str) -> Write {
    Write::AddAccount(Account {
        name: name.to_owned(),
        salt: vec![1; 200],
        iterations: 1,
        stored_key: [0; 32],
        server_key: [0; 32],
        created_at: Timestamp::from_millis(0),
        is_disabled: false,
        app_key: None,
    })
}

async fn names(store: &SqliteStore) -> Vec<String> {
    let accounts = store.accounts(None, 10_000).await.expect("accounts");
    accounts.into_iter().map(|account| account.name).collect()
}

async fn by_hand(dir: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(dir.join(FILE));
    let mut conn = SqliteConnection::connect_with(&options).await.expect("a connection");
    sqlx::raw_sql(sql).execute(&mut conn).await.expect("the statement");
    conn.close().await.expect("closed");
}

#[tokio::test]
async fn everything_is_there_again_with_and_without_a_close() {
    let dir = tempfile::tempdir().expect("a directory");
    let nested = dir.path().join("made/on/the/way");
    let store = open(&nested).await.expect("a store");
    store.commit(vec![account("a")]).await.expect("a commit");
    store.close().await;
    assert!(matches!(store.commit(vec![account("z")]).await, Err(StoreError::Fatal(_))));
    let store = open(&nested).await.expect("the store again");
    store.commit(vec![account("b")]).await.expect("a commit");
    drop(store);
    let store = open(&nested).await.expect("the store again");
    assert_eq!(names(&store).await, ["a", "b"]);
}

#[tokio::test]
async fn a_close_leaves_no_log_however_much_was_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let store =
        SqliteStore::open(dir.path(), Options { checkpoint_bytes: 1, ..Options::default() }).await.expect("a store");
    for number in 0..50 {
        store.commit(vec![account(&number.to_string())]).await.expect("a commit");
    }
    store.close().await;
    assert!(!dir.path().join(format!("{FILE}-wal")).exists());
}

#[tokio::test]
async fn f06_a_start_carries_over_what_a_killed_process_left_in_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await.expect("a store");
    store.commit(vec![account("a")]).await.expect("a commit");
    assert!(store.failure().is_none());
    let copy = tempfile::tempdir().expect("a directory");
    for name in [FILE.to_owned(), format!("{FILE}-wal")] {
        fs::copy(dir.path().join(&name), copy.path().join(&name)).expect("a copy");
    }
    let store = open(copy.path()).await.expect("the store");
    let log = fs::metadata(copy.path().join(format!("{FILE}-wal"))).expect("the log").len();
    assert_eq!(log, 0, "nothing stands in the log any more that only memory may hold");
    assert_eq!(names(&store).await, ["a"]);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_naming_both_versions() {
    let dir = tempfile::tempdir().expect("a directory");
    open(dir.path()).await.expect("a store").close().await;
    by_hand(
        dir.path(),
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (7, 'x', 1, x'00', 0)",
    )
    .await;
    let refused = open(dir.path()).await.expect_err("a newer database");
    assert!(matches!(refused, OpenError::Newer { found: 7, known: 4, .. }), "{refused:?}");
    let text = refused.to_string();
    assert!(text.contains("version 7") && text.contains("version 4") && text.contains(FILE), "{text}");
}

async fn value_of(dir: &Path, sql: &'static str) -> i64 {
    let options = SqliteConnectOptions::new().filename(dir.join(FILE));
    let mut conn = SqliteConnection::connect_with(&options).await.expect("a connection");
    let value = sqlx::query_scalar(sql).fetch_one(&mut conn).await.expect("a value");
    conn.close().await.expect("closed");
    value
}

#[tokio::test]
async fn f26_what_a_newer_program_has_added_does_not_close_the_way_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await.expect("a store");
    store.commit(vec![account("a")]).await.expect("a commit");
    store.close().await;
    by_hand(
        dir.path(),
        "INSERT INTO addition (version, name, checksum) VALUES (99, 'x', x'00'); CREATE TABLE news (x INTEGER) STRICT; \
         ALTER TABLE account ADD COLUMN news INTEGER NOT NULL DEFAULT 7",
    )
    .await;
    let store = open(dir.path()).await.expect("a store that somebody has added to");
    store.commit(vec![account("b")]).await.expect("a commit");
    store.close().await;
    assert_eq!(value_of(dir.path(), "SELECT sum(news) FROM account").await, 14);
    assert_eq!(value_of(dir.path(), "SELECT count(*) FROM addition").await, 2, "what is not known is left alone");
}

#[tokio::test]
async fn f26_an_older_programs_database_gets_what_was_added_and_stays_open_to_it() {
    let dir = tempfile::tempdir().expect("a directory");
    open(dir.path()).await.expect("a store").close().await;
    by_hand(dir.path(), "DROP TABLE addition; ALTER TABLE androidpn_account DROP COLUMN is_disabled").await;
    open(dir.path()).await.expect("the older program's store").close().await;
    open(dir.path()).await.expect("the store again").close().await;
    let column = "SELECT count(*) FROM pragma_table_info('androidpn_account') WHERE name = 'is_disabled'";
    assert_eq!(value_of(dir.path(), column).await, 1);
    let newest = "SELECT max(version) FROM _sqlx_migrations";
    assert_eq!(value_of(dir.path(), newest).await, 2, "what an older program has to know is as it was");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_an_empty_one_is_made() {
    let dir = tempfile::tempdir().expect("a directory");
    let other = tempfile::tempdir().expect("a directory");
    for empty in [&dir, &other] {
        fs::write(empty.path().join(FILE), b"").expect("written");
    }
    open(dir.path()).await.expect("a store").close().await;
    by_hand(other.path(), "CREATE TABLE other (n INTEGER)").await;
    assert!(matches!(open(other.path()).await.expect_err("not ours"), OpenError::Unknown { .. }));
}

#[tokio::test]
async fn a_migration_or_an_addition_with_another_checksum_is_refused() {
    for (sql, expected) in
        [("UPDATE _sqlx_migrations SET checksum = x'00'", 1), ("UPDATE addition SET checksum = x'00'", 3)]
    {
        let dir = tempfile::tempdir().expect("a directory");
        open(dir.path()).await.expect("a store").close().await;
        by_hand(dir.path(), sql).await;
        let refused = open(dir.path()).await.expect_err("a foreign database");
        assert!(matches!(refused, OpenError::Foreign { version, .. } if version == expected), "{refused:?}");
    }
}

#[tokio::test]
async fn f04_a_file_that_is_no_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let garbage = vec![b'x'; 8192];
    fs::write(dir.path().join(FILE), &garbage).expect("a file");
    let refused = open(dir.path()).await.expect_err("garbage");
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}");
    assert!(!refused.to_string().contains('\n'));
    assert_eq!(fs::read(dir.path().join(FILE)).expect("the file"), garbage);
}

#[tokio::test]
async fn f04_a_damaged_page_is_refused_with_one_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await.expect("a store");
    store.commit((0..500).map(|n| account(&format!("account-{n}"))).collect()).await.expect("a commit");
    store.close().await;
    let path = dir.path().join(FILE);
    let mut bytes = fs::read(&path).expect("the database");
    let middle = bytes.len() - 3 * 4096;
    bytes.get_mut(middle..middle + 4096).expect("a page").fill(0x5a);
    fs::write(&path, bytes).expect("the damage");
    let refused = open(dir.path()).await.expect_err("damage");
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}");
    assert!(!refused.to_string().contains('\n'), "{refused}");
}

#[tokio::test]
async fn f04_a_torn_log_loses_its_tail_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let copy = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await.expect("a store");
    for name in ["a", "b", "c"] {
        store.commit(vec![account(name)]).await.expect("a commit");
    }
    let log = format!("{FILE}-wal");
    for name in [FILE, &log] {
        fs::copy(dir.path().join(name), copy.path().join(name)).expect("a copy");
    }
    let torn = fs::File::options().write(true).open(copy.path().join(&log)).expect("the log");
    let length = torn.metadata().expect("its length").len();
    torn.set_len(length - 100).expect("a torn log");
    let store = open(copy.path()).await.expect("the torn store");
    assert_eq!(names(&store).await, ["a", "b"]);
    store.commit(vec![account("d")]).await.expect("a commit");
    assert_eq!(names(&store).await, ["a", "b", "d"]);
}

#[tokio::test]
async fn a_store_that_met_damage_refuses_everything_afterwards() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await.expect("a store");
    store.commit((0..500).map(|n| account(&format!("account-{n}"))).collect()).await.expect("a commit");
    by_hand(dir.path(), "PRAGMA wal_checkpoint(TRUNCATE)").await;
    let path = dir.path().join(FILE);
    let mut bytes = fs::read(&path).expect("the database");
    bytes.get_mut(4096..).expect("the pages").fill(0x5a);
    fs::write(&path, bytes).expect("the damage");
    let failed = store.accounts(None, 10_000).await;
    assert!(matches!(failed, Err(StoreError::Fatal(_))), "{failed:?}");
    let refused = store.commit(vec![account("z")]).await;
    assert!(matches!(refused, Err(StoreError::Fatal(_))), "{refused:?}");
    assert!(store.failure().is_some());
    let refused = store.head(AppId::DEFAULT).await;
    assert!(matches!(refused, Err(StoreError::Fatal(_))), "{refused:?}");
}
