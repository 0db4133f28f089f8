//! Counts what goes over a socket: bytes each way, and how often the client waits for the other side.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What went over a socket, TCP's own bytes not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// How often something came after something had been sent.
    pub(crate) turns: u64,
    is_waiting: bool,
}

impl Traffic {
    const fn note_sent(&mut self, bytes: u64) {
        self.sent += bytes;
        self.is_waiting = true;
    }

    const fn note_received(&mut self, bytes: u64) {
        self.received += bytes;
        if self.is_waiting && bytes > 0 {
            self.turns += 1;
            self.is_waiting = false;
        }
    }

    /// What went since `before`.
    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent - before.sent,
            received: self.received - before.received,
            turns: self.turns - before.turns,
            is_waiting: self.is_waiting,
        }
    }

    /// Both ways.
    pub(crate) const fn bytes(self) -> u64 {
        self.sent + self.received
    }
}

/// A socket that is counted.
#[derive(Debug)]
pub(crate) struct Counted {
    stream: TcpStream,
    traffic: Traffic,
}

impl Counted {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, traffic: Traffic::default() }
    }

    pub(super) const fn traffic(&self) -> Traffic {
        self.traffic
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.stream
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        self.traffic.note_received((buffer.filled().len() - before) as u64);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        if let Ok(length) = &written {
            self.traffic.note_sent(*length as u64);
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_an_answer_however_many_pieces_it_has() {
        let mut traffic = Traffic::default();
        traffic.note_received(5);
        traffic.note_sent(10);
        traffic.note_sent(10);
        traffic.note_received(1);
        traffic.note_received(1);
        let before = traffic;
        traffic.note_sent(3);
        traffic.note_received(2);
        assert_eq!((traffic.sent, traffic.received, traffic.turns), (23, 9, 2));
        let since = traffic.since(before);
        assert_eq!((since.bytes(), since.turns), (5, 1));
    }
}
