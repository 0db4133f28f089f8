//! The database is held against the store in memory.

use longwire_client::inbox::{Outcome, Snapshot, StoreError, Transaction};
use longwire_client_store::conformance::{
    Subject, does_what_the_store_in_memory_does, keeps_as_many_networks_as_there_is_room_for,
    stores_again_when_there_is_room,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::*;

struct OnDisk {
    runtime: Runtime,
    directory: TempDir,
    store: DeviceStore,
}

impl OnDisk {
    fn new() -> Self {
        Self::with(|options| options)
    }

    fn with(change: impl FnOnce(SqliteConnectOptions) -> SqliteConnectOptions) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let directory = TempDir::new().expect("a directory");
        let options = change(options(&directory.path().join("devices.sqlite")));
        let store = runtime.block_on(DeviceStore::open_with(&options)).expect("opens");
        Self { runtime, directory, store }
    }

    /// What another connection does to the database.
    fn act_outside(&self, statements: &'static str) {
        self.runtime.block_on(async {
            let options = SqliteConnectOptions::new().filename(self.directory.path().join("devices.sqlite"));
            let mut connection = SqliteConnection::connect_with(&options).await.expect("opens");
            sqlx::raw_sql(statements).execute(&mut connection).await.expect("is done");
            connection.close().await.expect("closes");
        });
    }
}

impl Subject for OnDisk {
    fn apply(&mut self, device: u32, step: Transaction) -> Result<Vec<Outcome>, StoreError> {
        self.runtime.block_on(self.store.apply(device, step))
    }

    fn load(&mut self, device: u32) -> Result<Snapshot, StoreError> {
        self.runtime.block_on(self.store.load(device))
    }

    fn reopen(&mut self) {
        let path = self.directory.path().join("devices.sqlite");
        self.store = self.runtime.block_on(DeviceStore::open(&path)).expect("opens again");
    }
}

#[test]
fn it_does_what_the_store_in_memory_does() {
    does_what_the_store_in_memory_does(OnDisk::new);
}

#[test]
fn it_keeps_as_many_networks_as_there_is_room_for() {
    keeps_as_many_networks_as_there_is_room_for(OnDisk::new());
}

#[test]
fn f28_it_stores_again_when_there_is_room() {
    // As many pages as the store may have are taken by another table, until that is dropped.
    let store = OnDisk::with(|options| options.pragma("max_page_count", "300"));
    store.act_outside("CREATE TABLE ballast (bytes); INSERT INTO ballast VALUES (zeroblob(300 * 4096))");
    stores_again_when_there_is_room(store, |store| store.act_outside("DROP TABLE ballast"));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("devices.sqlite");
    drop(DeviceStore::open(&path).await.expect("opens"));
    let options = SqliteConnectOptions::new().filename(&path);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("opens");
    sqlx::query("PRAGMA user_version = 2").execute(&mut connection).await.expect("writes");
    let refused = DeviceStore::open(&path).await.expect_err("a newer version");
    assert!(refused.to_string().contains("version 2"), "{refused}");
}

#[tokio::test]
async fn a_database_of_a_development_build_is_refused_with_what_mends_it() {
    for (old, part) in [
        ("ALTER TABLE reports DROP COLUMN reason", "`reports` lacks `reason`"),
        ("ALTER TABLE reports ADD COLUMN more TEXT", "`reports` has `more`"),
        ("DROP INDEX reports_action", "`reports` lacks `reports_action`"),
        ("DROP TABLE networks", "`networks` lacks"),
    ] {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("devices.sqlite");
        drop(DeviceStore::open(&path).await.expect("opens"));
        drop(DeviceStore::open(&path).await.expect("opens what it has made"));
        let options = SqliteConnectOptions::new().filename(&path);
        let mut connection = SqliteConnection::connect_with(&options).await.expect("opens");
        sqlx::query(old).execute(&mut connection).await.expect("changes");
        let refused = DeviceStore::open(&path).await.expect_err("other tables");
        let asked = known::read(&path, 1, "n1").await.expect_err("other tables");
        for error in [refused, asked] {
            let text = std::error::Error::source(&error).expect("it says why").to_string();
            assert!(text.contains(part) && text.contains("move the data directory away"), "{text}");
        }
    }
}
