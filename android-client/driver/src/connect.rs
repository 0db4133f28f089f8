//! TCP to the server, with TLS on top when it is direct.

mod reach;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use longwire_client::{Failure, FailureKind, Target, TlsMode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::client::TlsStream;

use crate::resolve::Resolver;
use crate::tls::{SecureError, Tls};

/// A connection, before or after TLS.
pub enum Stream {
    /// Not secured yet.
    Plain(TcpStream),
    /// Secured.
    Secure(Box<TlsStream<TcpStream>>),
}

/// What a connection attempt came to.
pub enum Connected {
    /// TCP stands.
    Plain(Stream),
    /// TLS stands, with its channel-binding data.
    Secure(Stream, Option<[u8; 32]>),
}

/// Connects to a target.
///
/// # Errors
/// When no connection comes about, or none that is safe.
pub async fn connect(target: &Target, resolver: &dyn Resolver, tls: Tls) -> Result<Connected, SecureError> {
    let Target { host, port, tls: mode } = target;
    let unknown = |error: &dyn std::fmt::Display| {
        let text = format!("cannot find the host {host}: {error}");
        SecureError { failure: Failure { kind: FailureKind::Resolve, text }, is_not_tls: false }
    };
    let addresses = match host.parse() {
        Ok(address) => vec![address],
        Err(_) => resolver.addresses(host).await.map_err(|error| unknown(&error))?,
    };
    if addresses.is_empty() {
        return Err(unknown(&"it has no address"));
    }
    let tcp = reach::reach(&addresses, *port).await.map_err(|error| failed(host, *port, &error))?;
    tcp.set_nodelay(true).map_err(|error| failed(host, *port, &error))?;
    match mode {
        TlsMode::StartTls => Ok(Connected::Plain(Stream::Plain(tcp))),
        TlsMode::Direct => secure(tcp, tls).await,
    }
}

/// Connects to a port that speaks direct TLS or STARTTLS: the first device that reaches it finds out for all, and goes on at once.
///
/// # Errors
/// As [`connect`].
pub async fn connect_either(
    target: &Target,
    resolver: &dyn Resolver,
    spoken: &OnceCell<TlsMode>,
    tls: Tls,
) -> Result<Connected, SecureError> {
    let mut direct = None;
    let with = |tls| Target { tls, ..target.clone() };
    let find_out = async || match connect(&with(TlsMode::Direct), resolver, tls.clone()).await {
        Ok(connected) => {
            direct = Some(connected);
            Ok(TlsMode::Direct)
        }
        Err(error) if error.is_not_tls => Ok(TlsMode::StartTls),
        Err(error) => Err(error),
    };
    let mode = *spoken.get_or_try_init(find_out).await?;
    match direct {
        Some(connected) => Ok(connected),
        None => connect(&with(mode), resolver, tls).await,
    }
}

/// Begins TLS on a connection.
pub(crate) async fn secure(tcp: TcpStream, tls: Tls) -> Result<Connected, SecureError> {
    let (stream, exporter) = tls.secure(tcp).await?;
    Ok(Connected::Secure(Stream::Secure(Box::new(stream)), exporter))
}

fn failed(host: &str, port: u16, error: &io::Error) -> SecureError {
    let (kind, text) = if error.kind() == io::ErrorKind::ConnectionRefused {
        (FailureKind::Refused, format!("nobody listens on {host}:{port}"))
    } else {
        (FailureKind::Unreachable, format!("cannot reach {host}:{port}: {error}"))
    };
    SecureError { failure: Failure { kind, text }, is_not_tls: false }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Secure(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
