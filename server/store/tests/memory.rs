//! The store in memory passes the suite, loses what a test wants it to lose, and comes back to old copies.

use std::sync::Arc;

use longwire_model::{Account, AppId, Timestamp};
use longwire_store::{MemoryStore, Store, StoreError, Write};

fn make() -> std::future::Ready<(Arc<dyn Store>, ())> {
    std::future::ready((Arc::new(MemoryStore::new()), ()))
}

longwire_store::conformance!(make);

fn account(name: &str) -> Write {
    Write::AddAccount(Account {
        name: name.to_owned(),
        salt: Vec::new(),
        iterations: 1,
        stored_key: [0; 32],
        server_key: [0; 32],
        created_at: Timestamp::from_millis(0),
        is_disabled: false,
        app_key: None,
    })
}

async fn names(store: &MemoryStore) -> Vec<String> {
    let accounts = store.accounts(None, 10).await.expect("accounts");
    accounts.into_iter().map(|account| account.name).collect()
}

#[tokio::test]
async fn a_crash_loses_what_was_not_synced() {
    let store = MemoryStore::unsynced();
    store.commit(vec![account("a")]).await.expect("a commit");
    store.sync();
    store.commit(vec![account("b")]).await.expect("a commit");
    store.commit(vec![account("c")]).await.expect("a commit");
    assert_eq!(names(&store).await, ["a", "b", "c"]);
    store.crash();
    assert_eq!(names(&store).await, ["a"]);
    store.crash();
    assert_eq!(names(&store).await, ["a"]);
}

#[tokio::test]
async fn a_crash_loses_nothing_of_a_store_that_syncs() {
    let store = MemoryStore::new();
    store.commit(vec![account("a")]).await.expect("a commit");
    store.crash();
    assert_eq!(names(&store).await, ["a"]);
}

#[tokio::test]
async fn an_old_copy_takes_the_place_of_everything() {
    let store = MemoryStore::new();
    store.commit(vec![account("a")]).await.expect("a commit");
    let copy = store.snapshot();
    store.commit(vec![account("b")]).await.expect("a commit");
    store.restore(&copy);
    store.crash();
    assert_eq!(names(&store).await, ["a"]);
}

#[tokio::test]
async fn an_unavailable_store_writes_nothing_and_still_reads() {
    let store = MemoryStore::new();
    store.set_unavailable(Some("full"));
    let failed = store.commit(vec![account("a")]).await;
    assert!(matches!(&failed, Err(error @ StoreError::Unavailable(_)) if error.is_retryable()), "{failed:?}");
    assert_eq!(store.head(AppId::DEFAULT).await.expect("the head").last, 0);
    store.set_unavailable(None);
    store.commit(vec![account("a")]).await.expect("a commit");
    assert_eq!(names(&store).await, ["a"]);
}
