//! HTTP requests over connections that stay, each target's in its own form.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::link::dial;
use super::session::Writer;

/// How a target is asked over HTTP to give a text to a device.
#[derive(Clone, Debug)]
pub(crate) enum Posting {
    /// `POST /v1/notifications` with this API key; `is_kept` decides between the default TTL and 0.
    Longwire { key: String },
    /// `POST /api/send_message` (`mod_http_api`).
    Ejabberd,
    /// `POST /bench/NAME`, by a module of ten lines that the harness brings.
    Prosody,
    /// `POST /NAME`.
    Lines,
}

impl Posting {
    /// The bytes of a request; `to` is a device as this target calls it, or empty for all of them.
    pub(crate) fn request(&self, to: &str, text: &str, is_kept: bool) -> Vec<u8> {
        match self {
            Self::Longwire { key } => {
                let ttl = if is_kept { "" } else { ",\"ttl\":0" };
                let to = if to.is_empty() { "all".to_owned() } else { format!("device:{to}") };
                let body = format!("{{\"to\":\"{to}\",\"title\":\"Bench\",\"body\":\"{text}\"{ttl}}}");
                request("/v1/notifications", &format!("authorization: Bearer {key}\r\n"), &body)
            }
            Self::Ejabberd => {
                let body = format!(
                    "{{\"type\":\"headline\",\"from\":\"localhost\",\"to\":\"{to}\",\"subject\":\"Bench\",\"body\":\"{text}\"}}"
                );
                request("/api/send_message", "", &body)
            }
            Self::Prosody => request(&format!("/bench/{to}"), "", text),
            Self::Lines => request(&format!("/{to}"), "", &format!("{text}\n")),
        }
    }
}

fn request(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Poster {
    stream: TcpStream,
    carry: Vec<u8>,
}

impl Poster {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens.
    pub(crate) async fn connect(port: u16, number: usize) -> anyhow::Result<Self> {
        let stream = dial(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), number).await?;
        Ok(Self { stream, carry: Vec::new() })
    }

    /// Sends a request and waits for its answer, which must be a 2xx; gives its body.
    ///
    /// # Errors
    /// There is none, or it is another.
    pub(crate) async fn post(&mut self, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.stream.write_all(request).await?;
        loop {
            if let Some(answer) = answer(&self.carry)? {
                let bytes: Vec<u8> = self.carry.drain(..answer.length).collect();
                let text = || String::from_utf8_lossy(&bytes).into_owned();
                ensure!(answer.status / 100 == 2, "a request was answered {}", text());
                return Ok(bytes.get(answer.head..).unwrap_or_default().to_vec());
            }
            ensure!(self.stream.read_buf(&mut self.carry).await? > 0, "the connection ended before the answer");
        }
    }

    /// A way to send from any thread, whose answers are counted: `accepted` those that are a 2xx.
    ///
    /// # Errors
    /// The socket cannot be shared.
    pub(crate) fn into_writer(self, accepted: Arc<AtomicU64>) -> anyhow::Result<Writer> {
        let mut carry = self.carry;
        Writer::new(self.stream.into_std()?, move |bytes| {
            carry.extend_from_slice(bytes);
            while let Ok(Some(answer)) = answer(&carry) {
                accepted.fetch_add(u64::from(answer.status / 100 == 2), Ordering::Relaxed);
                carry.drain(..answer.length);
            }
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Bytes up to the body.
    head: usize,
    /// All bytes.
    length: usize,
}

/// The first answer of what was read; none while it is not whole.
fn answer(bytes: &[u8]) -> anyhow::Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("an answer without a status")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = match length {
        Some(text) => text.trim().parse().context("a strange content-length")?,
        None => 0,
    };
    ensure!(!head.contains("transfer-encoding: chunked"), "an answer in chunks");
    let (head, length) = (end + 4, end + 4 + length);
    Ok((bytes.len() >= length).then_some(Answer { status, head, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_when_it_is_whole() {
        let bytes = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nabHTTP";
        let whole = Answer { status: 202, head: 44, length: 46 };
        assert_eq!(answer(bytes).expect("it is HTTP"), Some(whole));
        assert_eq!(answer(&bytes[..45]).expect("it is HTTP"), None);
        assert!(answer(b"HTTP/1.1\r\n\r\n").is_err());
        assert!(answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn what_is_not_kept_says_so() {
        let posting = Posting::Longwire { key: "k".to_owned() };
        let text = |kept| String::from_utf8(posting.request("d", "t", kept)).expect("text");
        assert!(text(false).ends_with("{\"to\":\"device:d\",\"title\":\"Bench\",\"body\":\"t\",\"ttl\":0}"));
        assert!(!text(true).contains("ttl"));
        assert!(String::from_utf8(posting.request("", "t", true)).expect("text").contains("\"to\":\"all\""));
    }
}
