//! When what is owed is written that no group writes: behind each period in which rows were added.

use std::sync::{Arc, Weak};
use std::time::Duration;

use longwire_store::StoreError;

use super::Owed;
use crate::writer::Writer;
use crate::{Inner, WRITE_BYTES};

/// Writes what is owed behind each period, until the store is gone, closed or failed.
pub(crate) async fn run(store: Weak<Inner>, owed: Arc<Owed>, period: Duration) {
    let mut failures: u32 = 0;
    loop {
        owed.begun.notified().await;
        tokio::time::sleep(period).await;
        let Some(store) = store.upgrade().filter(|store| store.failure.reason().is_none()) else { return };
        match pay(&store, &owed).await {
            Ok(()) => failures = 0,
            Err(error) => {
                if store.failure.is_closed() {
                    return;
                }
                failures = failures.saturating_add(1);
                tell(&error, failures);
                if !error.is_retryable() {
                    return;
                }
                owed.begin();
            }
        }
    }
}

/// Writes all in parts, between which groups are written.
async fn pay(store: &Inner, owed: &Owed) -> Result<(), StoreError> {
    owed.end_period();
    while let Some(rows) = store.writer.run(Writer::pay).await? {
        store.count(rows as u64 * WRITE_BYTES);
    }
    Ok(())
}

/// A disk that is full refuses each part: a line for each would fill what is left of it.
fn tell(error: &StoreError, failures: u32) {
    if !error.is_retryable() {
        tracing::error!(%error, "what indexes are owed is not written");
    } else if failures.is_power_of_two() {
        tracing::warn!(%error, failures, "what indexes are owed is not written for now");
    }
}
