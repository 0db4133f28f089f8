//! A raw XMPP stream over TCP or TLS: sends exactly what a test says and shows exactly what comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use socket2::{Domain, SockRef, Socket, Type};

use crate::wait::now;

/// How often a read looks at its deadline.
const READ_EVERY: Duration = Duration::from_millis(50);

enum Carrier {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl std::fmt::Debug for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "plain",
            Self::Tls(_) => "tls",
        })
    }
}

/// One connection and everything that came on it so far.
#[derive(Debug)]
pub struct Wire {
    carrier: Option<Carrier>,
    received: Vec<u8>,
    closed: bool,
}

/// The header that opens a client's stream to `localhost`.
pub const HEADER: &str = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                          xmlns:stream='http://etherx.jabber.org/streams'>";

impl Wire {
    /// Connects in the clear.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn plain(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("failed to connect to {address}"))?;
        Self::on(stream)
    }

    /// Connects in the clear from an address of the loopback network.
    ///
    /// # Errors
    /// Nobody listens, or the address is not one of this machine.
    pub fn plain_from(source: IpAddr, address: &str) -> anyhow::Result<Self> {
        Self::on(connect_from(source, address)?)
    }

    /// Connects in the clear with a receive buffer of a few KiB: what is not read, the server has to keep.
    ///
    /// # Errors
    /// As [`Self::plain_from`].
    pub fn small_from(source: IpAddr, address: &str) -> anyhow::Result<Self> {
        Self::on(connect(source, address, Some(RECEIVE_BYTES_SMALL))?)
    }

    fn on(stream: TcpStream) -> anyhow::Result<Self> {
        stream.set_read_timeout(Some(READ_EVERY))?;
        stream.set_nodelay(true)?;
        Ok(Self { carrier: Some(Carrier::Plain(stream)), received: Vec::new(), closed: false })
    }

    /// Connects and secures at once; the certificate must be the given one's and for `localhost`.
    ///
    /// # Errors
    /// Nobody listens, or the handshake fails.
    pub fn tls(address: &str, certificate: &Path) -> anyhow::Result<Self> {
        Self::plain(address)?.secured(certificate)
    }

    /// Connects in the clear, asks for TLS as RFC 6120 §5 says, and secures; the stream is not opened again.
    ///
    /// # Errors
    /// The server does not go on with TLS.
    pub fn starttls(address: &str, certificate: &Path) -> anyhow::Result<Self> {
        let mut wire = Self::plain(address)?;
        wire.send(HEADER)?;
        wire.expect("</stream:features>")?;
        wire.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")?;
        wire.expect("<proceed")?;
        wire.secured(certificate)
    }

    /// Goes on with TLS on a connection that agreed to it.
    ///
    /// # Errors
    /// The handshake fails.
    pub fn secured(mut self, certificate: &Path) -> anyhow::Result<Self> {
        let Some(Carrier::Plain(mut stream)) = self.carrier.take() else { bail!("the connection is secured already") };
        let mut session = session(certificate)?;
        stream.set_read_timeout(Some(crate::SOON))?;
        while session.is_handshaking() {
            session.complete_io(&mut stream).context("the TLS handshake failed")?;
        }
        Self::carried(session, stream)
    }

    /// As [`Self::secured`], with text in the segment that ends the handshake.
    ///
    /// # Errors
    /// The handshake fails.
    pub fn secured_saying(mut self, certificate: &Path, text: &str) -> anyhow::Result<Self> {
        let Some(Carrier::Plain(mut stream)) = self.carrier.take() else { bail!("the connection is secured already") };
        let mut session = session(certificate)?;
        stream.set_read_timeout(Some(crate::SOON))?;
        while session.is_handshaking() {
            while session.wants_write() {
                session.write_tls(&mut stream)?;
            }
            ensure!(session.read_tls(&mut stream)? > 0, "the connection ended in the handshake");
            session.process_new_packets().context("the TLS handshake failed")?;
        }
        session.writer().write_all(text.as_bytes())?;
        let mut last = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut last)?;
        }
        stream.write_all(&last)?;
        Self::carried(session, stream)
    }

    fn carried(session: ClientConnection, stream: TcpStream) -> anyhow::Result<Self> {
        stream.set_read_timeout(Some(READ_EVERY))?;
        let carrier = Carrier::Tls(Box::new(StreamOwned::new(session, stream)));
        Ok(Self { carrier: Some(carrier), received: Vec::new(), closed: false })
    }

    /// The channel binding of this connection (RFC 9266).
    ///
    /// # Errors
    /// It is not TLS.
    pub fn exporter(&self) -> anyhow::Result<[u8; 32]> {
        let Some(Carrier::Tls(stream)) = &self.carrier else { bail!("the connection is not secured") };
        Ok(stream.conn.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))?)
    }

    /// Opens a stream and reads the features.
    ///
    /// # Errors
    /// They do not come.
    pub fn open(&mut self) -> anyhow::Result<String> {
        self.send(HEADER)?;
        self.expect("</stream:features>")
    }

    /// Sends text.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn send(&mut self, text: &str) -> anyhow::Result<()> {
        self.send_bytes(text.as_bytes())
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = match &mut self.carrier {
            Some(Carrier::Plain(stream)) => stream.write_all(bytes),
            Some(Carrier::Tls(stream)) => stream.write_all(bytes).and_then(|()| stream.flush()),
            None => Err(ErrorKind::NotConnected.into()),
        };
        written.context("failed to send")
    }

    /// Sends each byte on its own.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn send_bytewise(&mut self, text: &str) -> anyhow::Result<()> {
        text.as_bytes().iter().try_for_each(|byte| self.send_bytes(&[*byte]))
    }

    /// Reads until `wanted` came; gives everything up to and with it, and forgets that.
    ///
    /// # Errors
    /// It does not come in time, or the connection ends before.
    pub fn expect(&mut self, wanted: &str) -> anyhow::Result<String> {
        let deadline = now() + crate::SOON;
        loop {
            if let Some(at) = find(&self.received, wanted.as_bytes()) {
                let rest = self.received.split_off(at + wanted.len());
                let before = std::mem::replace(&mut self.received, rest);
                return Ok(String::from_utf8_lossy(&before).into_owned());
            }
            if self.closed || now() >= deadline {
                let end = if self.closed { "the connection ended" } else { "the time is over" };
                bail!("waited in vain for `{wanted}` ({end}); received: {}", String::from_utf8_lossy(&self.received));
            }
            self.read();
        }
    }

    /// Reads until the server closes the connection; gives everything that came.
    ///
    /// # Errors
    /// It does not close in time.
    pub fn expect_close(&mut self, patience: Duration) -> anyhow::Result<String> {
        let deadline = now() + patience;
        while !self.closed {
            if now() >= deadline {
                bail!("the connection is still open; received: {}", String::from_utf8_lossy(&self.received));
            }
            self.read();
        }
        Ok(String::from_utf8_lossy(&self.received).into_owned())
    }

    /// What came and was not looked for, with what comes within one look; and whether the connection has ended.
    pub fn take(&mut self) -> (Vec<u8>, bool) {
        if !self.closed {
            self.read();
        }
        (std::mem::take(&mut self.received), self.closed)
    }

    /// Reads what there is within one look.
    fn read(&mut self) {
        let mut buffer = [0; 4_096];
        let read = match &mut self.carrier {
            Some(Carrier::Plain(stream)) => stream.read(&mut buffer),
            Some(Carrier::Tls(stream)) => stream.read(&mut buffer),
            None => Ok(0),
        };
        match read {
            Ok(0) => self.closed = true,
            Ok(length) => self.received.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(error) => {
                self.closed =
                    !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted);
            }
        }
    }

    /// Resets the connection: the other side learns it from its next read or write.
    ///
    /// # Errors
    /// The connection is gone already.
    pub fn reset(mut self) -> anyhow::Result<()> {
        let carrier = self.carrier.take().context("the connection is gone")?;
        let stream = match carrier {
            Carrier::Plain(stream) => stream,
            Carrier::Tls(stream) => stream.sock,
        };
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).context("failed to ask for a reset")
    }

    /// Closes the sending half.
    pub fn shut(&mut self) {
        let stream = match &self.carrier {
            Some(Carrier::Plain(stream)) => stream,
            Some(Carrier::Tls(stream)) => &stream.sock,
            None => return,
        };
        // It fails only when the other side was faster.
        drop(stream.shutdown(Shutdown::Write));
    }
}

