//! What is said to a client that speaks plain HTTP where TLS is expected: without it such a client sees no more than broken bytes.

use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The text of the answer.
const TEXT: &str = "This port speaks TLS: use https:// in place of http://. Or let the server speak plain HTTP here: http_plaintext = true \
                    in its configuration, where what is sent can be read on the way.\n";
/// Between two lines in the log.
const LINES_APART: Duration = Duration::from_secs(60);

/// Whether a client begins as a request in plain text does: with a method in capitals, which no record of TLS begins with.
pub(super) async fn is_spoken(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let length = stream.peek(&mut first).await?;
    let [first] = first;
    Ok(length == 1 && first.is_ascii_uppercase())
}

/// Says so and closes. The carrier lingers, since nobody reads the request.
pub(super) async fn refuse(mut stream: impl AsyncWrite + Unpin) -> io::Result<()> {
    let head =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ";
    stream.write_all(format!("{head}{}\r\n\r\n{TEXT}", TEXT.len()).as_bytes()).await?;
    stream.shutdown().await
}

/// Tells the log of it, once in a while.
#[derive(Debug, Default)]
pub(super) struct Report(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    told_at: Option<Instant>,
    since: u64,
}

impl Report {
    pub(super) fn tell(&self, peer: IpAddr) {
        if let Some(count) = self.count(Instant::now()) {
            tracing::warn!(
                %peer,
                count,
                "plain http:// was spoken to the HTTPS port and refused: let it call https://, or set http_plaintext"
            );
        }
    }

    /// Counts one; gives how many there were when it is time for a line.
    fn count(&self, now: Instant) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since += 1;
        if counted.told_at.is_some_and(|at| now.duration_since(at) < LINES_APART) {
            return None;
        }
        counted.told_at = Some(now);
        Some(std::mem::take(&mut counted.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_log_is_told_once_a_minute_how_often_it_was() {
        let report = Report::default();
        let start = Instant::now();
        assert_eq!(report.count(start), Some(1));
        assert_eq!(report.count(start + LINES_APART / 2), None);
        assert_eq!(report.count(start + LINES_APART), Some(2));
    }
}
