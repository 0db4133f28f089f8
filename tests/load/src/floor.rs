//! The floor: a line server on raw tokio, one task per connection and nothing else, that does what the rows ask for and no more.
//!
//! `hello NAME` is answered `ok`, `ping` `pong`; `to NAME TEXT` gives TEXT to who is called that, `all TEXT` to everybody. Over HTTP,
//! `POST /NAME` gives the body to who is called that, and `POST /` to everybody.

mod http;
mod peer;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use peer::Peer;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// Where it listens, and with what.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// The port of lines.
    #[arg(long)]
    plain: u16,
    /// The port of lines inside TLS.
    #[arg(long)]
    tls: u16,
    /// The port of HTTP.
    #[arg(long)]
    http: u16,
    /// Certificate (PEM).
    #[arg(long)]
    certificate: std::path::PathBuf,
    /// Its key (PEM).
    #[arg(long)]
    key: std::path::PathBuf,
}

/// Who is there, by name.
#[derive(Debug, Default)]
struct Names(RwLock<HashMap<Box<str>, Arc<Peer>>>);

impl Names {
    fn insert(&self, name: &str, peer: &Arc<Peer>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), Arc::clone(peer));
    }

    fn remove(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn find(&self, name: &str) -> Option<Arc<Peer>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone)
    }

    fn all(&self) -> Vec<Arc<Peer>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect()
    }

    /// Gives a line to one, or to everybody when no name is given; who is gone gets nothing.
    async fn give(&self, name: &str, line: &[u8]) {
        if let Some(peer) = self.find(name) {
            drop(peer.send(line).await);
        } else if name.is_empty() {
            for peer in self.all() {
                drop(peer.send(line).await);
            }
        }
    }
}

/// Serves until it is killed.
///
/// # Errors
/// A port is taken, or the certificate cannot be read.
pub(crate) async fn serve(options: &Options) -> anyhow::Result<()> {
    let names = Arc::new(Names::default());
    let tls = tls(&options.certificate, &options.key)?;
    let (plain, secured, web) = (listen(options.plain)?, listen(options.tls)?, listen(options.http)?);
    loop {
        tokio::select! {
            accepted = plain.accept() => {
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(converse(Peer::plain(stream), Arc::clone(&names)));
                }
            }
            accepted = secured.accept() => {
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(converse(Peer::tls(stream, Arc::clone(&tls))?, Arc::clone(&names)));
                }
            }
            accepted = web.accept() => {
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(answer(stream, Arc::clone(&names)));
                }
            }
        }
    }
}

fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .with_context(|| format!("failed to take port {port}"))?;
    socket.listen(BACKLOG).context("failed to listen")
}

fn tls(certificate: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = builder.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    Ok(Arc::new(config))
}

/// A connection of lines, to its end.
async fn converse(peer: Peer, names: Arc<Names>) {
    let peer = Arc::new(peer);
    let mut name = String::new();
    let mut carry = Vec::new();
    while let Ok(Some(read)) = peer.read().await {
        carry.extend_from_slice(&read);
        drop(read);
        let Some(end) = carry.iter().rposition(|byte| *byte == b'\n') else { continue };
        let rest = carry.split_off(end + 1);
        let lines = std::mem::replace(&mut carry, rest);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if let Some(said) = line.strip_prefix(b"hello ") {
                name = String::from_utf8_lossy(said).trim_end().to_owned();
                names.insert(&name, &peer);
            }
            carry_out(line, &peer, &names).await;
        }
        if carry.is_empty() {
            carry = Vec::new();
        }
    }
    names.remove(&name);
}

async fn carry_out(line: &[u8], peer: &Peer, names: &Names) {
    if line.starts_with(b"hello ") {
        drop(peer.send(b"ok\n").await);
    } else if line.starts_with(b"ping") {
        drop(peer.send(b"pong\n").await);
    } else if let Some(text) = line.strip_prefix(b"all ") {
        names.give("", text).await;
    } else if let Some((name, text)) = line.strip_prefix(b"to ").and_then(addressed) {
        names.give(name, text).await;
    }
}

fn addressed(line: &[u8]) -> Option<(&str, &[u8])> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    Some((std::str::from_utf8(line.get(..space)?).ok()?, line.get(space + 1..)?))
}

/// A connection of HTTP requests, to its end.
async fn answer(stream: TcpStream, names: Arc<Names>) {
    let peer = Peer::plain(stream);
    let mut carry = Vec::new();
    while let Ok(Some(read)) = peer.read().await {
        carry.extend_from_slice(&read);
        while let Some((request, length)) = http::parse(&carry) {
            names.give(request.name, request.body).await;
            carry.drain(..length);
            if peer.send(http::ANSWER).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::addressed;

    #[test]
    fn an_addressed_line_is_a_name_and_a_text() {
        assert_eq!(addressed(b"user-1 a b\n"), Some(("user-1", &b"a b\n"[..])));
        assert_eq!(addressed(b"user-1\n"), None);
    }
}
