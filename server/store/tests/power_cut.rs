//! The store in memory loses at a power cut what was not synced, and nothing else.

use std::sync::Arc;

use async_trait::async_trait;
use longwire_store::conformance::{PowerCut, WHOLE};
use longwire_store::{MemoryStore, Store};

/// Nothing is synced before it was answered.
struct Memory(Arc<MemoryStore>);

#[async_trait]
impl PowerCut for Memory {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0) as Arc<dyn Store>
    }

    async fn answered(&mut self) {
        self.0.sync();
    }

    async fn cut(&mut self, kept: u32) {
        if kept == WHOLE {
            self.0.sync();
        }
        self.0.crash();
    }
}

fn make() -> std::future::Ready<Memory> {
    std::future::ready(Memory(Arc::new(MemoryStore::unsynced())))
}

longwire_store::power_cut_conformance!(make);
