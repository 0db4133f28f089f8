//! Listeners, TLS and the worker threads that drive client streams: one thread per core, each with its own poll, connections and shard.

#![forbid(unsafe_code)]

pub mod certificate;
pub mod client_ca;
mod exporter;
mod files;
mod handshakes;
mod inbox;
mod listener;
mod tls;
mod transport;
mod wheel;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use longwire_core::session_manager;
use longwire_core::{Core, Registration};
use longwire_protocol::jid::BareJid;
use longwire_router::Batch;
pub use longwire_worker::caps::CapLimits;
use longwire_worker::caps::Caps;
use longwire_worker::{Command as Told, Settings};
use tokio::runtime::Handle;

use certificate::{ALPN_XMPP, Certificate, CertificateError};
use client_ca::ClientCa;
use handshakes::Handshakes;
use inbox::{Command, Inbox};
use listener::{Acceptor, Listener, Stopper};
use worker::{Common, WorkerThread};

/// Bytes that a session may send in a second, unless told otherwise.
pub const SESSION_BYTES_PER_S: u32 = 512 * 1024;

/// What the network side is told at start.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// Where clients connect in plain TCP and upgrade by STARTTLS; none for no such listener.
    pub c2s: Option<SocketAddr>,
    /// Where clients connect by direct TLS; none for no such listener.
    pub c2s_tls: Option<SocketAddr>,
    /// The certificate of both.
    pub certificate: Certificate,
    /// Whose certificates clients show; none asks for none.
    pub client_ca: Option<ClientCa>,
    /// Whether logins (SCRAM) and registrations are admitted without TLS.
    pub plaintext: bool,
    /// Worker threads; 0 for one per core.
    pub workers: usize,
    /// What one address may take; its sessions are below.
    pub caps: CapLimits,
    /// Sessions that one address may have, 0 for any number; none for half of those that there are files and memory for, and any number
    /// for this machine itself.
    pub sessions_per_address: Option<u32>,
    /// Sessions that there is memory for, where that is known.
    pub sessions_max: Option<u32>,
    /// Milliseconds of silence after which a session without our extension is pinged.
    pub silence_ms: u64,
    /// Seconds over which clients are asked to spread their return after a shutdown.
    pub drain_spread_s: u32,
    /// Bytes that a session may send in a second; 0 for no limit.
    pub session_bytes_per_s: u32,
}

impl NetConfig {
    /// The defaults: both listeners on loopback.
    #[must_use]
    pub fn new(certificate: Certificate) -> Self {
        Self {
            c2s: Some(SocketAddr::from(([127, 0, 0, 1], 5222))),
            c2s_tls: Some(SocketAddr::from(([127, 0, 0, 1], 5223))),
            certificate,
            client_ca: None,
            plaintext: false,
            workers: 0,
            caps: CapLimits::default(),
            sessions_per_address: None,
            sessions_max: None,
            silence_ms: 300_000,
            drain_spread_s: 30,
            session_bytes_per_s: SESSION_BYTES_PER_S,
        }
    }
}

/// Why the network side did not start.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// An address cannot be listened on: taken, or not ours.
    #[error("failed to listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The configured domain is not a domain.
    #[error("{0:?} is not a domain that XMPP can serve")]
    Domain(String),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The machine gives no poll or thread.
    #[error("failed to start the threads of the connections")]
    Poll(#[source] io::Error),
}

/// The running network side.
pub struct Net {
    core: Arc<Core>,
    c2s: Option<SocketAddr>,
    c2s_tls: Option<SocketAddr>,
    stopper: Stopper,
    acceptor: JoinHandle<()>,
    inboxes: Vec<Arc<Inbox>>,
    workers: Vec<JoinHandle<()>>,
}

