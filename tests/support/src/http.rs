//! A small HTTP/1.1 client: one connection per request, and an error that says whether the request may have been carried out.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nothing was sent.
    #[error("failed to connect to {0}")]
    NotConnected(String, #[source] std::io::Error),
    /// The request may have been carried out or not.
    #[error("the request was not answered")]
    Unanswered(#[source] std::io::Error),
    /// What came is no HTTP answer.
    #[error("the answer is not HTTP: {0}")]
    Malformed(String),
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A string field of the body; empty when there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        self.json().get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Reads an answer that came to its end.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let malformed = |what: &str| Failure::Malformed(format!("{what}: {}", String::from_utf8_lossy(bytes)));
        let end =
            bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(|| malformed("no header end"))?;
        let (head, body) = bytes.split_at(end);
        let head = std::str::from_utf8(head).map_err(|_| malformed("a header that is not text"))?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let mut response = Self {
            status: status.ok_or_else(|| malformed("no status"))?,
            headers,
            body: body.get(4..).unwrap_or_default().to_vec(),
        };
        if response.header("transfer-encoding") == Some("chunked") {
            response.body = unchunked(&response.body).ok_or_else(|| malformed("bad chunks"))?;
        } else if let Some(length) = response.header("content-length").and_then(|text| text.parse::<usize>().ok())
            && response.body.len() < length
        {
            return Err(Failure::Unanswered(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(response)
    }
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(rest.get(..end)?).ok()?.trim(), 16).ok()?;
        rest = rest.get(end + 2..)?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length + 2..)?;
    }
}

/// Speaks to one server with one API key.
#[derive(Clone, Debug)]
pub struct Client {
    address: String,
    key: Option<String>,
    namespace: Option<PathBuf>,
}

impl Client {
    /// A client of `host:port`.
    #[must_use]
    pub fn new(address: &str, key: Option<&str>) -> Self {
        if let Some(key) = key {
            crate::keep::key(key);
        }
        Self { address: address.to_owned(), key: key.map(str::to_owned), namespace: None }
    }

    /// The same client, whose connections begin inside a network namespace: its file, such as `/run/netns/NAME`.
    #[must_use]
    pub fn inside(mut self, namespace: &Path) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// GET.
    ///
    /// # Errors
    /// There is no answer.
    pub fn get(&self, path: &str) -> Result<Response, Failure> {
        self.send("GET", path, &[], b"")
    }

    /// DELETE.
    ///
    /// # Errors
    /// There is no answer.
    pub fn delete(&self, path: &str) -> Result<Response, Failure> {
        self.send("DELETE", path, &[], b"")
    }

    /// PUT of JSON; null sends no body.
    ///
    /// # Errors
    /// There is no answer.
    pub fn put(&self, path: &str, body: &Value) -> Result<Response, Failure> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.send("PUT", path, &[], text.as_bytes())
    }

    /// POST of JSON.
    ///
    /// # Errors
    /// There is no answer.
    pub fn post(&self, path: &str, body: &Value) -> Result<Response, Failure> {
        self.send("POST", path, &[], body.to_string().as_bytes())
    }

    /// POST of a notification under an `Idempotency-Key`.
    ///
    /// # Errors
    /// There is no answer.
    pub fn notify_once(&self, idempotency_key: &str, body: &Value) -> Result<Response, Failure> {
        self.send("POST", "/v1/notifications", &[("idempotency-key", idempotency_key)], body.to_string().as_bytes())
    }

    /// Any request.
    ///
    /// # Errors
    /// There is no answer.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Response, Failure> {
        let mut stream = self.connect().map_err(|error| Failure::NotConnected(self.address.clone(), error))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if let Some(key) = &self.key {
            head += &format!("authorization: Bearer {key}\r\n");
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        let exchanged = exchange(&mut stream, &bytes);
        let (answer, ended) = exchanged.map_err(Failure::Unanswered)?;
        if answer.is_empty() {
            let error = ended.unwrap_or_else(|| std::io::ErrorKind::UnexpectedEof.into());
            return Err(Failure::Unanswered(error));
        }
        Response::parse(&answer)
    }

    /// A socket stays in the namespace in which it was made; only a thread of its own goes there.
    fn connect(&self) -> std::io::Result<TcpStream> {
        let Some(namespace) = &self.namespace else { return TcpStream::connect(&self.address) };
        let inside = || {
            let namespace = File::open(namespace)?;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            TcpStream::connect(&self.address)
        };
        let connected = std::thread::scope(|scope| scope.spawn(inside).join());
        connected.unwrap_or_else(|_| Err(std::io::Error::other("the thread that connects panicked")))
    }
}

/// Sends and reads to the end. An answer that came before the connection broke counts: a server may refuse a body it did not read.
fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<(Vec<u8>, Option<std::io::Error>)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let written = stream.write_all(bytes);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    Ok((answer, written.err().or(read.err())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let bytes = b"HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\nLocation: /x\r\n\r\n{\"id\":\"7a\"}";
        let response = Response::parse(bytes).expect("it is well-formed");
        assert_eq!((response.status, response.header("location")), (202, Some("/x")));
        assert_eq!(response.field("id"), "7a");
    }

    #[test]
    fn chunks_are_joined() {
        let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        assert_eq!(Response::parse(bytes).expect("it is well-formed").body, b"abcde");
    }

    #[test]
    fn half_an_answer_is_none() {
        let bytes = b"HTTP/1.1 202 Accepted\r\ncontent-length: 11\r\n\r\n{\"id\"";
        assert!(matches!(Response::parse(bytes), Err(Failure::Unanswered(_))));
        assert!(matches!(Response::parse(b"HTTP/1.1 2"), Err(Failure::Malformed(_))));
    }
}
