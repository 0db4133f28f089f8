//! DNS messages (RFC 1035, RFC 2782): the question, and what is believed of an answer. Pure.

use std::net::IpAddr;

use longwire_client::{SrvAnswer, SrvRecord};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

/// Records of one section; an answer that announces more is not read.
const RECORDS_MAX: u16 = 512;
/// Aliases that are followed.
const ALIASES_MAX: usize = 8;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Srv,
    V4,
    V6,
}

impl Kind {
    const fn record_type(self) -> TYPE {
        match self {
            Self::Srv => TYPE::SRV,
            Self::V4 => TYPE::A,
            Self::V6 => TYPE::AAAA,
        }
    }
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// SRV records, or their absence.
    Srv(SrvAnswer),
    /// Addresses, if any.
    Addresses(Vec<IpAddr>),
    /// It was cut: to be asked by TCP.
    Truncated,
    /// The server cannot say.
    Failed,
    /// Nobody answered.
    Nothing,
}

/// The question as bytes; `None` when the name is none that the DNS can have.
pub(super) fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let (kind, class) = (QTYPE::TYPE(kind.record_type()), QCLASS::CLASS(CLASS::IN));
    packet.questions.push(Question::new(Name::new(name).ok()?, kind, class, false));
    packet.build_bytes_vec().ok()
}

/// Reads the answer to a question; `None` when it is not one, so that a forged or broken one does not end the wait for the true one.
pub(super) fn read(bytes: &[u8], id: u16, name: &str, kind: Kind) -> Option<Said> {
    let counts = bytes.get(4..12)?.chunks(2).map(|pair| pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)));
    if counts.clone().any(|count| count > RECORDS_MAX) {
        return None;
    }
    let packet = Packet::parse(bytes).ok()?;
    let asked = packet.questions.first().filter(|_| packet.questions.len() == 1)?;
    let is_answer = packet.id() == id
        && packet.has_flags(PacketFlag::RESPONSE)
        && asked.qtype == QTYPE::TYPE(kind.record_type())
        && asked.qclass == QCLASS::CLASS(CLASS::IN)
        && text(&asked.qname) == name.to_ascii_lowercase();
    if !is_answer {
        return None;
    }
    let is_whole = !packet.has_flags(PacketFlag::TRUNCATION);
    let is_known = matches!(packet.rcode(), RCODE::NoError | RCODE::NameError);
    Some(match (is_known, is_whole) {
        (true, true) => believed(&packet, name, kind),
        (true, false) => Said::Truncated,
        (false, _) => Said::Failed,
    })
}

/// The records of the name that was asked for, or of the one that it is an alias of; no others.
fn believed(packet: &Packet<'_>, name: &str, kind: Kind) -> Said {
    let (mut owner, mut ttl_s) = (name.to_ascii_lowercase(), u32::MAX);
    for _ in 0..ALIASES_MAX {
        let alias = packet.answers.iter().find_map(|record| {
            let RData::CNAME(alias) = &record.rdata else { return None };
            (text(&record.name) == owner).then(|| (text(&alias.0), record.ttl))
        });
        let Some((target, alias_ttl_s)) = alias else { break };
        (owner, ttl_s) = (target, ttl_s.min(seconds(alias_ttl_s)));
    }
    let (mut srv, mut addresses) = (Vec::new(), Vec::new());
    for record in packet.answers.iter().filter(|record| record.class == CLASS::IN && text(&record.name) == owner) {
        match (&record.rdata, kind) {
            (RData::SRV(found), Kind::Srv) => {
                ttl_s = ttl_s.min(seconds(record.ttl));
                let (priority, weight, port) = (found.priority, found.weight, found.port);
                srv.push(SrvRecord { priority, weight, port, target: host(&found.target) });
            }
            (RData::A(found), Kind::V4) => addresses.push(IpAddr::V4(found.address.into())),
            (RData::AAAA(found), Kind::V6) => addresses.push(IpAddr::V6(found.address.into())),
            _ => {}
        }
    }
    match kind {
        Kind::Srv if srv.is_empty() => Said::Srv(SrvAnswer::Absent),
        Kind::Srv => Said::Srv(SrvAnswer::Found { records: srv, ttl_s }),
        Kind::V4 | Kind::V6 => Said::Addresses(addresses),
    }
}

/// A TTL with the highest bit set is none (RFC 2181 §8).
const fn seconds(ttl: u32) -> u32 {
    if ttl > i32::MAX.cast_unsigned() { 0 } else { ttl }
}

fn text(name: &Name<'_>) -> String {
    name.to_string().trim_end_matches('.').to_ascii_lowercase()
}

/// A target as text; the root is a dot.
fn host(name: &Name<'_>) -> String {
    let text = text(name);
    if text.is_empty() { ".".to_owned() } else { text }
}

#[cfg(test)]
mod tests;
