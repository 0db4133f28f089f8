//! Closes a connection gently after a refusal: what the peer still sends is read and dropped for a moment, so that an answer to a
//! body that was not read (413, 415, …) is not lost to a reset. What comes before that goes past the guard of heads.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::Talk;
use super::heads::Heads;

/// How long a closed connection is still read.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that are dropped at most: bounds the work that a refused peer can cause.
const DROPPED_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes dropped at a time.
const CHUNK: usize = 16 * 1024;

/// A carrier whose shutdown lingers when the last answer was a refusal.
pub(super) struct Linger<S> {
    carrier: S,
    talk: Arc<Talk>,
    heads: Heads,
    lingering: Option<Pin<Box<Sleep>>>,
    is_shut: bool,
    dropped_bytes: usize,
}

impl<S> Linger<S> {
    pub(super) fn new(carrier: S, talk: Arc<Talk>) -> Self {
        Self { carrier, talk, heads: Heads::default(), lingering: None, is_shut: false, dropped_bytes: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Linger<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(pin!(&mut self.carrier).poll_read(cx, buffer))?;
        self.heads.pass(buffer.filled_mut().get_mut(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Linger<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        pin!(&mut self.carrier).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        pin!(&mut self.carrier).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.carrier.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.carrier).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(pin!(&mut self.carrier).poll_shutdown(cx))?;
            self.is_shut = true;
        }
        if !self.talk.was_refused.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let mut chunk = [0; CHUNK];
        loop {
            let mut buffer = ReadBuf::new(&mut chunk);
            if self.dropped_bytes >= DROPPED_BYTES_MAX {
                return Poll::Ready(Ok(()));
            }
            match pin!(&mut self.carrier).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => self.dropped_bytes += buffer.filled().len(),
                // The peer has closed as well, or has gone.
                Poll::Ready(Ok(()) | Err(_)) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let lingering = self.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
                    return lingering.as_mut().poll(cx).map(Ok);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_still_comes_is_dropped_and_the_end_is_noticed() {
        let (near, mut far) = duplex(64);
        let mut near = Linger::new(near, Talk::new());
        near.write_all(b"413").await.expect("room");
        let sending = async {
            far.write_all(&[7; 4_096]).await.expect("it is read");
            let mut answer = [0; 3];
            far.read_exact(&mut answer).await.expect("the answer is not lost");
            drop(far);
            answer
        };
        let (closed, answer) = tokio::join!(near.shutdown(), sending);
        closed.expect("a clean end");
        assert_eq!((near.dropped_bytes, &answer), (4_096, b"413"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_closes_is_left_after_a_moment() {
        let (near, _far) = duplex(64);
        let started = tokio::time::Instant::now();
        Linger::new(near, Talk::new()).shutdown().await.expect("a clean end");
        assert_eq!(started.elapsed().as_secs(), LINGER.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_success_the_end_is_at_once() {
        let (near, _far) = duplex(64);
        let started = tokio::time::Instant::now();
        let talk = Talk::new();
        talk.was_refused.store(false, Ordering::Relaxed);
        Linger::new(near, talk).shutdown().await.expect("a clean end");
        assert_eq!(started.elapsed().as_millis(), 0);
    }
}
