//! Carries out now and then what original androidpn clients have claimed faster than they may.

use std::sync::Arc;
use std::time::Duration;

use longwire_core::Core;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a claim waits at most once it may be carried out.
const PERIOD: Duration = Duration::from_secs(5);

/// Does so until `stop` says true; what waits then is carried out when the core is closed.
pub(super) async fn run(core: Arc<Core>, mut stop: watch::Receiver<bool>) {
    // An error is a period that has passed.
    while timeout(PERIOD, stop.wait_for(|is_stopping| *is_stopping)).await.is_err() {
        core.settle_claims().await;
    }
}