/// The client's side of TLS, which trusts the given certificate alone.
fn session(certificate: &Path) -> anyhow::Result<ClientConnection> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(certificate).context("failed to read the certificate")? {
        roots.add(certificate.context("failed to read a certificate")?).context("failed to trust it")?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"xmpp-client".to_vec()];
    let name = ServerName::try_from("localhost").context("localhost is a name")?;
    Ok(ClientConnection::new(Arc::new(config), name)?)
}

/// Bytes of a small receive buffer, which the kernel doubles.
const RECEIVE_BYTES_SMALL: usize = 4_096;

/// Connects from an address of the loopback network, and leaves the socket as it is.
///
/// # Errors
/// Nobody listens, or the address is not one of this machine.
pub fn connect_from(source: IpAddr, address: &str) -> anyhow::Result<TcpStream> {
    connect(source, address, None)
}

fn connect(source: IpAddr, address: &str, receive_bytes: Option<usize>) -> anyhow::Result<TcpStream> {
    let to: SocketAddr = address.parse().with_context(|| format!("{address} is no address"))?;
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    if let Some(bytes) = receive_bytes {
        socket.set_recv_buffer_size(bytes).context("failed to ask for a small buffer")?;
    }
    socket.bind(&SocketAddr::new(source, 0).into()).with_context(|| format!("failed to come from {source}"))?;
    socket.connect(&to.into()).with_context(|| format!("failed to connect to {address} from {source}"))?;
    Ok(socket.into())
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

/// The message of SASL PLAIN for an account, in base64.
#[must_use]
pub fn plain_login(name: &str, password: &str) -> String {
    plain_login_as("", name, password)
}

/// The message of SASL PLAIN with an authorisation id, in base64.
#[must_use]
pub fn plain_login_as(authorisation: &str, name: &str, password: &str) -> String {
    let message = base64::engine::general_purpose::STANDARD.encode(format!("{authorisation}\0{name}\0{password}"));
    crate::keep::secret(password);
    crate::keep::secret(&message);
    message
}
