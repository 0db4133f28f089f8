//! Power cuts: the database as it lay on disk, its write-ahead log cut anywhere behind what was answered.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use longwire_store::Store;
use longwire_store::conformance::{PowerCut, WHOLE};
use longwire_store_sqlite::{FILE, Options, SqliteStore};
use tempfile::TempDir;

/// A database, and the length of its log when everything in it had been answered.
struct Cut {
    dir: TempDir,
    store: SqliteStore,
    answered_bytes: u64,
    cuts: u32,
}

impl Cut {
    async fn open(dir: TempDir, cuts: u32) -> Self {
        let options = Options { index_rows_at_once: 0, ..Options::default() };
        let store = SqliteStore::open(dir.path(), options).await.expect("a store");
        let answered_bytes = log_bytes(dir.path());
        Self { dir, store, answered_bytes, cuts }
    }
}

fn log_path(dir: &Path) -> PathBuf {
    dir.join(format!("{FILE}-wal"))
}

fn log_bytes(dir: &Path) -> u64 {
    fs::metadata(log_path(dir)).map_or(0, |log| log.len())
}

#[async_trait]
impl PowerCut for Cut {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn answered(&mut self) {
        self.answered_bytes = log_bytes(self.dir.path());
    }

    async fn cut(&mut self, kept: u32) {
        // What a log loses behind its end is not there, or is there as zeros: either is seen after a power cut.
        let next = tempfile::tempdir().expect("a directory");
        fs::copy(self.dir.path().join(FILE), next.path().join(FILE)).expect("a copy of the database");
        let log = fs::read(log_path(self.dir.path())).expect("its log");
        let written_bytes = log.len() as u64;
        let lost_bytes =
            written_bytes.checked_sub(self.answered_bytes).expect("the log was not carried over meanwhile");
        let kept_bytes = self.answered_bytes + lost_bytes * u64::from(kept) / u64::from(WHOLE);
        let log_there = log.get(..usize::try_from(kept_bytes).expect("a short log")).expect("a part of it");
        fs::write(log_path(next.path()), log_there).expect("a copy of the log");
        self.cuts += 1;
        if self.cuts.is_multiple_of(2) {
            let file = fs::File::options().write(true).open(log_path(next.path())).expect("the copy");
            file.set_len(written_bytes).expect("zeros behind it");
        }
        let cuts = self.cuts;
        *self = Self::open(next, cuts).await;
    }
}

async fn make() -> Cut {
    Cut::open(tempfile::tempdir().expect("a directory"), 0).await
}

longwire_store::power_cut_conformance!(make);