impl Net {
    /// Listens, and serves clients on threads of its own; `runtime` carries out what waits for the store. Takes the names of the
    /// workers to the core's session manager: once per core.
    ///
    /// # Errors
    /// [`NetError`]; nothing runs then.
    pub fn start(core: Arc<Core>, config: &NetConfig, runtime: Handle) -> Result<Self, NetError> {
        let files = files::raise_limit();
        files.into_iter().for_each(files::warn_of_few);
        let connections_max = files.map(files::for_connections);
        let c2s = config.c2s.map(|address| Listener::bind(address, false)).transpose()?;
        let c2s_tls = config.c2s_tls.map(|address| Listener::bind(address, true)).transpose()?;
        let addresses = [&c2s, &c2s_tls].map(|listener| listener.as_ref().map(Listener::address).transpose());
        let [c2s_address, c2s_tls_address] = addresses;
        let sessions = sessions_per_address(config.sessions_per_address, connections_max, config.sessions_max);
        let sessions_loopback = if config.sessions_per_address.is_some() { sessions } else { u32::MAX };
        let caps = Arc::new(Caps::new(CapLimits { sessions, sessions_loopback, ..config.caps }));
        let common = Common {
            settings: Settings {
                core: Arc::clone(&core),
                streams: Arc::new(stream_config(&core, config)?),
                drain_spread_s: config.drain_spread_s,
                session_bytes_per_s: config.session_bytes_per_s,
            },
            caps: Arc::clone(&caps),
            starttls: config.certificate.tls_for(&[], config.client_ca.as_ref())?,
            direct_tls: config.certificate.tls_for(&[ALPN_XMPP], config.client_ca.as_ref())?,
            handshakes: Arc::new(Handshakes::new()),
            runtime,
        };
        let count =
            if config.workers == 0 { thread::available_parallelism().map_or(1, usize::from) } else { config.workers };
        let made: Result<Vec<_>, io::Error> =
            (0..count).map(|index| WorkerThread::new(index, common.clone())).collect();
        let (workers, inboxes): (Vec<WorkerThread>, Vec<Arc<Inbox>>) =
            made.map_err(NetError::Poll)?.into_iter().unzip();
        let listeners = [c2s, c2s_tls].into_iter().flatten().collect();
        let accepting = Acceptor::new(listeners, inboxes.clone(), caps, Arc::clone(&core), connections_max);
        let (acceptor, stopper) = accepting.map_err(NetError::Poll)?;
        core.sessions
            .set_workers(inboxes.iter().map(|inbox| Arc::clone(inbox) as Arc<dyn session_manager::Worker>).collect());
        // What was committed while the workers were being named is behind them all.
        let (generation, from) = (core.log.generation(), core.log.last());
        for inbox in &inboxes {
            let batch = Batch { generation, from, entries: Arc::new([]) };
            inbox.push(Command::Worker(Told::Core(session_manager::Command::Announce(Arc::new(batch)))));
        }
        let workers: Result<Vec<_>, _> = workers
            .into_iter()
            .enumerate()
            .map(|(index, worker)| spawn(format!("c2s-{index}"), move || worker.run()))
            .collect();
        Ok(Self {
            core,
            c2s: c2s_address?,
            c2s_tls: c2s_tls_address?,
            stopper,
            acceptor: spawn("c2s-accept".to_owned(), move || acceptor.run())?,
            inboxes,
            workers: workers?,
        })
    }

    /// The address of the STARTTLS listener.
    #[must_use]
    pub const fn c2s(&self) -> Option<SocketAddr> {
        self.c2s
    }

    /// The address of the direct TLS listener.
    #[must_use]
    pub const fn c2s_tls(&self) -> Option<SocketAddr> {
        self.c2s_tls
    }

    /// Closes the listeners, then ends every stream with `system-shutdown` and a spread `<retry/>`. Blocks until the clients have
    /// closed too, and no longer than `at_most`.
    pub fn shut_down(self, at_most: Duration) {
        self.stopper.stop();
        join(self.acceptor);
        let at_most_ms = u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX);
        let until_ms = self.core.env.clock.mono_ms().saturating_add(at_most_ms);
        for inbox in &self.inboxes {
            inbox.push(Command::Worker(Told::Drain { until_ms }));
        }
        self.workers.into_iter().for_each(join);
    }
}

/// Sessions of one address: what is said, else half of what there is room for, so that no address takes all of it.
fn sessions_per_address(said: Option<u32>, files: Option<i64>, memory: Option<u32>) -> u32 {
    match said {
        Some(0) => u32::MAX,
        Some(max) => max,
        None => {
            let files = files.map(|files| u32::try_from(files).unwrap_or(if files < 0 { 0 } else { u32::MAX }));
            let room = files.into_iter().chain(memory).min();
            room.map_or(u32::MAX, |room| room.div_ceil(2))
        }
    }
}

fn stream_config(core: &Core, config: &NetConfig) -> Result<longwire_c2s::Config, NetError> {
    let domain = &core.config.domain;
    let jid = BareJid::new(domain).ok().filter(|jid| jid.node().is_none());
    let jid = jid.ok_or_else(|| NetError::Domain(domain.clone()))?;
    let mut streams = longwire_c2s::Config::new(jid, core.config.server_key);
    streams.plaintext = config.plaintext;
    streams.androidpn = core.config.androidpn.is_some();
    streams.registration = match core.config.registration {
        Registration::Open => longwire_c2s::Registration::Open,
        Registration::AppKey => longwire_c2s::Registration::AppKey,
        Registration::Closed => longwire_c2s::Registration::Closed,
    };
    streams.iterations = longwire_core::auth_manager::SCRAM_ITERATIONS;
    (streams.heartbeat_min_s, streams.heartbeat_max_s) = (core.config.heartbeat_min_s, core.config.heartbeat_max_s);
    streams.silence_ms = config.silence_ms;
    Ok(streams)
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, NetError> {
    thread::Builder::new().name(name).spawn(run).map_err(NetError::Poll)
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the connections has panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::sessions_per_address;

    #[test]
    fn an_address_has_half_of_what_there_is_room_for_unless_told() {
        assert_eq!(sessions_per_address(None, Some(18_976), None), 9_488);
        assert_eq!(sessions_per_address(None, Some(18_976), Some(1_000)), 500);
        assert_eq!(sessions_per_address(None, Some(1), None), 1);
        assert_eq!(sessions_per_address(None, None, None), u32::MAX);
        assert_eq!(sessions_per_address(Some(7), Some(2), Some(2)), 7);
        assert_eq!(sessions_per_address(Some(0), Some(2), Some(2)), u32::MAX);
    }
}
