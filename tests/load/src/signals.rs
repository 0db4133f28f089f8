//! What asks the harness to end before it is done.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and SIGTERM, from when this is made.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes them from the kernel.
    ///
    /// # Errors
    /// It refuses.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let take = |kind| signal(kind).context("failed to take signals");
        Ok(Self { interrupt: take(SignalKind::interrupt())?, terminate: take(SignalKind::terminate())? })
    }

    /// Waits for one; gives its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::Signals;

    #[tokio::test]
    async fn a_signal_does_not_end_the_process_and_is_named() {
        let mut signals = Signals::new().expect("signals can be taken");
        for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "Ctrl-C")] {
            kill_process(getpid(), signal).expect("a process may signal itself");
            assert_eq!(signals.next().await, name);
        }
    }
}
