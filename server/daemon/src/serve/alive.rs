//! Notes now and then that the server runs: after a crash that is how its end is known.

use std::sync::Arc;
use std::time::Duration;

use longwire_core::Core;
use tokio::sync::watch;
use tokio::time::sleep;

/// How exactly the end of a server that died is known, at the cost of one small write.
const PERIOD: Duration = Duration::from_secs(30);

/// Notes it until `stop` says true.
pub(super) async fn run(core: Arc<Core>, mut stop: watch::Receiver<bool>) {
    let noting = async {
        loop {
            core.note_alive();
            sleep(PERIOD).await;
        }
    };
    tokio::select! {
        () = noting => (),
        _ = stop.wait_for(|is_stopping| *is_stopping) => (),
    }
}
