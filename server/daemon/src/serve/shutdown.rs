//! The end: on a signal everything is finished in order; on a failed store everybody is told, and nothing is waited for.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
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

use super::reload::Reload;

/// How long requests in flight are waited for, then clients of XMPP; with the store's end after them less than ten seconds.
const REQUESTS_WAIT: Duration = Duration::from_secs(4);
const STREAMS_WAIT: Duration = Duration::from_secs(4);
/// How often the store is asked whether it still works.
const STORE_PERIOD: Duration = Duration::from_millis(250);
/// How long streams, then requests, are waited for once the store has failed.
const FAILED_STREAMS_WAIT: Duration = Duration::from_secs(2);
const FAILED_REQUESTS_WAIT: Duration = Duration::from_secs(1);
/// The exit status of a server whose store has failed: that of `EX_IOERR`. What looks after it starts it anew.
const FAILED: i32 = 74;
/// The exit code after a second signal, as of a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// SIGTERM, SIGINT and SIGHUP, caught from before anything starts.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        let of = |kind| signal(kind).context("signals cannot be caught");
        Ok(Self {
            term: of(SignalKind::terminate())?,
            int: of(SignalKind::interrupt())?,
            hup: of(SignalKind::hangup())?,
        })
    }

    /// The next that asks for the end; `on_hup` is called for each that asks for something else.
    async fn next(&mut self, on_hup: impl Fn()) -> &'static str {
        loop {
            let hup = tokio::select! {
                signal = Self::end(&mut self.term, &mut self.int) => return signal,
                hup = self.hup.recv() => hup,
            };
            match hup {
                Some(()) => on_hup(),
                None => return Self::end(&mut self.term, &mut self.int).await,
            }
        }
    }

    async fn end(term: &mut Signal, int: &mut Signal) -> &'static str {
        tokio::select! {
            Some(()) = term.recv() => "SIGTERM",
            Some(()) = int.recv() => "SIGINT",
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
    pub reload: Arc<Reload>,
    pub data_dir: DataDir,
    pub lock: Lock,
}

impl Running {
    /// Serves until a signal asks for the end; where the store fails it ends the process.
    pub(super) async fn until_the_end(self, mut signals: Signals, log: Guard) {
        let signal = tokio::select! {
            signal = signals.next(|| self.reload.run_and_tell()) => signal,
            why = self.store_failure() => {
                let _held = self.fail(&why).await;
                drop(log);
                std::process::exit(FAILED);
            }
        };
        tracing::info!(signal, "stopping: finishing requests, asking clients to come back later");
        tokio::select! {
            () = self.drain() => (),
            signal = signals.next(|| ()) => {
                tracing::warn!(signal, "stopping at once");
                drop(log);
                std::process::exit(INTERRUPTED);
            }
        }
        tracing::info!("stopped");
    }

    async fn store_failure(&self) -> String {
        let mut period = interval(STORE_PERIOD);
        loop {
            period.tick().await;
            if let Some(why) = self.engine.core.failure() {
                return why;
            }
        }
    }

    /// The store has failed: a sync is never tried again as if it had not, since the system may have dropped what it could not write.
    /// Clients are told to come back, requests that something has failed; of the store nothing is asked any more, not even its end: it is
    /// given back to be held until the process ends.
    async fn fail(self, why: &str) -> (Engine, Lock) {
        tracing::error!(
            why,
            status = FAILED,
            "the store has failed and the server ends: what was accepted is on disk; look at the disk, and start the server again, which \
             checks the database (a damaged one: restore a backup)"
        );
        let Self { api, net, engine, mut servers, stop, data_dir, lock, .. } = self;
        api.drain();
        data_dir.note_failure(why);
        if tokio::task::spawn_blocking(move || net.shut_down(FAILED_STREAMS_WAIT)).await.is_err() {
            tracing::error!("ending the streams panicked");
        }
        stop.send_replace(true);
        if timeout(FAILED_REQUESTS_WAIT, async { while servers.join_next().await.is_some() {} }).await.is_err() {
            servers.abort_all();
        }
        (engine, lock)
    }

    /// Ends in the order of dependence: requests need the workers, the workers need the log, the log needs the store.
    async fn drain(self) {
        let Self { api, net, engine, mut servers, stop, data_dir, lock, .. } = self;
        api.drain();
        stop.send_replace(true);
        let finished = async {
            while servers.join_next().await.is_some() {}
            api.finished().await;
        };
        if timeout(REQUESTS_WAIT, finished).await.is_err() {
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
