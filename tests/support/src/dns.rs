//! A DNS server on loopback that says what a test wants: records, nothing, failure, silence, or noise before the truth.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use simple_dns::rdata::{A, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

/// What the server says about SRV records of a name. Hosts have the address 127.0.0.1, whatever they are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// These records: priority, port and target.
    Records(Vec<(u16, u16, String)>),
    /// The name exists and has none.
    Nothing,
    /// The server failed.
    Failure,
    /// No answer.
    Silence,
}

#[derive(Debug, Default)]
struct Zone {
    says: BTreeMap<String, Says>,
    ttl_s: u32,
    is_noisy: bool,
    is_cut: bool,
    asked: Vec<String>,
}

/// Ports that are tried: one that is free for UDP may be taken for TCP.
const PORTS_TRIED: usize = 32;

/// Both sockets, on one port.
fn sockets() -> anyhow::Result<(UdpSocket, TcpListener)> {
    let mut taken = None;
    for _ in 0..PORTS_TRIED {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to bind a DNS server")?;
        match TcpListener::bind(udp.local_addr()?) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if error.kind() == ErrorKind::AddrInUse => taken = Some(error),
            Err(error) => return Err(error).context("failed to bind a DNS server's TCP"),
        }
    }
    Err(anyhow::anyhow!("no port of {PORTS_TRIED} is free for UDP and TCP: {taken:?}"))
}

/// The server; it ends with the process.
#[derive(Clone, Debug)]
pub struct Dns {
    /// Where it listens.
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

impl Dns {
    /// A server that knows no SRV record.
    ///
    /// # Errors
    /// There is no port for it.
    pub fn start() -> anyhow::Result<Self> {
        let (udp, tcp) = sockets()?;
        let address = udp.local_addr()?;
        let zone = Arc::new(Mutex::new(Zone { ttl_s: 300, ..Zone::default() }));
        let dns = Self { address, zone };
        let (of_udp, of_tcp) = (dns.clone(), dns.clone());
        std::thread::spawn(move || of_udp.serve_udp(&udp));
        std::thread::spawn(move || of_tcp.serve_tcp(&tcp));
        Ok(dns)
    }

    /// From now on it says this of a name; of names that nothing was said of, that they do not exist.
    pub fn say(&self, name: &str, says: Says) {
        self.zone().says.insert(name.to_owned(), says);
    }

    /// From now on records are good for so many seconds.
    pub fn set_ttl(&self, ttl_s: u32) {
        self.zone().ttl_s = ttl_s;
    }

    /// From now on forged and broken datagrams come before each answer.
    pub fn be_noisy(&self) {
        self.zone().is_noisy = true;
    }

    /// From now on SRV answers are too long for UDP.
    pub fn cut_answers(&self) {
        self.zone().is_cut = true;
    }

    /// How often the SRV records of a name were asked for.
    #[must_use]
    pub fn asked(&self, name: &str) -> usize {
        self.zone().asked.iter().filter(|asked| *asked == name).count()
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn manners(&self) -> (bool, bool) {
        let zone = self.zone();
        (zone.is_noisy, zone.is_cut)
    }

    fn serve_udp(&self, socket: &UdpSocket) {
        let mut buffer = [0; 1_024];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let question = buffer.get(..length).unwrap_or_default();
            let (is_noisy, is_cut) = self.manners();
            let Some(answer) = self.answer(question, is_cut) else { continue };
            let noise = if is_noisy { noise(question, &answer) } else { Vec::new() };
            for datagram in noise.into_iter().chain([answer]) {
                // A client that has gone needs no answer.
                drop(socket.send_to(&datagram, client));
            }
        }
    }

    fn serve_tcp(&self, listener: &TcpListener) {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut length = [0; 2];
            let mut answered = || {
                stream.read_exact(&mut length)?;
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question)?;
                let answer = self.answer(&question, false).unwrap_or_default();
                let length = u16::try_from(answer.len()).map_err(std::io::Error::other)?;
                stream.write_all(&[&length.to_be_bytes(), answer.as_slice()].concat())
            };
            // A client that has gone needs no answer.
            drop(answered());
        }
    }

    fn answer(&self, question: &[u8], is_cut: bool) -> Option<Vec<u8>> {
        let question = Packet::parse(question).ok()?;
        let asked = question.questions.first()?.clone();
        let name = asked.qname.to_string();
        let mut answer = Packet::new_reply(question.id());
        answer.questions.push(asked.clone());
        let is_srv = asked.qtype == QTYPE::TYPE(TYPE::SRV);
        if asked.qtype == QTYPE::TYPE(TYPE::A) {
            let data = RData::A(A::from(Ipv4Addr::LOCALHOST));
            answer.answers.push(ResourceRecord::new(asked.qname.clone(), CLASS::IN, 60, data));
        } else if is_srv {
            let mut zone = self.zone();
            zone.asked.push(name.clone());
            let (says, ttl_s) = (zone.says.get(&name).cloned(), zone.ttl_s);
            drop(zone);
            match says {
                None => *answer.rcode_mut() = RCODE::NameError,
                Some(Says::Nothing) => {}
                Some(Says::Failure) => *answer.rcode_mut() = RCODE::ServerFailure,
                Some(Says::Silence) => return None,
                Some(Says::Records(_)) if is_cut => answer.set_flags(PacketFlag::TRUNCATION),
                Some(Says::Records(records)) => {
                    for (priority, port, target) in records {
                        let target = Name::new(&target).ok()?.into_owned();
                        let data = RData::SRV(SRV { priority, weight: 0, port, target });
                        answer.answers.push(ResourceRecord::new(asked.qname.clone(), CLASS::IN, ttl_s, data));
                    }
                }
            }
        }
        answer.build_bytes_vec_compressed().ok()
    }
}

/// Datagrams that are no answer: empty, another id, cut short, a name that points at itself, a count without end, and a lot of zeros.
fn noise(question: &[u8], answer: &[u8]) -> Vec<Vec<u8>> {
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut datagram = answer.to_vec();
        change(&mut datagram);
        datagram
    };
    vec![
        Vec::new(),
        question.to_vec(),
        changed(&|datagram| datagram.iter_mut().take(2).for_each(|byte| *byte ^= 0x5a)),
        changed(&|datagram| datagram.truncate(20)),
        changed(&|datagram| {
            datagram.truncate(12);
            datagram.extend([0xC0, 12, 0, 33, 0, 1]);
        }),
        changed(&|datagram| datagram.iter_mut().skip(6).take(6).for_each(|byte| *byte = 0xFF)),
        vec![0; 60_000],
    ]
}
