//! One connection's bytes: TCP, with or without TLS. Nothing is kept while all that was written has gone.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Shutdown};
use std::sync::Arc;

use longwire_protocol::sasl::TLS_EXPORTER_LABEL;
use longwire_worker::{Gone, Read};
use mio::net::TcpStream;
use rustls::{Error, ProtocolVersion, ServerConfig, ServerConnection};

use longwire_worker::caps::Source;

/// Plaintext bytes that become one TLS record.
const RECORD_BYTES: usize = 16 * 1024;
/// Reads of TLS in a row that may give nothing, so that empty records keep the worker from nobody.
const FRUITLESS_READS_MAX: usize = 16;

/// A socket, perhaps with TLS on it.
pub(crate) struct Transport {
    pub(crate) socket: TcpStream,
    /// Where it comes from.
    pub(crate) source: Source,
    tls: Option<Box<ServerConnection>>,
    /// What the socket has not taken yet; before TLS encrypts it.
    unsent: Vec<u8>,
}

impl Transport {
    pub(crate) const fn new(socket: TcpStream, source: Source) -> Self {
        Self { socket, source, tls: None, unsent: Vec::new() }
    }

    /// Becomes the server of a TLS handshake; everything written before must have gone.
    pub(crate) fn start_tls(&mut self, config: &Arc<ServerConfig>) -> Result<(), Gone> {
        if !self.unsent.is_empty() {
            return Err(Gone);
        }
        let tls = ServerConnection::new(Arc::clone(config)).map_err(|_| Gone)?;
        self.tls = Some(Box::new(tls));
        Ok(())
    }

    /// Why the TLS handshake failed, if it did.
    pub(crate) fn handshake_failure(&mut self) -> Option<Error> {
        let tls = self.tls.as_mut().filter(|tls| tls.is_handshaking())?;
        // What has failed says so as often as it is asked.
        tls.process_new_packets().err()
    }

    /// Where it comes from; of an IPv6 client that has gone already its /64.
    pub(crate) fn peer(&self) -> IpAddr {
        self.socket.peer_addr().map_or_else(|_| self.source.address(), |address| address.ip().to_canonical())
    }
}

impl longwire_worker::Transport for Transport {
    fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Reads once.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Read, Gone> {
        let Some(tls) = &mut self.tls else {
            return match retry(|| self.socket.read(buffer)) {
                Ok(0) => Err(Gone),
                Ok(count) => Ok(Read::Bytes(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Read::Blocked),
                Err(_) => Err(Gone),
            };
        };
        for _ in 0..FRUITLESS_READS_MAX {
            match tls.reader().read(buffer) {
                Ok(0) => return Err(Gone),
                Ok(count) => return Ok(Read::Bytes(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return Err(Gone),
            }
            match retry(|| tls.read_tls(&mut self.socket)) {
                Ok(0) => return Err(Gone),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Read::Blocked),
                Err(_) => return Err(Gone),
            }
            let was_handshaking = tls.is_handshaking();
            let processed = tls.process_new_packets();
            // Also an alert that says what was wrong.
            send(tls, &mut self.socket)?;
            if processed.is_err() {
                return Err(Gone);
            }
            if was_handshaking && !tls.is_handshaking() {
                return Ok(Read::Secured(exporter(tls)));
            }
        }
        Ok(Read::Bytes(0))
    }

    fn queue(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
    }

    fn flush(&mut self) -> Result<bool, Gone> {
        let unsent = std::mem::take(&mut self.unsent);
        let (taken, progress) = match &mut self.tls {
            Some(tls) => write_tls(tls, &mut self.socket, &unsent)?,
            None => write_plain(&mut self.socket, &unsent)?,
        };
        if taken < unsent.len() {
            self.unsent = unsent;
            self.unsent.drain(..taken);
            // It may have grown far beyond what is left, and keeps that for as long as its client does not read.
            if self.unsent.capacity() / 2 > self.unsent.len() {
                self.unsent.shrink_to_fit();
            }
        }
        Ok(progress)
    }

    fn unsent_bytes(&self) -> usize {
        self.unsent.len()
    }

    fn is_drained(&self) -> bool {
        self.unsent.is_empty() && !self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    fn finish(&mut self) -> Result<(), Gone> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            send(tls, &mut self.socket)?;
        }
        self.socket.shutdown(Shutdown::Write).map_err(|_| Gone)
    }
}

/// The channel binding of RFC 9266: TLS 1.3 only, where it is unique without further conditions.
fn exporter(tls: &ServerConnection) -> Option<[u8; 32]> {
    if tls.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    tls.export_keying_material([0; 32], TLS_EXPORTER_LABEL.as_bytes(), Some(&[])).ok()
}

fn write_plain(socket: &mut TcpStream, bytes: &[u8]) -> Result<(usize, bool), Gone> {
    let mut taken = 0;
    while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
        match retry(|| socket.write(rest)) {
            Ok(0) => return Err(Gone),
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(_) => return Err(Gone),
        }
    }
    Ok((taken, taken > 0))
}

/// One record at a time, so that the TLS library never holds more than one.
fn write_tls(tls: &mut ServerConnection, socket: &mut TcpStream, bytes: &[u8]) -> Result<(usize, bool), Gone> {
    let mut progress = send(tls, socket)?;
    let mut taken = 0;
    for record in bytes.chunks(RECORD_BYTES) {
        if tls.wants_write() {
            break;
        }
        taken += tls.writer().write(record).map_err(|_| Gone)?;
        progress |= send(tls, socket)?;
    }
    Ok((taken, progress))
}

/// Writes what the TLS library holds; whether the socket took anything.
fn send(tls: &mut ServerConnection, socket: &mut TcpStream) -> Result<bool, Gone> {
    let mut progress = false;
    while tls.wants_write() {
        match retry(|| tls.write_tls(socket)) {
            Ok(0) => return Err(Gone),
            Ok(_) => progress = true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(_) => return Err(Gone),
        }
    }
    Ok(progress)
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
