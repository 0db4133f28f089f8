//! HTTP byte by byte, from any address of the loopback network.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use longwire_test_support::Response;
use socket2::{Domain, Socket, Type};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends bytes from `source`, and reads one answer.
pub(crate) fn exchange(address: &str, source: IpAddr, bytes: &[u8]) -> anyhow::Result<Response> {
    Ok(Response::parse(&answer(address, source, bytes)?)?)
}

/// Sends bytes from `source`, and reads one answer as it stands, or what there is of it when the connection ends.
pub(crate) fn answer(address: &str, source: IpAddr, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let address: SocketAddr = address.parse().context("an address")?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect(&address.into())?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    while !is_whole(&answer) {
        match stream.read(&mut buffer).context("the answer does not come")? {
            0 => break,
            length => answer.extend_from_slice(&buffer[..length]),
        }
    }
    if answer.is_empty() {
        bail!("the connection ended without an answer");
    }
    Ok(answer)
}

/// Whether head and body are there: what keeps its connection open says how long its body is.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| answer.len() >= end + 4 + length)
}
