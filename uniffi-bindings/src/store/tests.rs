//! The store over a platform's database is held against the store in memory.

use longwire_client_store::conformance::{
    Subject, does_what_the_store_in_memory_does, keeps_as_many_networks_as_there_is_room_for,
    stores_again_when_there_is_room,
};
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::platform_for_tests::FakePlatform;

struct OverPlatform {
    runtime: Runtime,
    platform: Arc<dyn Platform>,
    store: Store,
}

impl OverPlatform {
    fn new() -> Self {
        let platform: Arc<dyn Platform> = FakePlatform::new();
        let (store, _) = Store::open(&platform).expect("opens");
        Self { runtime: Builder::new_current_thread().build().expect("a runtime"), platform, store }
    }
}

/// A phone has one device; for another one nothing is stored.
impl Subject for OverPlatform {
    fn apply(&mut self, _device: u32, step: Transaction) -> Result<Vec<Outcome>, StoreError> {
        self.runtime.block_on(self.store.apply(step))
    }

    fn load(&mut self, device: u32) -> Result<Snapshot, StoreError> {
        if device == 4 { Ok(Snapshot::default()) } else { self.runtime.block_on(self.store.load()) }
    }

    fn reopen(&mut self) {
        self.store = Store::open(&self.platform).expect("opens again").0;
    }
}

#[test]
fn it_does_what_the_store_in_memory_does() {
    does_what_the_store_in_memory_does(OverPlatform::new);
}

#[test]
fn it_keeps_as_many_networks_as_there_is_room_for() {
    keeps_as_many_networks_as_there_is_room_for(OverPlatform::new());
}

#[test]
fn f28_it_stores_again_when_there_is_room() {
    let store = OverPlatform::new();
    // The fewest that can be said are those that it has.
    let limit = |store: &OverPlatform, pages: u32| {
        store.platform.query(format!("PRAGMA max_page_count = {pages}"), Vec::new()).expect("a limit");
    };
    limit(&store, 1);
    stores_again_when_there_is_room(store, |store| limit(store, 1_000_000));
}
