//! `longwire serve`: puts the parts together, says where it listens, and takes them apart again.

mod alive;
mod claims;
mod first_start;
mod listeners;
mod memory;
mod registration;
mod reload;
mod shutdown;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use longwire_api::server::{Listener as HttpListener, serve};
use longwire_api::{AndroidpnConfig, Api, ApiConfig};
use longwire_net::certificate::Certificate;
use longwire_net::client_ca::ClientCa;
use longwire_net::{CapLimits, NetConfig};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::cli::ServeArgs;
use crate::configuration::{ClientCertificate, Configuration, check};
use crate::data_dir::DataDir;
use crate::lock::{self, Attempt, Holder, Lock};
use crate::system::{self, Engine, Originals};
use crate::{certificate, control, data_dir, logging, output, unfinished};
use reload::Reload;
use shutdown::Running;

/// How long a command that holds the lock is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The one line on standard output: it says where the server listens.
#[derive(Serialize)]
struct Ready {
    ready: bool,
    http: String,
    c2s: String,
    c2s_tls: String,
    certificate: String,
    /// The key of the first start, shown nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
}

pub(crate) async fn run(args: &ServeArgs, variables: &[(String, String)]) -> anyhow::Result<()> {
    let configuration = Arc::new(Configuration::resolve(args, variables)?);
    check::check(&configuration)?;
    if args.check {
        output::line(&check::describe(&configuration));
        return Ok(());
    }
    let log = logging::start(configuration.log_format, configuration.log_filter.as_deref())?;
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a part of the server panicked")));
    let signals = shutdown::Signals::listen()?;
    let data_dir = DataDir::create(&configuration.data_dir)?;
    let lock = take_lock(&data_dir).await?;
    unfinished::settle(&data_dir)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), data_dir = %data_dir.path().display(), "starting");
    let running = start(&configuration, &data_dir, lock, &log).await?;
    running.until_the_end(signals, log).await;
    Ok(())
}

/// The lock; a command is waited for, another server is not.
async fn take_lock(data_dir: &DataDir) -> anyhow::Result<Lock> {
    let holder = Holder::new("serve", system::now());
    let until = Instant::now() + LOCK_WAIT;
    loop {
        let attempt = lock::attempt(&data_dir.lock(), &holder);
        match attempt.map_err(|error| data_dir::explain(data_dir.path(), error))? {
            Attempt::Held(lock) => return Ok(lock),
            Attempt::Taken(Some(other)) if other.is_server() || Instant::now() >= until => {
                bail!(lock::refusal(data_dir.path(), Some(&other)));
            }
            Attempt::Taken(None) if Instant::now() >= until => bail!(lock::refusal(data_dir.path(), None)),
            Attempt::Taken(_) => sleep(LOCK_PAUSE).await,
        }
    }
}

/// Starts everything. Ports are taken before anything is told to the outside, and the log has its new generation before anything is
/// served (DESIGN rule 6).
async fn start(
    configuration: &Arc<Configuration>,
    data_dir: &DataDir,
    lock: Lock,
    log: &logging::Guard,
) -> anyhow::Result<Running> {
    if data_dir.is_open_to_others() {
        tracing::warn!(path = %data_dir.path().display(), "the data directory is open to other users: chmod 700 it");
    }
    let loaded = certificate::load(configuration, data_dir, system::now())?;
    let client_ca = configuration.client_certificate.as_ref().map(ClientCertificate::load).transpose()?;
    let (http, http_url) = listeners::http(configuration, &loaded.certificate).await?;
    let (domain, registration) = (&configuration.domain, registration::policy(configuration));
    let (token_s, heartbeat) = (configuration.fast_token_s, configuration.heartbeat);
    let (keys, androidpn) = (configuration.device_keys.clone(), configuration.androidpn.as_ref());
    let originals = androidpn.map(|androidpn| Originals { api_key: &androidpn.api_key, is_key_kept: true });
    let engine = Engine::open(data_dir, domain, registration, token_s, heartbeat, keys, originals).await?;
    if let Some(warning) = engine.warning {
        tracing::warn!("{warning}");
    }
    let metrics = &engine.core.metrics;
    log.count(metrics.log_lines_dropped.clone());
    let reload = Arc::new(Reload::new(configuration, data_dir, &loaded, client_ca.as_ref(), metrics));
    let unwritten = || format!("the store in {} cannot be written: is its disk full?", data_dir.path().display());
    engine.core.begin_generation().await.with_context(unwritten)?;
    engine.core.resume().await.with_context(unwritten)?;
    let net = listeners::c2s(
        configuration,
        Arc::clone(&engine.core),
        net_config(configuration, loaded.certificate, client_ca),
    )
    .await?;
    let api = Api::new(
        Arc::clone(&engine.core),
        ApiConfig {
            concurrency_max: configuration.http_concurrency_max,
            requests_per_second_max: configuration.requests_per_second_max,
            metrics_need_key: configuration.metrics_need_key(),
            androidpn: configuration.androidpn.as_ref().map(|own| AndroidpnConfig { trusted: own.trusted.clone() }),
        },
    );
    let (stop, stopped) = watch::channel(false);
    let mut servers = JoinSet::new();
    let operator = HttpListener::Operator(control::bind(data_dir)?, control::owner(data_dir)?);
    servers.spawn(serve(operator, api.router().merge(reload::router(&reload)), stopped.clone()));
    servers.spawn(serve(http, api.router(), stopped.clone()));
    servers.spawn(alive::run(Arc::clone(&engine.core), stopped.clone()));
    if configuration.androidpn.is_some() {
        servers.spawn(claims::run(Arc::clone(&engine.core), stopped.clone()));
    }
    let ceiling = memory::ceiling(configuration.memory_max);
    servers.spawn(memory::run(Arc::clone(&engine.core), ceiling, stopped.clone()));
    servers.spawn(sweep::run(Arc::clone(&engine.core), configuration.retention_days, stopped));
    registration::explain(configuration, &engine.core).await?;
    let ready = Ready {
        ready: true,
        http: http_url,
        c2s: address(net.c2s()),
        c2s_tls: address(net.c2s_tls()),
        certificate: loaded.path.display().to_string(),
        api_key: first_start::key(&engine.core).await?,
    };
    tracing::info!(http = ready.http, c2s = ready.c2s, c2s_tls = ready.c2s_tls, "listening");
    output::line(&serde_json::to_string(&ready)?);
    Ok(Running { api, net, engine, servers, stop, reload, data_dir: data_dir.clone(), lock })
}

fn net_config(configuration: &Configuration, certificate: Certificate, client_ca: Option<ClientCa>) -> NetConfig {
    NetConfig {
        c2s: Some(configuration.c2s.address),
        c2s_tls: Some(configuration.c2s_tls.address),
        client_ca,
        plaintext: configuration.plaintext,
        caps: CapLimits {
            connections_before_login: configuration.connections_before_login_max,
            logins_per_s: configuration.logins_per_second_max,
            registrations_per_min: configuration.registrations_per_minute_max,
            ..CapLimits::default()
        },
        session_bytes_per_s: configuration.session_bytes_per_second_max,
        sessions_per_address: configuration.sessions_per_address_max,
        sessions_max: memory::ceiling(configuration.memory_max).map(memory::sessions),
        ..NetConfig::new(certificate)
    }
}

fn address(address: Option<std::net::SocketAddr>) -> String {
    address.map_or_else(String::new, |address| address.to_string())
}
