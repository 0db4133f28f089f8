//! One connection of the floor, plain or inside TLS: no buffer of its own while idle but those of rustls.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpStream;

/// Bytes that are read at once.
const READ_BYTES: usize = 8 * 1024;

/// A connection.
#[derive(Debug)]
pub(super) struct Peer {
    stream: TcpStream,
    session: Option<Box<Mutex<ServerConnection>>>,
}

/// The socket as rustls wants it.
struct Direct<'a>(&'a TcpStream);

impl Read for Direct<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Direct<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Peer {
    pub(super) fn plain(stream: TcpStream) -> Self {
        // Without it small answers wait for others; it fails only on a connection that is gone, which the next read tells.
        drop(stream.set_nodelay(true));
        Self { stream, session: None }
    }

    pub(super) fn tls(stream: TcpStream, config: Arc<ServerConfig>) -> anyhow::Result<Self> {
        let session = ServerConnection::new(config)?;
        Ok(Self { session: Some(Box::new(Mutex::new(session))), ..Self::plain(stream) })
    }

    /// What came; none at the end.
    ///
    /// # Errors
    /// The connection broke, or what came is no TLS.
    pub(super) async fn read(&self) -> io::Result<Option<Vec<u8>>> {
        loop {
            self.stream.readable().await?;
            let read = match &self.session {
                None => read_plain(&self.stream),
                Some(session) => read_tls(&self.stream, &mut lock(session)),
            };
            self.flush().await?;
            match read {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(Some(bytes)) if bytes.is_empty() => {}
                other => return other,
            }
        }
    }

    /// Sends, and waits where the other side does not read.
    ///
    /// # Errors
    /// The connection broke.
    pub(super) async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(session) = &self.session {
            lock(session).writer().write_all(bytes)?;
            return self.flush().await;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes what TLS has to write.
    async fn flush(&self) -> io::Result<()> {
        let Some(session) = &self.session else { return Ok(()) };
        loop {
            let written = write_tls(&self.stream, &mut lock(session));
            match written {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.stream.writable().await?,
                other => return other,
            }
        }
    }
}

fn lock(session: &Mutex<ServerConnection>) -> MutexGuard<'_, ServerConnection> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_plain(stream: &TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = [0; READ_BYTES];
    let length = stream.try_read(&mut buffer)?;
    Ok((length > 0).then(|| buffer.get(..length).unwrap_or_default().to_vec()))
}

fn read_tls(stream: &TcpStream, session: &mut ServerConnection) -> io::Result<Option<Vec<u8>>> {
    if session.read_tls(&mut Direct(stream))? == 0 {
        return Ok(None);
    }
    let state = session.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    let mut bytes = vec![0; state.plaintext_bytes_to_read()];
    session.reader().read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

fn write_tls(stream: &TcpStream, session: &mut ServerConnection) -> io::Result<()> {
    while session.wants_write() {
        session.write_tls(&mut Direct(stream))?;
    }
    Ok(())
}
