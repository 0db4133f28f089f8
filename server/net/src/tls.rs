//! TLS on a connection: records go through buffers that are lent, and between them nothing is kept but one that was cut in two.

use std::sync::Arc;

use longwire_worker::{Gone, Read};
use mio::net::TcpStream;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic};
use rustls::{Error, ServerConfig};

use crate::exporter::Exporters;
use crate::transport::{read_plain, write_plain};

/// Plaintext bytes that become one TLS record.
const RECORD_BYTES: usize = 16 * 1024;
/// What a record is longer than its plaintext, at most: header, nonce, kind, tag. The library says so when it needs more.
const RECORD_EXTRA_BYTES: usize = 64;
/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;
/// Bytes of a record, or of a message of the handshake, that may wait for the rest: the library takes no longer message.
const CARRY_BYTES_MAX: usize = 64 * 1024;
/// Reads in a row that may give nothing, so that empty records keep the worker from nobody.
const FRUITLESS_READS_MAX: usize = 16;

/// The server's half of a TLS session.
pub(crate) struct Tls {
    session: UnbufferedServerConnection,
    /// What was received and cannot be processed before its rest is there.
    carry: Vec<u8>,
    /// Records that the socket has not taken.
    unsent: Vec<u8>,
    /// The client has said that it closes its half.
    is_closed: bool,
    /// The last read has taken as much from the socket as it could, or what came with the end of the handshake.
    was_full: bool,
    /// What only the handshake needs; gone behind it.
    handshake: Option<Box<Handshake>>,
}

struct Handshake {
    exporters: Arc<Exporters>,
    /// The `tls-exporter` channel binding.
    binding: Option<[u8; 32]>,
    failure: Option<Error>,
    /// Plaintext that came with the end of the handshake.
    first: Vec<u8>,
}

impl Tls {
    /// A session before its handshake; `config` is one of those that `exporters` has been attached to.
    pub(crate) fn new(config: &Arc<ServerConfig>, exporters: &Arc<Exporters>) -> Result<Self, Gone> {
        let session = UnbufferedServerConnection::new(Arc::clone(config)).map_err(|_| Gone)?;
        let exporters = Arc::clone(exporters);
        let handshake = Handshake { exporters, binding: None, failure: None, first: Vec::new() };
        let handshake = Some(Box::new(handshake));
        Ok(Self { session, carry: Vec::new(), unsent: Vec::new(), is_closed: false, was_full: true, handshake })
    }

