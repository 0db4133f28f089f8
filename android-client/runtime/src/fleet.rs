//! Many devices in one process, sharing database, screens, TLS and stdout.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use longwire_client::{AppKey, Event, Target, TlsMode};
use longwire_driver::notes::Notes;
use longwire_protocol::Jid;
use tokio::sync::{OnceCell, mpsc, watch};
use tokio::task::JoinSet;

use crate::device::{Shared, device};
use crate::output::Printer;
use crate::resolve::Resolver;
use crate::rim::{BootClock, random_hex};
use crate::screen::Screens;
use crate::store::{DeviceStore, OpenError};
use crate::tls::Tls;

/// Commands that wait for one device; more are refused.
const COMMANDS: usize = 16;

/// How TLS begins, as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsChoice {
    /// Direct TLS; STARTTLS when the port does not speak TLS.
    Auto,
    /// Direct TLS only.
    Direct,
    /// STARTTLS only.
    StartTls,
}

impl TlsChoice {
    /// How TLS begins at a server that is named.
    pub(crate) const fn first(self) -> TlsMode {
        match self {
            Self::Auto | Self::Direct => TlsMode::Direct,
            Self::StartTls => TlsMode::StartTls,
        }
    }

    /// The services to look for.
    pub(crate) fn services(self) -> Vec<TlsMode> {
        match self {
            Self::Auto => vec![TlsMode::Direct, TlsMode::StartTls],
            Self::Direct => vec![TlsMode::Direct],
            Self::StartTls => vec![TlsMode::StartTls],
        }
    }
}

/// How a device misbehaves or not, for tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// So long after it came online the connection is dropped without a word, every time.
    pub drop_after: Option<Duration>,
    /// Acknowledgements are held back for so long.
    pub lag: Duration,
    /// Acknowledgements are never sent.
    pub no_ack: bool,
    /// Each hand-over is reported as displayed.
    pub report_displayed: bool,
}

/// What all devices of a process are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The server's host and port; `None`: found by the domain alone.
    pub server: Option<(String, u16)>,
    /// Whether SRV records of the domain are asked for before a server that is named.
    pub is_srv_first: bool,
    /// The XMPP domain.
    pub domain: Jid,
    /// How TLS begins.
    pub tls: TlsChoice,
    /// The app's key, with which they register.
    pub app_key: Option<AppKey>,
    /// Where database and screens are.
    pub data_dir: PathBuf,
    /// How many devices.
    pub count: u32,
    /// How many devices start per second.
    pub start_rate: u32,
    /// A fixed heartbeat; none adapts it to the network.
    pub heartbeat: Option<Duration>,
    /// The name of the network that the devices are in, if they know it.
    pub network: Option<String>,
    /// How they behave.
    pub behaviour: Behaviour,
}

impl Options {
    /// Whether nobody named a server and no record did: a target is the domain itself.
    pub(crate) fn is_domain_alone(&self, target: &Target) -> bool {
        self.server.is_none() && target.host == self.domain.to_string()
    }

    /// Whether it is still to be found out what a target speaks: a record says it, the name of a server does not.
    pub(crate) fn is_spoken_unknown(&self, target: &Target) -> bool {
        let is_named = self.server.as_ref().is_some_and(|(host, port)| *host == target.host && *port == target.port);
        self.tls == TlsChoice::Auto && is_named
    }
}

/// Why the devices cannot run.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The data directory cannot be used.
    #[error("cannot use the data directory {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error("another longwire-device uses the data directory {0}")]
    InUse(PathBuf),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// A command for one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Which device.
    pub device: u32,
    /// What happens on it.
    pub event: Event,
}

/// Runs devices until `stop` is set, and then until what they had under way is on disk.
///
/// # Errors
/// When the data directory cannot be used.
pub async fn run(
    options: Options,
    tls: Tls,
    resolver: Arc<dyn Resolver>,
    printer: Printer,
    mut commands: mpsc::Receiver<Command>,
    stop: watch::Receiver<bool>,
) -> Result<(), FleetError> {
    let directory = |source| FleetError::Directory { path: options.data_dir.clone(), source };
    std::fs::create_dir_all(&options.data_dir).map_err(directory)?;
    let lock = std::fs::File::create(options.data_dir.join("lock")).map_err(directory)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Err(FleetError::InUse(options.data_dir)),
        Err(std::fs::TryLockError::Error(error)) => return Err(directory(error)),
    }
    let store = DeviceStore::open(&options.data_dir.join("devices.sqlite")).await?;
    let notes = Notes::open(&options.data_dir.join("notes")).map_err(directory)?;
    let screens = Screens::start(&options.data_dir).map_err(FleetError::Thread)?;
    let shared = Arc::new(Shared {
        spoken: OnceCell::new(),
        process: random_hex(),
        clock: BootClock::new(),
        store,
        notes,
        screens,
        printer,
        tls,
        resolver,
        options,
    });
    let mut devices = JoinSet::new();
    let mut senders = Vec::new();
    let pace = Duration::from_secs(1) / shared.options.start_rate.max(1);
    let mut starting = tokio::time::interval(pace);
    let mut stopping = stop.clone();
    loop {
        let started = u32::try_from(senders.len()).unwrap_or(u32::MAX);
        tokio::select! {
            _ = starting.tick(), if started < shared.options.count && !*stop.borrow() => {
                let (sender, receiver) = mpsc::channel(COMMANDS);
                senders.push(sender);
                devices.spawn(device(started, Arc::clone(&shared), receiver, stop.clone()).run());
            }
            Some(command) = commands.recv() => {
                let sender = usize::try_from(command.device).ok().and_then(|index| senders.get(index));
                let count = shared.options.count;
                match sender.map(|sender| sender.try_send(command.event)) {
                    Some(Ok(())) => {}
                    Some(Err(_)) => Printer::refuse(command.device, "cannot take a command now"),
                    None if command.device < count => Printer::refuse(command.device, "has not started yet"),
                    None => Printer::refuse(command.device, &format!("there is none; --count is {count}, numbered from 0")),
                }
            }
            _ = stopping.wait_for(|stop| *stop) => break,
        }
    }
    while devices.join_next().await.is_some() {}
    drop(lock);
    Ok(())
}
