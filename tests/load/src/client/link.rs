//! One connection: sends bytes, and waits for what is looked for.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::count::{Counted, Traffic};
use super::door::{Carriage, Door, source};

/// How long anything that is waited for may take: a storm of all devices is behind it.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes that are read at once.
const READ_BYTES: usize = 4 * 1024;

#[derive(Debug)]
enum Carrier {
    Plain(Counted),
    Tls(Box<TlsStream<Counted>>),
}

/// A connection with what came on it and was not looked for.
#[derive(Debug)]
pub(crate) struct Link {
    carrier: Carrier,
    carry: Vec<u8>,
    is_waiting: bool,
    turns: u32,
}

/// What was waited for does not come.
#[derive(Debug)]
pub(crate) struct Refused {
    why: String,
    /// Seconds after which the server wants to be asked again, where it says so.
    pub(crate) retry_after_s: Option<u32>,
}

impl Refused {
    /// By what came in place of it.
    fn new(why: String, read: &str) -> Self {
        Self { why, retry_after_s: retry_after_s(read) }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Refused {}

impl Link {
    /// Connects as the `number`th client; inside TLS where that comes first.
    ///
    /// # Errors
    /// Nobody listens, or the handshake fails.
    pub(crate) async fn connect(door: &Door, carriage: Carriage, number: usize) -> anyhow::Result<Self> {
        let stream = dial(door.address(carriage), number).await?;
        let link = Self::plain(stream);
        match carriage {
            Carriage::Plain | Carriage::StartTls => Ok(link),
            Carriage::Tls => link.secured(&door.trust).await,
        }
    }

    fn plain(stream: TcpStream) -> Self {
        Self { carrier: Carrier::Plain(Counted::new(stream)), carry: Vec::new(), is_waiting: false, turns: 0 }
    }

    /// Goes on inside TLS.
    ///
    /// # Errors
    /// The handshake fails, or the connection is inside TLS already.
    pub(crate) async fn secured(self, trust: &Arc<ClientConfig>) -> anyhow::Result<Self> {
        ensure!(self.carry.is_empty(), "the server went on in the clear");
        let Carrier::Plain(socket) = self.carrier else { bail!("the connection is inside TLS already") };
        let name = ServerName::try_from("localhost").context("localhost is a name")?;
        let stream = TlsConnector::from(Arc::clone(trust)).connect(name, socket);
        let stream = tokio::time::timeout(PATIENCE, stream).await.context("no TLS in time")?;
        let stream = stream.context("the TLS handshake failed")?;
        // A whole handshake of TLS 1.3 is one round trip.
        let turns = self.turns + 1;
        Ok(Self { carrier: Carrier::Tls(Box::new(stream)), carry: Vec::new(), is_waiting: false, turns })
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// The connection broke.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let sent = match &mut self.carrier {
            Carrier::Plain(stream) => stream.write_all(bytes).await,
            Carrier::Tls(stream) => match stream.write_all(bytes).await {
                Ok(()) => stream.flush().await,
                Err(error) => Err(error),
            },
        };
        self.is_waiting = true;
        sent.context("failed to send")
    }

    /// Takes what comes next; nothing at the end.
    ///
    /// # Errors
    /// The connection broke.
    pub(crate) async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        if !self.carry.is_empty() {
            into.append(&mut self.carry);
            self.carry = Vec::new();
            return Ok(into.len());
        }
        self.turns += u32::from(std::mem::take(&mut self.is_waiting));
        into.reserve(READ_BYTES);
        match &mut self.carrier {
            Carrier::Plain(stream) => stream.read_buf(into).await,
            Carrier::Tls(stream) => stream.read_buf(into).await,
        }
    }

    /// Reads until `wanted` came; gives everything up to and with it.
    ///
    /// # Errors
    /// It does not come, or the connection ends.
    pub(crate) async fn expect(&mut self, wanted: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.read_to(wanted, None).await
    }

    /// The same, where the server may say `refusal` instead, after which it waits for another try and not the client for an answer.
    ///
    /// # Errors
    /// It is refused or does not come, or the connection ends.
    pub(crate) async fn expect_unless(&mut self, refusal: &[u8], wanted: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.read_to(wanted, Some(refusal)).await
    }

