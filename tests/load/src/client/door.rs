//! How a target is come in to: ports, trust, and what is spoken there.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;

/// Addresses of the loopback network that connections come from, so that their ports suffice.
const SOURCES: usize = 32;

/// What a target speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// XMPP with SASL2, Bind 2, FAST and the push extension inside TLS; plain XMPP without.
    Longwire,
    /// Plain XMPP.
    Xmpp,
    /// MQTT 3.1.1.
    Mqtt,
    /// The floor's lines.
    Lines,
}

/// What carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carriage {
    /// TCP.
    Plain,
    /// TCP that changes to TLS (RFC 6120 §5).
    StartTls,
    /// TLS from the first byte.
    Tls,
}

impl Carriage {
    /// In the name of a row.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::StartTls => "STARTTLS",
            Self::Tls => "TLS",
        }
    }
}

/// A door.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) speech: Speech,
    pub(crate) plain: u16,
    pub(crate) tls: u16,
    pub(crate) trust: Arc<ClientConfig>,
}

impl Door {
    /// Where a carriage goes.
    pub(crate) fn address(&self, carriage: Carriage) -> SocketAddr {
        let port = match carriage {
            Carriage::Plain | Carriage::StartTls => self.plain,
            Carriage::Tls => self.tls,
        };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// Whether sessions are those of phones, which store and acknowledge by themselves.
    pub(crate) fn is_push(&self, carriage: Carriage) -> bool {
        self.speech == Speech::Longwire && carriage != Carriage::Plain
    }
}

/// Where the `number`th client comes from.
pub(crate) fn source(number: usize) -> Ipv4Addr {
    let last = u8::try_from(number % SOURCES).unwrap_or_default();
    Ipv4Addr::new(127, 0, 1, last + 1)
}

/// The name of the `number`th client.
pub(crate) fn name(number: usize) -> String {
    format!("user-{number}")
}

/// The password of them all.
pub(crate) const PASSWORD: &str = "secret-word";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nineteen_thousand_clients_leave_each_source_with_ports_to_spare() {
        let mut counts = std::collections::HashMap::new();
        (0..19_000).for_each(|number| *counts.entry(source(number)).or_insert(0) += 1);
        assert!(counts.len() == SOURCES && counts.values().all(|count| *count < 1_000));
    }
}