    /// Why the handshake failed, if it did.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.handshake.as_mut()?.failure.take()
    }

    /// Whether the socket has taken every record.
    pub(crate) const fn is_drained(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Whether there may be more to read, or the end of it, of which no event will tell.
    pub(crate) const fn may_leave_more(&self) -> bool {
        self.was_full || self.is_closed
    }

    /// Reads; plaintext goes to the front of `buffer`, whose end is for what is received.
    pub(crate) fn read(&mut self, socket: &mut TcpStream, buffer: &mut [u8]) -> Result<Read, Gone> {
        self.was_full = true;
        if let Some(count) = self.take_first(buffer) {
            return Ok(Read::Bytes(count));
        }
        let middle = buffer.len().saturating_sub(READ_BYTES);
        let (plain, wire) = buffer.split_at_mut_checked(middle).ok_or(Gone)?;
        for _ in 0..FRUITLESS_READS_MAX {
            if self.is_closed {
                return Err(Gone);
            }
            let received = match read_plain(socket, wire)? {
                Read::Bytes(count) => wire.get_mut(..count).ok_or(Gone)?,
                other @ (Read::Blocked | Read::Secured(_)) => return Ok(other),
            };
            self.was_full = received.len() == READ_BYTES;
            let processed = self.receive(received, plain);
            // Also an alert that says what was wrong.
            self.send(socket)?;
            let count = processed?;
            if self.handshake.is_some() && !self.session.is_handshaking() {
                return Ok(Read::Secured(self.end_handshake(plain.get(..count).unwrap_or_default())));
            }
            if count > 0 {
                return Ok(Read::Bytes(count));
            }
        }
        self.was_full = true;
        Ok(Read::Bytes(0))
    }

    /// Writes one record at a time, so that no more than one waits here; gives how much was taken, and whether the socket took anything.
    pub(crate) fn write(&mut self, socket: &mut TcpStream, bytes: &[u8]) -> Result<(usize, bool), Gone> {
        let mut progress = self.send(socket)?;
        let mut taken = 0;
        for record in bytes.chunks(RECORD_BYTES) {
            let is_free = self.unsent.is_empty();
            if !is_free || !self.seal(record.len(), |traffic, room| traffic.encrypt(record, room))? {
                break;
            }
            taken += record.len();
            progress |= self.send(socket)?;
        }
        Ok((taken, progress))
    }

    /// Says that nothing more will be written.
    pub(crate) fn close(&mut self, socket: &mut TcpStream) -> Result<(), Gone> {
        self.seal(0, |traffic, room| traffic.queue_close_notify(room))?;
        self.send(socket).map(drop)
    }

    /// Gives what came with the end of the handshake, once, as far as there is room for it; then the handshake is forgotten.
    fn take_first(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let first = &mut self.handshake.as_mut().filter(|_| !self.session.is_handshaking())?.first;
        let count = first.len().min(buffer.len());
        buffer.get_mut(..count)?.copy_from_slice(first.get(..count)?);
        first.drain(..count);
        if first.is_empty() {
            self.handshake = None;
        }
        (count > 0).then_some(count)
    }

    fn end_handshake(&mut self, first: &[u8]) -> Option<[u8; 32]> {
        let handshake = self.handshake.as_mut()?;
        handshake.first = first.to_vec();
        let binding = handshake.binding;
        if first.is_empty() {
            self.handshake = None;
        }
        binding
    }

    /// Processes what was received behind what is left of earlier reads; gives how many bytes of plaintext came of it.
    fn receive(&mut self, received: &mut [u8], plain: &mut [u8]) -> Result<usize, Gone> {
        let mut carry = std::mem::take(&mut self.carry);
        let is_cut = !carry.is_empty();
        if is_cut {
            carry.extend_from_slice(received);
        }
        let processed = self.process(if is_cut { &mut carry } else { received }, plain);
        if let Some(handshake) = &mut self.handshake {
            // Also of a handshake that failed: the next one must not find its secret.
            let binding = handshake.exporters.take(self.session.negotiated_cipher_suite());
            handshake.binding = binding.or(handshake.binding);
        }
        let (done, count) = processed?;
        if is_cut {
            // Where it lies: a record that comes byte by byte is not copied each time.
            carry.drain(..done);
        } else {
            carry.extend_from_slice(received.get(done..).unwrap_or_default());
        }
        if !carry.is_empty() {
            self.carry = carry;
        }
        if self.carry.len() > CARRY_BYTES_MAX { Err(Gone) } else { Ok(count) }
    }

    /// Gives how many bytes of `incoming` are done with, and how many of plaintext came of them.
    fn process(&mut self, incoming: &mut [u8], plain: &mut [u8]) -> Result<(usize, usize), Gone> {
        let (mut done, mut count) = (0, 0);
        loop {
            let rest = incoming.get_mut(done..).unwrap_or_default();
            let UnbufferedStatus { mut discard, state } = self.session.process_tls_records(rest);
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(|_| Gone)?;
                        let end = count + record.payload.len();
                        plain.get_mut(count..end).ok_or(Gone)?.copy_from_slice(record.payload);
                        count = end;
                        discard += record.discard;
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.unsent)?,
                // It waits in `unsent`.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.is_closed = true,
                Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_) | ConnectionState::Closed) => {
                    return Ok((done + discard, count));
                }
                // Early data is not offered.
                Ok(_) => return Err(Gone),
                Err(error) => {
                    self.fail(error, incoming.get_mut(done..).unwrap_or_default())?;
                    return Err(Gone);
                }
            }
            done += discard;
        }
    }

    /// Notes why the handshake failed, and queues the alert that tells the client.
    fn fail(&mut self, error: Error, rest: &mut [u8]) -> Result<(), Gone> {
        if let Some(handshake) = &mut self.handshake {
            handshake.failure = Some(error);
        }
        while self.session.wants_write() {
            let UnbufferedStatus { state, .. } = self.session.process_tls_records(rest);
            let Ok(ConnectionState::EncodeTlsData(data)) = state else { return Err(Gone) };
            encode(data, &mut self.unsent)?;
        }
        Ok(())
    }

    /// Queues what `seal` makes of `bytes` bytes of plaintext; false when nothing can be said yet.
    fn seal(
        &mut self,
        bytes: usize,
        mut seal: impl FnMut(&mut WriteTraffic<'_, ServerConnectionData>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<bool, Gone> {
        loop {
            // All that is complete was processed when it was read: nothing of the carry is done with.
            let UnbufferedStatus { state, .. } = self.session.process_tls_records(&mut self.carry);
            match state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    fill(&mut self.unsent, bytes + RECORD_EXTRA_BYTES, |room| seal(&mut traffic, room))?;
                    return Ok(true);
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.unsent)?,
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.is_closed = true,
                Ok(ConnectionState::BlockedHandshake) => return Ok(false),
                Ok(_) | Err(_) => return Err(Gone),
            }
        }
    }

    /// Writes the records that wait; whether the socket took anything.
    fn send(&mut self, socket: &mut TcpStream) -> Result<bool, Gone> {
        let unsent = std::mem::take(&mut self.unsent);
        let (taken, progress) = write_plain(socket, &unsent)?;
        self.unsent = unsent.get(taken..).unwrap_or_default().to_vec();
        Ok(progress)
    }
}

