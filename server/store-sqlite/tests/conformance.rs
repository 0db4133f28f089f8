//! The embedded store passes the suite that every store passes.

use std::sync::Arc;

use longwire_store::Store;
use longwire_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

async fn make() -> (Arc<dyn Store>, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = SqliteStore::open(dir.path(), Options::default()).await.expect("a store");
    (Arc::new(store), dir)
}

longwire_store::conformance!(make);
