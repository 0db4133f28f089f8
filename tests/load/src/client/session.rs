//! A device that is online.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;

use anyhow::{Context, ensure};

use super::door::Speech;
use super::inbox::{Inbox, body};
use super::link::Link;
use super::mqtt;

/// Up to where a device has stored, as it says at its next login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) generation: String,
    pub(crate) normal: u64,
    pub(crate) background: u64,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) link: Link,
    pub(crate) inbox: Inbox,
    pub(crate) speech: Speech,
    /// Whether it is one of the push extension.
    pub(crate) is_push: bool,
    pub(crate) number: usize,
    /// What other clients call it: a full JID, a topic, a name.
    pub(crate) address: String,
    /// The server's id of the device, where it was told.
    pub(crate) device: Option<String>,
    pub(crate) cursor: Option<Cursor>,
    /// For the next login.
    pub(crate) token: Option<String>,
}

impl Session {
    /// One sign of life, and the server's answer.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn beat(&mut self) -> anyhow::Result<()> {
        let (says, hears): (&[u8], &[u8]) = match (self.speech, self.is_push) {
            (Speech::Longwire, true) => (b" ", b" "),
            (Speech::Longwire | Speech::Xmpp, _) => {
                (b"<iq type='get' id='beat' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>", b"beat")
            }
            (Speech::Mqtt, _) => (mqtt::PINGREQ, mqtt::PINGRESP),
            (Speech::Lines, _) => (b"ping\n", b"pong\n"),
        };
        self.link.send(says).await?;
        self.link.expect(hears).await?;
        if hears == b"beat" {
            self.link.expect(b">").await?;
        }
        Ok(())
    }

    /// Reads, and answers what is owed, until `goal` payloads came; gives how many.
    ///
    /// # Errors
    /// The connection ends before.
    pub(crate) async fn take(&mut self, goal: usize) -> anyhow::Result<usize> {
        let (mut count, mut buffer, mut reply) = (0, Vec::new(), Vec::new());
        while count < goal {
            ensure!(self.link.read(&mut buffer).await? > 0, "the connection ended with {count} of {goal} payloads");
            self.inbox.take(&mut buffer, |_| count += 1, &mut reply);
            if !reply.is_empty() {
                self.link.send(&reply).await?;
                reply.clear();
            }
        }
        if let Some(cursor) = &mut self.cursor {
            cursor.normal = cursor.normal.max(self.inbox.position());
        }
        Ok(count)
    }

    /// A way to write from any thread, while what comes is read and dropped; of a plain connection.
    ///
    /// # Errors
    /// It is inside TLS.
    pub(crate) fn into_writer(self) -> anyhow::Result<Writer> {
        Writer::new(self.link.into_socket()?.into_std()?, |_| ())
    }
}

impl Speech {
    /// The bytes with which a session gives a text to another.
    pub(crate) fn stanza(self, to: &str, number: u64, text: &str) -> Vec<u8> {
        match self {
            Self::Longwire | Self::Xmpp => {
                format!("<message to='{to}' type='chat' id='m{number}'><body>{text}</body></message>").into_bytes()
            }
            Self::Mqtt => mqtt::publish(to, number, text.as_bytes()),
            Self::Lines => format!("to {to} {text}\n").into_bytes(),
        }
    }

    /// The bytes with which it gives each of some its payload, numbered from `first` on.
    pub(crate) fn stanzas(self, to: &[String], first: u64) -> Vec<u8> {
        let stanza = |(number, to): (u64, &String)| self.stanza(to, number, &body(number));
        (first..).zip(to).flat_map(stanza).collect()
    }

    /// The bytes with which it gives a text to everybody; none where only HTTP does that.
    pub(crate) fn announcement(self, number: u64, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Longwire => None,
            Self::Xmpp => Some(self.stanza("localhost/announce/online", number, text)),
            Self::Mqtt => Some(mqtt::publish_unkept("all", text.as_bytes())),
            Self::Lines => Some(format!("all {text}\n").into_bytes()),
        }
    }
}

/// The writing half of a plain connection.
#[derive(Debug)]
pub(crate) struct Writer(TcpStream);

impl Writer {
    /// Of a connection whose other half `heard` is told of; it is read for as long as the connection lives.
    ///
    /// # Errors
    /// The socket cannot be shared.
    pub(crate) fn new(stream: TcpStream, mut heard: impl FnMut(&[u8]) + Send + 'static) -> anyhow::Result<Self> {
        stream.set_nonblocking(true)?;
        let reading = tokio::net::TcpStream::from_std(stream.try_clone().context("failed to share a socket")?)?;
        tokio::spawn(async move {
            let mut buffer = vec![0; 8 * 1024];
            while reading.readable().await.is_ok() {
                match reading.try_read(&mut buffer) {
                    Ok(0) => return,
                    Ok(length) => heard(buffer.get(..length).unwrap_or_default()),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        });
        Ok(Self(stream))
    }

    /// Writes all of it, from whatever thread.
    ///
    /// # Errors
    /// The connection broke.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.0.write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The reading half is another handle of the same connection, and ends with it.
        drop(self.0.shutdown(std::net::Shutdown::Both));
    }
}
