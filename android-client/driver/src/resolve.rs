//! Where names lead to: SRV records and addresses, asked of a resolver that the host or the platform supplies.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;
use longwire_client::{SrvAnswer, TlsMode};

/// Asks the DNS; an Android app gives the platform's own.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The SRV records of a name such as `_xmpps-client._tcp.example.com`. It answers in time: `Failed` when nobody else does.
    async fn srv(&self, name: &str) -> SrvAnswer;

    /// The addresses of a host.
    ///
    /// # Errors
    /// When there are none, or nobody can say.
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The host's own look-up of addresses, for those who use no SRV records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostAddresses;

#[async_trait]
impl Resolver for HostAddresses {
    async fn srv(&self, _name: &str) -> SrvAnswer {
        SrvAnswer::Failed
    }

    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// What the DNS says of each service of a domain, asked at the same time. Addresses and the host itself have no records.
pub(crate) async fn services(resolver: &dyn Resolver, domain: &str, services: &[TlsMode]) -> Vec<(TlsMode, SrvAnswer)> {
    let ask = async |service: TlsMode, label: &str| {
        if !services.contains(&service) {
            return None;
        }
        let answer =
            if is_local(domain) { SrvAnswer::Absent } else { resolver.srv(&format!("{label}._tcp.{domain}")).await };
        Some((service, answer))
    };
    let (direct, starttls) =
        tokio::join!(ask(TlsMode::Direct, "_xmpps-client"), ask(TlsMode::StartTls, "_xmpp-client"));
    direct.into_iter().chain(starttls).collect()
}

/// Whether the DNS has nothing to say of a name (RFC 6761 §6.3).
fn is_local(domain: &str) -> bool {
    let bare = domain.trim_start_matches('[').trim_end_matches(']');
    domain == "localhost" || domain.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Asked(Mutex<Vec<String>>);

    #[async_trait]
    impl Resolver for Asked {
        async fn srv(&self, name: &str) -> SrvAnswer {
            self.0.lock().expect("one thread").push(name.to_owned());
            SrvAnswer::Absent
        }

        async fn addresses(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
            Ok(Vec::new())
        }
    }

    #[tokio::test]
    async fn each_service_has_its_name_and_what_is_local_is_not_asked_for() {
        let both = [TlsMode::Direct, TlsMode::StartTls];
        for (domain, wanted, names) in [
            ("example.com", &both[..], vec!["_xmpps-client._tcp.example.com", "_xmpp-client._tcp.example.com"]),
            ("example.com", &both[1..], vec!["_xmpp-client._tcp.example.com"]),
            ("localhost", &both[..], vec![]),
            ("192.0.2.1", &both[..], vec![]),
            ("[2001:db8::1]", &both[..], vec![]),
        ] {
            let asked = Asked::default();
            let answers = services(&asked, domain, wanted).await;
            assert_eq!(answers.iter().map(|(service, _)| *service).collect::<Vec<_>>(), wanted, "{domain}");
            assert_eq!(*asked.0.lock().expect("one thread"), names, "{domain}");
        }
    }
}
