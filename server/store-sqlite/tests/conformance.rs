//! The embedded store passes the suite that every store passes.

use std::sync::Arc;

use longwire_store::Store;
use longwire_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

async fn make_with(options: Options) -> (Arc<dyn Store>, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = SqliteStore::open(dir.path(), options).await.expect("a store");
    (Arc::new(store), dir)
}

async fn make() -> (Arc<dyn Store>, TempDir) {
    make_with(Options::default()).await
}

longwire_store::conformance!(make);

/// With rows of indexes that are written later.
mod owing {
    use super::{Arc, Options, Store, TempDir, make_with};

    async fn make() -> (Arc<dyn Store>, TempDir) {
        make_with(Options { index_rows_at_once: 0, ..Options::default() }).await
    }

    longwire_store::conformance!(make);
}
