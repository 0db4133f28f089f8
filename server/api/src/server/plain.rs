//! What is said to a client that speaks plain HTTP where TLS is expected: without it such a client sees no more than broken bytes.

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::lines::Lines;

/// The text of the answer.
const TEXT: &str = "This port speaks TLS: use https:// in place of http://. Or let the server speak plain HTTP here: http_plaintext = true \
                    in its configuration, where what is sent can be read on the way.\n";

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
pub(super) struct Report(Lines);

impl Report {
    pub(super) fn tell(&self, peer: IpAddr) {
        if let Some(count) = self.0.count(Instant::now()) {
            tracing::warn!(
                %peer,
                count,
                "plain http:// was spoken to the HTTPS port and refused: let it call https://, or set http_plaintext"
            );
        }
    }
}
