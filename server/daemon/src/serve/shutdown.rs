//! The end: on a signal everything is finished in order; on a failed store everything is dropped.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use longwire_api::Api;
use longwire_net::Net;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::data_dir::DataDir;
use crate::lock::Lock;
use crate::logging::Guard;
use crate::system::Engine;

/// How long requests in flight are waited for, then clients of XMPP; with the store's end after them less than ten seconds.
const REQUESTS_WAIT: Duration = Duration::from_secs(4);
const STREAMS_WAIT: Duration = Duration::from_secs(4);
/// How often the store is asked whether it still works.
const STORE_PERIOD: Duration = Duration::from_millis(500);
/// The exit code after a second signal, as of a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// SIGTERM and SIGINT, caught from before anything starts.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        let of = |kind| signal(kind).context("signals cannot be caught");
        Ok(Self { term: of(SignalKind::terminate())?, int: of(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            Some(()) = self.term.recv() => "SIGTERM",
            Some(()) = self.int.recv() => "SIGINT",
            else => pending().await,
        }
    }
}

/// A server that listens.
pub(super) struct Running {
    pub api: Arc<Api>,
    pub net: Net,
    pub engine: Engine,
    pub servers: JoinSet<()>,
    pub stop: watch::Sender<bool>,
    pub data_dir: DataDir,
    pub lock: Lock,
}

impl Running {
    /// Serves until a signal asks for the end, or the store fails.
    pub(super) async fn until_the_end(self, mut signals: Signals, log: Guard) -> anyhow::Result<()> {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = self.store_failure() => {
                bail!("the store has failed and the server stops: its log says why; what was accepted before is on disk");
            }
        };
        tracing::info!(signal, "stopping: finishing requests, asking clients to come back later");
        tokio::select! {
            () = self.drain() => (),
            signal = signals.next() => {
                tracing::warn!(signal, "stopping at once");
                drop(log);
                std::process::exit(INTERRUPTED);
            }
        }
        tracing::info!("stopped");
        Ok(())
    }

    async fn store_failure(&self) {
        let mut period = interval(STORE_PERIOD);
        while !self.engine.core.log.has_failed() {
            period.tick().await;
        }
    }

    /// Ends in the order of dependence: requests need the workers, the workers need the log, the log needs the store.
    async fn drain(self) {
        let Self { api, net, engine, mut servers, stop, data_dir, lock } = self;
        api.drain();
        stop.send_replace(true);
        if timeout(REQUESTS_WAIT, async { while servers.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!("some requests were not finished in time");
            servers.abort_all();
        }
        // Best effort: a socket that is left behind is replaced at the next start.
        drop(std::fs::remove_file(data_dir.control_socket()));
        if tokio::task::spawn_blocking(move || net.shut_down(STREAMS_WAIT)).await.is_err() {
            tracing::error!("ending the streams panicked");
        }
        engine.core.note_alive();
        engine.close().await;
        drop(lock);
    }
}
