//! Taking ports, with errors that name the listener and say what to do.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use longwire_api::server::Listener as HttpListener;
use longwire_core::Core;
use longwire_net::certificate::Certificate;
use longwire_net::{Net, NetConfig, NetError};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;

use crate::configuration::{Configuration, Listener};

/// The HTTP listener and its URL.
pub(super) async fn http(
    configuration: &Configuration,
    certificate: &Certificate,
) -> anyhow::Result<(HttpListener, String)> {
    let listener = TcpListener::bind(configuration.http.address)
        .await
        .map_err(|error| refusal(&configuration.http, configuration.http.address, &error))?;
    let address = listener.local_addr().context("http: the address is not known")?;
    if !configuration.is_http_tls() {
        if !configuration.http.is_loopback() {
            tracing::warn!(%address, "HTTP without TLS off loopback: API keys can be read on the way unless a proxy does TLS");
        }
        return Ok((HttpListener::Tcp(listener), format!("http://{address}")));
    }
    let tls = certificate.tls(&[b"h2", b"http/1.1"]).context("TLS for HTTP")?;
    Ok((HttpListener::Tls(listener, TlsAcceptor::from(tls)), format!("https://{address}")))
}

/// The XMPP listeners and everything behind them.
pub(super) async fn c2s(configuration: &Configuration, core: Arc<Core>, config: NetConfig) -> anyhow::Result<Net> {
    let runtime = Handle::current();
    let started = tokio::task::spawn_blocking(move || Net::start(core, &config, runtime)).await?;
    started.map_err(|error| match error {
        NetError::Listen { address, source } => {
            let listener =
                if address == configuration.c2s.address { &configuration.c2s } else { &configuration.c2s_tls };
            refusal(listener, address, &source)
        }
        NetError::Domain(_) | NetError::Certificate(_) | NetError::Poll(_) => error.into(),
    })
}

fn refusal(listener: &Listener, address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let Listener { key, .. } = listener;
    let flag = key.replace('_', "-");
    let (why, what) = if error.kind() == io::ErrorKind::AddrInUse {
        ("is taken by another program", "stop it, or")
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        ("may not be listened on by this user", "give the program CAP_NET_BIND_SERVICE, or")
    } else if error.kind() == io::ErrorKind::AddrNotAvailable {
        ("is not an address of this machine", "look at `ip address`, or")
    } else {
        return anyhow!(
            "{key}: {address} cannot be listened on ({error}): choose another address with --{flag} HOST:PORT"
        );
    };
    anyhow!("{key}: {address} {why}: {what} choose another address with --{flag} HOST:PORT (port 0 takes a free one)")
}
