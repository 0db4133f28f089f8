//! Where to connect: what SRV records name (RFC 6120 §3.2, XEP-0368), what was configured, and which target comes next.

mod order;

use std::collections::VecDeque;

use crate::config::{Config, Target, TlsMode};

/// A list is asked for again after a day at the latest, whatever its TTL says.
pub(crate) const TTL_MS_MAX: u64 = 24 * 3_600_000;
/// Targets of one round; those behind them are left out, so that no answer can keep a phone busy for hours.
pub(crate) const TARGETS_MAX: usize = 16;
/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 64;
/// The longest host name in text (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;
/// The port of direct TLS when no record names one.
const DIRECT_PORT: u16 = 5223;
/// The port of STARTTLS when no record names one (RFC 6120 §3.2.2).
const STARTTLS_PORT: u16 = 5222;

/// A SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrvRecord {
    /// Lower ones are tried first.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host, with or without its last dot; `.` alone says that the service is not offered.
    pub target: String,
}

/// What the DNS says of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SrvAnswer {
    /// There are records, good for so many seconds.
    Found {
        /// The records.
        records: Vec<SrvRecord>,
        /// How long they may be used.
        ttl_s: u32,
    },
    /// There is none: the name does not exist, or has no record of this type.
    Absent,
    /// The DNS could not say: it failed, did not answer in time, or not in a way that can be read.
    Failed,
}

/// What is known of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Records(Vec<SrvRecord>),
    NotOffered,
    Absent,
}

/// The targets of a device: what the DNS said last, and what is left of the round.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    known: Vec<(TlsMode, Known)>,
    /// Until when what is known need not be asked again.
    fresh_until_ms: u64,
    rest: VecDeque<Target>,
}

impl Targets {
    /// Whether the DNS is to be asked before a new round.
    pub(crate) fn is_stale(&self, config: &Config, now_ms: u64) -> bool {
        !config.srv.is_empty() && now_ms >= self.fresh_until_ms
    }

    /// Another network may have another DNS: a new round, and what is known is asked again. It stays for when that fails.
    pub(crate) fn renew(&mut self) {
        self.fresh_until_ms = 0;
        self.rest.clear();
    }

    /// The next round begins at its best target.
    pub(crate) fn finish_round(&mut self) {
        self.rest.clear();
    }

    /// The next target of the round.
    pub(crate) fn next(&mut self) -> Option<Target> {
        self.rest.pop_front()
    }

    /// Whether the round has targets left.
    pub(crate) fn has_next(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Takes what the DNS said of the services. Where it could not say, what it said last goes on to hold, for one round.
    pub(crate) fn resolved(&mut self, answers: Vec<(TlsMode, SrvAnswer)>, now_ms: u64) {
        let mut fresh_ms = TTL_MS_MAX;
        for (service, answer) in answers {
            let (known, ttl_ms) = match answer {
                SrvAnswer::Found { records, ttl_s } => (read(records), u64::from(ttl_s) * 1_000),
                SrvAnswer::Absent => (Known::Absent, 0),
                SrvAnswer::Failed => {
                    fresh_ms = 0;
                    continue;
                }
            };
            // The absence of one service is as lasting as the presence of another.
            if known != Known::Absent {
                fresh_ms = fresh_ms.min(ttl_ms);
            }
            self.known.retain(|(other, _)| *other != service);
            self.known.push((service, known));
        }
        let has_records = self.known.iter().any(|(_, known)| matches!(known, Known::Records(_)));
        self.fresh_until_ms = if has_records { now_ms.saturating_add(fresh_ms) } else { 0 };
    }

    /// Begins a round: the records of all services mixed by priority and weight; without any, the domain itself where no
    /// record says that it offers nothing; a server that was configured comes last. `random` gives uniform numbers.
    pub(crate) fn begin_round(&mut self, config: &Config, random: &mut dyn FnMut() -> u64) {
        let mut records = Vec::new();
        for (service, known) in self.known.iter().filter(|(service, _)| config.srv.contains(service)) {
            if let Known::Records(found) = known {
                records.extend(found.iter().map(|record| (record.clone(), *service)));
            }
        }
        let ordered = order::order(records, random);
        let mut targets: Vec<Target> = Vec::new();
        for (record, tls) in ordered {
            let target = Target { host: record.target, port: record.port, tls };
            if targets.len() < TARGETS_MAX && !targets.contains(&target) {
                targets.push(target);
            }
        }
        match &config.server {
            Some(server) if !targets.contains(server) => targets.push(server.clone()),
            None if targets.is_empty() => targets = self.domain_itself(config),
            Some(_) | None => {}
        }
        self.rest = targets.into();
    }

    /// The domain's own addresses at the standard ports (RFC 6120 §3.2.2).
    fn domain_itself(&self, config: &Config) -> Vec<Target> {
        let is_refused = |tls| self.known.iter().any(|(service, known)| *service == tls && *known == Known::NotOffered);
        let services = [(TlsMode::Direct, DIRECT_PORT), (TlsMode::StartTls, STARTTLS_PORT)];
        let wanted = services.into_iter().filter(|(tls, _)| config.srv.is_empty() || config.srv.contains(tls));
        wanted
            .filter(|(tls, _)| !is_refused(*tls))
            .map(|(tls, port)| Target { host: config.domain.to_string(), port, tls })
            .collect()
    }
}

/// The records that can be used; none at all when each is `.` (RFC 2782).
fn read(records: Vec<SrvRecord>) -> Known {
    let is_root = |record: &SrvRecord| record.target.trim_end_matches('.').is_empty();
    if !records.is_empty() && records.iter().all(is_root) {
        return Known::NotOffered;
    }
    let records: Vec<SrvRecord> = records.into_iter().take(RECORDS_MAX).filter_map(usable).collect();
    if records.is_empty() { Known::Absent } else { Known::Records(records) }
}

fn usable(mut record: SrvRecord) -> Option<SrvRecord> {
    record.target = record.target.trim_end_matches('.').to_ascii_lowercase();
    let is_host = !record.target.is_empty()
        && record.target.len() <= HOST_BYTES_MAX
        && record.target.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (is_host && record.port != 0).then_some(record)
}

#[cfg(test)]
mod tests;
