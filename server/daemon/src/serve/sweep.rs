//! Removes what ended longer ago than it is kept, a little at a time.

use std::sync::Arc;
use std::time::Duration;

use longwire_core::Core;
use longwire_model::AppId;
use tokio::sync::watch;
use tokio::time::sleep;

/// How often the store is swept.
const PERIOD: Duration = Duration::from_secs(10 * 60);
/// The pause between portions: writes of others go between them.
const PAUSE: Duration = Duration::from_millis(50);
/// Entries of one portion.
const PORTION: u32 = 500;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Sweeps until `stop` says true.
pub(super) async fn run(core: Arc<Core>, retention_days: u32, mut stop: watch::Receiver<bool>) {
    let sweeping = async {
        loop {
            sleep(PERIOD).await;
            if let Err(error) = sweep(&core, retention_days).await {
                tracing::warn!(%error, "old entries were not removed");
            }
            match core.remove_ownerless().await {
                Ok(0) => {}
                Ok(devices) => tracing::info!(devices, "removed devices of removed accounts that did not come back"),
                Err(error) => tracing::warn!(%error, "devices without an account were not removed"),
            }
        }
    };
    tokio::select! {
        () = sweeping => (),
        _ = stop.wait_for(|is_stopping| *is_stopping) => (),
    }
}

async fn sweep(core: &Core, retention_days: u32) -> Result<(), longwire_store::StoreError> {
    let before = core.env.now().plus_millis(-i64::from(retention_days) * DAY_MS);
    let mut total = 0;
    loop {
        let removed = core.store.sweep(AppId::DEFAULT, before, PORTION).await?;
        total += removed;
        core.log.raise_floor(core.store.floor(AppId::DEFAULT).await?);
        if removed < u64::from(PORTION) {
            break;
        }
        sleep(PAUSE).await;
    }
    if total > 0 {
        tracing::info!(entries = total, "removed old entries");
    }
    Ok(())
}