/// Appends a record of the handshake.
fn encode(mut data: EncodeTlsData<'_, ServerConnectionData>, to: &mut Vec<u8>) -> Result<(), Gone> {
    let required = match data.encode(&mut []) {
        Err(EncodeError::InsufficientSize(size)) => size.required_size,
        Ok(_) | Err(EncodeError::AlreadyEncoded) => return Err(Gone),
    };
    let start = to.len();
    to.resize(start + required, 0);
    data.encode(to.get_mut(start..).ok_or(Gone)?).map(drop).map_err(|_| Gone)
}

/// Appends what `seal` writes into room for so many bytes, or for as many as it says it needs.
fn fill(
    to: &mut Vec<u8>,
    room: usize,
    mut seal: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), Gone> {
    let start = to.len();
    to.resize(start + room, 0);
    let written = match seal(to.get_mut(start..).ok_or(Gone)?) {
        Err(EncryptError::InsufficientSize(size)) => {
            to.resize(start + size.required_size, 0);
            seal(to.get_mut(start..).ok_or(Gone)?)
        }
        other => other,
    };
    to.truncate(start + written.map_err(|_| Gone)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use longwire_protocol::sasl::TLS_EXPORTER_LABEL;
    use rustls::crypto::ring;
    use rustls::version::{TLS12, TLS13};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
    use rustls_pki_types::ServerName;

    use super::*;

    type Client = StreamOwned<ClientConnection, std::net::TcpStream>;

    /// A server's session and its socket, and what its client has connected.
    struct Pair {
        tls: Tls,
        socket: TcpStream,
        client: Client,
    }

    fn pair(version: &'static SupportedProtocolVersion) -> Pair {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = rustls_pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).expect("a root");
        let provider = Arc::new(ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .expect("a configuration");
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let stream = std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        let (socket, _) = listener.accept().expect("accepted");
        socket.set_nonblocking(true).expect("set");
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::new(client), name).expect("a client");
        let exporters = Arc::new(Exporters::default());
        let tls = Tls::new(&exporters.attach(&server), &exporters).expect("a session");
        Pair { tls, socket: TcpStream::from_std(socket), client: StreamOwned::new(client, stream) }
    }

    impl Pair {
        fn read(&mut self) -> Result<Vec<u8>, Option<[u8; 32]>> {
            let mut buffer = [0; 4 * READ_BYTES];
            loop {
                match self.tls.read(&mut self.socket, &mut buffer).expect("not gone") {
                    Read::Bytes(0) | Read::Blocked => thread::yield_now(),
                    Read::Bytes(count) => return Ok(buffer[..count].to_vec()),
                    Read::Secured(binding) => return Err(binding),
                }
            }
        }
    }

    /// Does what blocks on the client's side while the server's goes on.
    fn beside<T: Send>(pair: &mut Pair, act: impl FnOnce(&mut Client) -> T + Send) -> (T, Option<[u8; 32]>) {
        let Pair { tls, socket, client } = pair;
        thread::scope(|scope| {
            let acting = scope.spawn(move || act(client));
            let mut buffer = [0; 4 * READ_BYTES];
            let mut binding = None;
            while tls.handshake.is_some() && binding.is_none() {
                match tls.read(socket, &mut buffer).expect("not gone") {
                    Read::Secured(secured) => {
                        binding = secured;
                        break;
                    }
                    Read::Bytes(count) => assert_eq!(count, 0),
                    Read::Blocked => thread::yield_now(),
                }
            }
            (acting.join().expect("the client"), binding)
        })
    }

    fn export(client: &Client) -> [u8; 32] {
        client.conn.export_keying_material([0; 32], TLS_EXPORTER_LABEL.as_bytes(), Some(&[])).expect("exported")
    }

    #[test]
    fn both_ends_have_the_same_binding_in_tls_1_3_and_none_before() {
        for (version, has_binding) in [(&TLS13, true), (&TLS12, false)] {
            let mut pair = pair(version);
            let ((), binding) = beside(&mut pair, |client| client.flush().expect("secured"));
            assert_eq!(binding, has_binding.then(|| export(&pair.client)));
        }
    }

    #[test]
    fn what_comes_with_the_end_of_the_handshake_is_read_behind_it_and_nothing_is_kept() {
        let mut pair = pair(&TLS13);
        beside(&mut pair, |client| client.write_all(b"first").expect("written"));
        assert_eq!(pair.read(), Ok(b"first".to_vec()));
        assert!(pair.tls.handshake.is_none());
        let long = vec![b'x'; 100_000];
        let ((), read) = {
            let Pair { tls, socket, client } = &mut pair;
            thread::scope(|scope| {
                let writing = scope.spawn(|| client.write_all(&long).expect("written"));
                let mut buffer = [0; 4 * READ_BYTES];
                let mut read = Vec::new();
                while read.len() < long.len() {
                    match tls.read(socket, &mut buffer).expect("not gone") {
                        Read::Bytes(count) => read.extend_from_slice(&buffer[..count]),
                        Read::Blocked => thread::yield_now(),
                        Read::Secured(_) => panic!("twice"),
                    }
                }
                (writing.join().expect("the client"), read)
            })
        };
        assert!(read == long, "in order, whatever was cut in two");
        assert_eq!((pair.tls.carry.capacity(), pair.tls.unsent.capacity()), (0, 0));
    }

    #[test]
    fn what_is_no_tls_gets_an_alert_and_says_why() {
        let mut pair = pair(&TLS13);
        pair.client.sock.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("written");
        let mut buffer = [0; 4 * READ_BYTES];
        let read = loop {
            match pair.tls.read(&mut pair.socket, &mut buffer) {
                Ok(Read::Blocked) => thread::yield_now(),
                other => break other,
            }
        };
        assert_eq!(read, Err(Gone));
        assert!(matches!(pair.tls.take_failure(), Some(Error::InvalidMessage(_))));
        let mut alert = [0; 7];
        pair.client.sock.read_exact(&mut alert).expect("an alert");
        assert_eq!(alert[0], 21);
    }
}
