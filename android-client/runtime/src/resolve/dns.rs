//! A stub resolver: UDP, TCP when an answer was cut, each server in turn, twice.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use longwire_client::{Random as _, SrvAnswer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::message::{Kind, Said, question, read};
use super::{HostAddresses, Resolver};
use crate::rim::OsRandom;

/// How long one server has for one answer.
const TRY_MAX: Duration = Duration::from_millis(1_500);
/// How long a question may take in all; the client core waits for ten seconds.
const QUESTION_MAX: Duration = Duration::from_secs(8);
/// How often each server is asked.
const ROUNDS: usize = 2;
/// Servers of the system that are asked (as the C library does).
const SERVERS_MAX: usize = 3;
/// The largest datagram that is read; what is longer was cut and is asked for by TCP.
const DATAGRAM_BYTES: usize = 4_096;
const PORT: u16 = 53;

/// Asks DNS servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dns {
    servers: Vec<SocketAddr>,
    /// Whether the host's own look-up (files, caches) knows the addresses.
    has_host_addresses: bool,
}

impl Dns {
    /// The servers of this system.
    #[must_use]
    pub fn of_system() -> Self {
        let text = std::fs::read_to_string(Path::new("/etc/resolv.conf")).unwrap_or_default();
        Self { servers: servers(&text), has_host_addresses: true }
    }

    /// One server, for records and addresses.
    #[must_use]
    pub fn at(server: SocketAddr) -> Self {
        Self { servers: vec![server], has_host_addresses: false }
    }

    async fn ask(&self, name: &str, kind: Kind) -> Said {
        timeout(QUESTION_MAX, self.ask_all(name, kind)).await.unwrap_or(Said::Nothing)
    }

    async fn ask_all(&self, name: &str, kind: Kind) -> Said {
        let mut last = Said::Nothing;
        for _ in 0..ROUNDS {
            for server in &self.servers {
                let said = timeout(TRY_MAX, ask_one(*server, name, kind)).await;
                match said {
                    Ok(Ok(said @ (Said::Srv(_) | Said::Addresses(_)))) => return said,
                    Ok(Ok(Said::Failed)) => last = Said::Failed,
                    Ok(Ok(Said::Truncated | Said::Nothing) | Err(_)) | Err(_) => {}
                }
            }
        }
        last
    }
}

#[async_trait]
impl Resolver for Dns {
    async fn srv(&self, name: &str) -> SrvAnswer {
        match self.ask(name, Kind::Srv).await {
            Said::Srv(answer) => answer,
            Said::Addresses(_) | Said::Truncated | Said::Failed | Said::Nothing => SrvAnswer::Failed,
        }
    }

    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        if self.has_host_addresses {
            return HostAddresses.addresses(host).await;
        }
        let answers: [Said; 2] = tokio::join!(self.ask(host, Kind::V6), self.ask(host, Kind::V4)).into();
        let mut addresses = Vec::new();
        let mut why = io::Error::new(io::ErrorKind::NotFound, "the DNS has no address for it");
        for said in answers {
            match said {
                Said::Addresses(found) => addresses.extend(found),
                Said::Failed => why = io::Error::other("the DNS answered with a failure"),
                Said::Nothing | Said::Truncated | Said::Srv(_) => why = io::Error::other("the DNS did not answer"),
            }
        }
        if addresses.is_empty() { Err(why) } else { Ok(addresses) }
    }
}

/// One question to one server: from a port of its own with an id of its own, so that an answer is hard to forge.
async fn ask_one(server: SocketAddr, name: &str, kind: Kind) -> io::Result<Said> {
    let mut id = [0; 2];
    OsRandom.fill(&mut id);
    let id = u16::from_be_bytes(id);
    let question = question(id, name, kind).ok_or_else(|| io::Error::other("not a name of the DNS"))?;
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(&question).await?;
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match read(buffer.get(..length).unwrap_or_default(), id, name, kind) {
            Some(Said::Truncated) => return ask_by_tcp(server, &question, id, name, kind).await,
            Some(said) => return Ok(said),
            None => {} // not our answer, or none that can be read: the true one may follow
        }
    }
}

async fn ask_by_tcp(server: SocketAddr, question: &[u8], id: u16, name: &str, kind: Kind) -> io::Result<Said> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(question);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    read(&answer, id, name, kind).ok_or_else(|| io::Error::other("not an answer"))
}

/// The servers that a `resolv.conf` names; this host when it names none.
fn servers(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let addresses = named.filter_map(|rest| rest.trim().parse::<IpAddr>().ok());
    let servers: Vec<SocketAddr> = addresses.map(|address| (address, PORT).into()).take(SERVERS_MAX).collect();
    if servers.is_empty() { vec![(Ipv4Addr::LOCALHOST, PORT).into()] } else { servers }
}

#[cfg(test)]
mod tests {
    use simple_dns::{Packet, PacketFlag, RCODE};

    use super::*;

    /// Asks a server that answers each question with this code, or not at all.
    async fn words_of(code: Option<RCODE>) -> String {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let dns = Dns::at(server.local_addr().expect("an address"));
        let serving = tokio::spawn(async move {
            let mut buffer = vec![0; DATAGRAM_BYTES];
            while let (Ok((length, asker)), Some(code)) = (server.recv_from(&mut buffer).await, code) {
                let mut answer = Packet::parse(buffer.get(..length).expect("read")).expect("a question").into_reply();
                *answer.rcode_mut() = code;
                answer.set_flags(PacketFlag::RESPONSE);
                let answer = answer.build_bytes_vec().expect("bytes");
                server.send_to(&answer, asker).await.expect("sent");
            }
        });
        let error = dns.addresses("push.example.com").await.expect_err("no addresses");
        serving.abort();
        error.to_string()
    }

    #[tokio::test]
    async fn no_address_a_failure_and_silence_are_told_apart() {
        assert_eq!(words_of(Some(RCODE::NameError)).await, "the DNS has no address for it");
        assert_eq!(words_of(Some(RCODE::NoError)).await, "the DNS has no address for it");
        assert_eq!(words_of(Some(RCODE::ServerFailure)).await, "the DNS answered with a failure");
        // The port is closed after the first question.
        assert_eq!(words_of(None).await, "the DNS did not answer");
    }

    #[test]
    fn the_servers_of_a_system() {
        let text =
            "# nameserver 192.0.2.9\nsearch example\nnameserver 192.0.2.1\n nameserver\t2001:db8::1\nnameserver x\n";
        let expected = ["192.0.2.1:53", "[2001:db8::1]:53"].map(|text| text.parse().expect("an address"));
        assert_eq!(servers(text), expected);
        assert_eq!(servers(&"nameserver 192.0.2.1\n".repeat(9)).len(), SERVERS_MAX);
        assert_eq!(servers(""), ["127.0.0.1:53".parse().expect("an address")]);
    }
}
