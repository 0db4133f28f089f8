//! One connection's bytes: TCP, with or without TLS. Nothing is kept while all that was written has gone.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Shutdown};
use std::sync::Arc;

use longwire_worker::{Gone, Read};
use mio::net::TcpStream;
use rustls::{Error, ServerConfig};

use longwire_worker::caps::Source;

use crate::exporter::Exporters;
use crate::tls::Tls;

/// A socket, perhaps with TLS on it.
pub(crate) struct Transport {
    pub(crate) socket: TcpStream,
    /// Where it comes from.
    pub(crate) source: Source,
    tls: Option<Box<Tls>>,
    /// What the socket has not taken yet; before TLS encrypts it.
    unsent: Vec<u8>,
}

impl Transport {
    pub(crate) const fn new(socket: TcpStream, source: Source) -> Self {
        Self { socket, source, tls: None, unsent: Vec::new() }
    }

    /// Becomes the server of a TLS handshake; everything written before must have gone. `config` is one that `exporters` is attached to.
    pub(crate) fn start_tls(&mut self, config: &Arc<ServerConfig>, exporters: &Arc<Exporters>) -> Result<(), Gone> {
        if !self.unsent.is_empty() {
            return Err(Gone);
        }
        self.tls = Some(Box::new(Tls::new(config, exporters)?));
        Ok(())
    }

    pub(crate) const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Why the TLS handshake failed, if it did.
    pub(crate) fn handshake_failure(&mut self) -> Option<Error> {
        self.tls.as_mut()?.take_failure()
    }

    /// Where it comes from; of an IPv6 client that has gone already its /64.
    pub(crate) fn peer(&self) -> IpAddr {
        self.socket.peer_addr().map_or_else(|_| self.source.address(), |address| address.ip().to_canonical())
    }
}

impl longwire_worker::Transport for Transport {
    fn may_leave_more(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.may_leave_more())
    }

    /// Reads once.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Read, Gone> {
        if let Some(tls) = &mut self.tls {
            return tls.read(&mut self.socket, buffer);
        }
        read_plain(&mut self.socket, buffer)
    }

    fn queue(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
    }

    fn flush(&mut self) -> Result<bool, Gone> {
        let unsent = std::mem::take(&mut self.unsent);
        let (taken, progress) = match &mut self.tls {
            Some(tls) => tls.write(&mut self.socket, &unsent)?,
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
        self.unsent.is_empty() && self.tls.as_ref().is_none_or(|tls| tls.is_drained())
    }

    fn finish(&mut self) -> Result<(), Gone> {
        if let Some(tls) = &mut self.tls {
            tls.close(&mut self.socket)?;
        }
        self.socket.shutdown(Shutdown::Write).map_err(|_| Gone)
    }
}

/// Reads once.
pub(crate) fn read_plain(socket: &mut TcpStream, buffer: &mut [u8]) -> Result<Read, Gone> {
    match retry(|| socket.read(buffer)) {
        Ok(0) => Err(Gone),
        Ok(count) => Ok(Read::Bytes(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Read::Blocked),
        Err(_) => Err(Gone),
    }
}

/// Writes until all is taken, or the socket takes no more; gives how much that was, and whether it was anything.
pub(crate) fn write_plain(socket: &mut TcpStream, bytes: &[u8]) -> Result<(usize, bool), Gone> {
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

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
