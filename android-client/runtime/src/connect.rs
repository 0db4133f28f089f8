//! TCP to the server, with TLS on top when it is direct.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use longwire_client::{Failure, FailureKind, TlsMode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::client::TlsStream;

use crate::tls::{SecureError, Tls};

/// A connection, before or after TLS.
pub(crate) enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

/// What a connection attempt came to.
pub(crate) enum Connected {
    /// TCP stands.
    Plain(Stream),
    /// TLS stands, with its channel-binding data.
    Secure(Stream, Option<[u8; 32]>),
}

/// Connects to the server.
pub(crate) async fn connect(host: String, port: u16, mode: TlsMode, tls: Tls) -> Result<Connected, SecureError> {
    let address = (host.as_str(), port);
    let tcp = TcpStream::connect(address).await.map_err(|error| failed(&host, port, &error))?;
    tcp.set_nodelay(true).map_err(|error| failed(&host, port, &error))?;
    match mode {
        TlsMode::StartTls => Ok(Connected::Plain(Stream::Plain(tcp))),
        TlsMode::Direct => secure(tcp, tls).await,
    }
}

/// Connects to a port that speaks direct TLS or STARTTLS: the first device that reaches it finds out for all, and goes on at once.
pub(crate) async fn connect_either(
    host: String,
    port: u16,
    spoken: &OnceCell<TlsMode>,
    tls: Tls,
) -> Result<Connected, SecureError> {
    let mut direct = None;
    let find_out = async || match connect(host.clone(), port, TlsMode::Direct, tls.clone()).await {
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
        None => connect(host, port, mode, tls).await,
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
    } else if error.raw_os_error().is_none() {
        (FailureKind::Resolve, format!("cannot find the host {host}: {error}"))
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