    async fn read_to(&mut self, wanted: &[u8], refusal: Option<&[u8]>) -> anyhow::Result<Vec<u8>> {
        let mut read = Vec::new();
        loop {
            if let Some(at) = find(&read, wanted) {
                self.carry = read.split_off(at + wanted.len());
                return Ok(read);
            }
            let is_refused = refusal.is_some_and(|refusal| find(&read, refusal).is_some());
            if is_refused {
                let read = String::from_utf8_lossy(&read);
                return Err(Refused::new(format!("was refused: {read}"), &read).into());
            }
            let more = tokio::time::timeout(PATIENCE, self.read(&mut read)).await;
            let length = more.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()));
            if !matches!(length, Ok(length) if length > 0) {
                let (wanted, read) = (String::from_utf8_lossy(wanted), String::from_utf8_lossy(&read));
                let why = format!("waited in vain for `{wanted}` ({length:?}); received: {read}");
                return Err(Refused::new(why, &read).into());
            }
        }
    }

    /// What binds a login to this connection (RFC 9266).
    ///
    /// # Errors
    /// It is not inside TLS.
    pub(crate) fn exporter(&self) -> anyhow::Result<[u8; 32]> {
        let Carrier::Tls(stream) = &self.carrier else { bail!("the connection is not secured") };
        Ok(stream.get_ref().1.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))?)
    }

    /// How often the client has waited for the server so far, that for TCP itself not counted.
    pub(crate) const fn turns(&self) -> u32 {
        self.turns
    }

    /// What went over the socket so far.
    pub(crate) fn traffic(&self) -> Traffic {
        match &self.carrier {
            Carrier::Plain(stream) => stream.traffic(),
            Carrier::Tls(stream) => stream.get_ref().0.traffic(),
        }
    }

    /// The socket of a plain connection.
    ///
    /// # Errors
    /// It is inside TLS.
    pub(crate) fn into_socket(self) -> anyhow::Result<TcpStream> {
        let Carrier::Plain(stream) = self.carrier else { bail!("the connection is inside TLS") };
        Ok(stream.into_inner())
    }
}

/// A TCP connection from the `number`th client's address.
///
/// # Errors
/// Nobody listens.
pub(super) async fn dial(to: SocketAddr, number: usize) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // The kernel may then take one port for connections to different places.
    socket2::SockRef::from(&socket).set_reuse_address(true)?;
    socket.bind(SocketAddrV4::new(source(number), 0).into()).context("failed to take an address")?;
    let connecting = tokio::time::timeout(PATIENCE, socket.connect(to)).await.context("no connection in time")?;
    let stream = connecting.with_context(|| format!("failed to connect to {to}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The pause that a `<retry/>` of Longwire asks for.
fn retry_after_s(text: &str) -> Option<u32> {
    let (_, retry) = text.split_once("<retry ")?;
    let (_, after) = retry.split_once(" after='")?;
    after.split_once('\'')?.0.parse().ok()
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn nobody_waits_behind_a_refusal() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let stream = dial(listener.local_addr().expect("it listens"), 0).await.expect("it listens");
        let mut link = Link::plain(stream);
        // The server does not hang up.
        let (mut server, _) = listener.accept().await.expect("a connection");
        server.write_all(b"<success/><failure>no</failure>").await.expect("it is open");
        link.expect_unless(b"</failure>", b"<success/>").await.expect("what is wanted comes first");
        let refused = link.expect_unless(b"</failure>", b"<success/>").await.expect_err("it does not come");
        assert_eq!(refused.to_string(), "was refused: <failure>no</failure>");
    }

    #[tokio::test]
    async fn a_refusal_says_when_to_come_back() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let mut link = Link::plain(dial(listener.local_addr().expect("it listens"), 0).await.expect("it listens"));
        let (mut server, _) = listener.accept().await.expect("a connection");
        let error = b"<stream:error><retry xmlns='urn:longwire:push:1' after='30'/></stream:error>";
        server.write_all(error).await.expect("it is open");
        drop(server);
        let refused = link.expect(b"<stream:features>").await.expect_err("it does not come").context("of client 7");
        assert_eq!(refused.downcast_ref::<Refused>().and_then(|refused| refused.retry_after_s), Some(30));
        assert_eq!((retry_after_s("<retry after='x'/>"), retry_after_s("")), (None, None));
    }
}
