//! Copies of a database that is written to, and what a damaged copy is taken for.

use std::fs;
use std::path::Path;

use longwire_model::{AppId, EntryId, GenerationId, Timestamp};
use longwire_store::{Store, Write};
use longwire_store_sqlite::backup::{copy, verify};
use longwire_store_sqlite::{FILE, OpenError, Options, SqliteStore};

const APP: AppId = AppId::DEFAULT;

fn generation(number: u64) -> Write {
    let entry = EntryId::from_bytes(u128::from(number).to_be_bytes());
    Write::Generation { app: APP, id: GenerationId(number), entry, at: Timestamp::from_millis(0) }
}

async fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(dir, Options::default()).await.expect("a store")
}

#[tokio::test]
async fn f27_a_copy_is_one_state_of_a_store_that_is_written_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    store.commit(vec![generation(1)]).await.expect("a commit");
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        for number in 2..200 {
            writer.commit(vec![generation(number)]).await.expect("a commit beside the copy");
        }
    });
    let before = store.head(APP).await.expect("the head").last;
    let to = dir.path().join("copy");
    fs::create_dir(&to).expect("a directory");
    let mark = copy(dir.path(), &to.join(FILE)).await.expect("a copy");
    let after = store.head(APP).await.expect("the head").last;
    assert!(before <= mark.last && mark.last <= after, "{before} {mark:?} {after}");
    writing.await.expect("written");
    let copied = open(&to).await;
    assert_eq!(copied.head(APP).await.expect("the head").last, mark.last);
    assert_eq!(mark.generation, GenerationId(mark.last), "every position began a generation");
    copy(dir.path(), &to.join(FILE)).await.expect_err("nothing is written over");
}

#[tokio::test]
async fn f27_a_damaged_copy_and_a_foreign_database_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path()).await;
    store.commit((1..400).map(generation).collect()).await.expect("a commit");
    let whole = dir.path().join("whole");
    let mark = copy(dir.path(), &whole).await.expect("a copy");
    assert_eq!(verify(&whole).await.expect("whole"), mark);
    let mut bytes = fs::read(&whole).expect("the copy");
    let end = bytes.len() - 2 * 4096;
    bytes.get_mut(end..end + 4096).expect("a page").fill(0x5a);
    let damaged = dir.path().join("damaged");
    fs::write(&damaged, bytes).expect("the damage");
    assert!(matches!(verify(&damaged).await, Err(OpenError::Damaged { .. })));
    let empty = dir.path().join("empty");
    fs::write(&empty, b"").expect("a file");
    assert!(matches!(verify(&empty).await, Err(OpenError::Damaged { .. })));
    verify(&dir.path().join("none")).await.expect_err("nothing there");
}
