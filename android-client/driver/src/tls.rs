//! TLS to the server: whom to trust, and what to say when that fails.

mod identity;
mod verify;

use std::sync::Arc;

use longwire_client::{Failure, FailureKind};
use longwire_protocol::sasl::TLS_EXPORTER_LABEL;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, ProtocolVersion, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use identity::{Identity, IdentityError};
pub use verify::Pin;
use verify::{AnyOf, Named, Pinned};

/// Whom to trust.
#[derive(Clone)]
pub enum Trust {
    /// What these authorities vouch for.
    Authorities(RootCertStore),
    /// These certificates, as authorities or as the server's own.
    Certificates(Vec<CertificateDer<'static>>),
    /// One key or certificate, whatever its name says.
    Pin(Pin),
    /// Whom the platform trusts; the name in the certificate is checked here.
    Platform(Arc<dyn CertificateCheck>),
}

/// The platform's judgement of certificates.
pub trait CertificateCheck: Send + Sync {
    /// Judges a chain, the server's own certificate first. It may wait: it has a thread of its own.
    ///
    /// # Errors
    /// Why the server is not to be trusted.
    fn check(&self, chain: Vec<Vec<u8>>, domain: String) -> Result<(), String>;
}

/// How a host calls what may mend a failure, in the words of its options; empty where there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    /// After an authority that is not known.
    pub authority: &'static str,
    /// After a name that is not the server's.
    pub domain: &'static str,
    /// After a certificate whose time is over, or has not come.
    pub clock: &'static str,
    /// After a port that does not speak TLS.
    pub starttls: &'static str,
    /// After a key that is another one than the pinned.
    pub pin: &'static str,
}

/// Why no connection can be secured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate cannot be used as an authority.
    #[error("cannot use the certificates: {0}")]
    Unusable(String),
    /// The domain is no name that a certificate could have.
    #[error("{0:?} is not a name that a certificate could have")]
    Name(String),
}

/// Makes TLS connections to one domain. Clones share it.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    hints: Hints,
    platform: Option<Arc<dyn CertificateCheck>>,
}

impl Tls {
    /// TLS to `domain`, by somebody who may have an identity to show.
    ///
    /// # Errors
    /// When the trusted certificates cannot be used, or `domain` is no name.
    pub fn new(domain: &str, trust: Trust, identity: Option<Identity>, hints: Hints) -> Result<Self, TlsError> {
        let name = ServerName::try_from(domain.to_owned()).map_err(|_| TlsError::Name(domain.to_owned()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut platform = None;
        let verifier: Arc<dyn ServerCertVerifier> = match trust {
            Trust::Authorities(roots) => AnyOf::authorities(roots, Vec::new(), &provider)?,
            Trust::Certificates(certificates) => AnyOf::authorities(roots(&certificates)?, certificates, &provider)?,
            Trust::Pin(pin) => Arc::new(Pinned::new(pin, &provider)),
            Trust::Platform(check) => {
                platform = Some(check);
                Arc::new(Named::new(&provider))
            }
        };
        let unusable = |error: rustls::Error| TlsError::Unusable(error.to_string());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match identity {
            Some(Identity(certified)) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name, hints, platform })
    }

    /// Secures a connection; gives the channel-binding data too when it is TLS 1.3.
    ///
    /// # Errors
    /// When the server is not to be trusted or speaks no TLS.
    pub async fn secure(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Option<[u8; 32]>), SecureError> {
        let stream = self.connector.connect(self.name.clone(), stream).await.map_err(|error| self.explain(&error))?;
        let (_, session) = stream.get_ref();
        let exporter = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => {
                session.export_keying_material([0; 32], TLS_EXPORTER_LABEL.as_bytes(), Some(&[])).ok()
            }
            Some(_) | None => None,
        };
        if let Some(platform) = &self.platform {
            let chain = session.peer_certificates().unwrap_or_default();
            let chain = chain.iter().map(|certificate| certificate.to_vec()).collect();
            self.ask(Arc::clone(platform), chain).await?;
        }
        Ok((stream, exporter))
    }

    /// Asks the platform, on a thread that may wait; before the first byte that is said inside TLS, also of a session that is resumed.
    async fn ask(&self, platform: Arc<dyn CertificateCheck>, chain: Vec<Vec<u8>>) -> Result<(), SecureError> {
        let domain = self.name.to_str().into_owned();
        let judged = tokio::task::spawn_blocking(move || platform.check(chain, domain)).await;
        judged.unwrap_or_else(|error| Err(error.to_string())).map_err(|why| {
            let text = format!("the certificate for {} is not one that this device trusts: {why}", self.name.to_str());
            SecureError { failure: Failure { kind: FailureKind::Certificate, text }, is_not_tls: false }
        })
    }

    fn explain(&self, error: &std::io::Error) -> SecureError {
        let (domain, hints) = (self.name.to_str(), &self.hints);
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let certificate =
            |text: String| SecureError { failure: Failure { kind: FailureKind::Certificate, text }, is_not_tls: false };
        if let Some(failure) = refused(error) {
            return SecureError { failure, is_not_tls: false };
        }
        match inner {
            Some(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
            )) => {
                certificate(format!("the server's certificate is not signed by a known authority{}", hints.authority))
            }
            Some(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => certificate(format!("the server's certificate is not for {domain}{}", hints.domain)),
            Some(rustls::Error::InvalidCertificate(reason)) => {
                let is_of_time = matches!(
                    reason,
                    CertificateError::Expired
                        | CertificateError::ExpiredContext { .. }
                        | CertificateError::NotValidYet
                        | CertificateError::NotValidYetContext { .. }
                );
                let hint = if is_of_time { hints.clock } else { "" };
                certificate(format!("the server's certificate for {domain} cannot be trusted: {reason}{hint}"))
            }
            Some(rustls::Error::General(text)) if text == verify::PIN_MISMATCH => {
                certificate(format!("the server's key is not the one that {}", hints.pin))
            }
            Some(rustls::Error::InvalidMessage(_)) => SecureError {
                failure: tls_failure(format!("the server does not speak TLS on this port{}", hints.starttls)),
                is_not_tls: true,
            },
            Some(error) => SecureError { failure: tls_failure(format!("TLS failed: {error}")), is_not_tls: false },
            None => SecureError { failure: tls_failure(format!("TLS failed: {error}")), is_not_tls: false },
        }
    }
}

/// Why a connection could not be secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecureError {
    /// What to tell.
    pub failure: Failure,
    /// Whether the server's first bytes were no TLS at all.
    pub is_not_tls: bool,
}

/// What the server has said when it did not take this device's certificate. In TLS 1.3 it says so when the device has finished its
/// handshake, in the place of an answer.
pub(crate) fn refused(error: &std::io::Error) -> Option<Failure> {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::AlertReceived(alert)) = inner else { return None };
    let why = if *alert == AlertDescription::CertificateRequired {
        return Some(client_certificate("the server asks for a certificate, and this device shows none".to_owned()));
    } else if *alert == AlertDescription::UnknownCA {
        "it is not of an authority that the server knows"
    } else if *alert == AlertDescription::CertificateExpired {
        "it has expired, or is not valid yet"
    } else if *alert == AlertDescription::CertificateRevoked {
        "it was revoked"
    } else if *alert == AlertDescription::UnsupportedCertificate {
        "it is not one for clients"
    } else if matches!(
        *alert,
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown | AlertDescription::AccessDenied
    ) {
        "the server does not say why"
    } else {
        return None;
    };
    Some(client_certificate(format!("the server refused this device's certificate: {why}")))
}

const fn client_certificate(text: String) -> Failure {
    Failure { kind: FailureKind::ClientCertificate, text }
}

fn tls_failure(text: String) -> Failure {
    Failure { kind: FailureKind::Tls, text }
}

/// Certificates as authorities.
fn roots(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate.clone()).map_err(|error| TlsError::Unusable(error.to_string()))?;
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use rustls::server::Acceptor;

    use super::*;

    #[test]
    fn a_refused_certificate_is_told_from_a_lost_connection() {
        let said = |alert| {
            let error = std::io::Error::new(std::io::ErrorKind::InvalidData, rustls::Error::AlertReceived(alert));
            refused(&error).map(|failure| (failure.kind, failure.text))
        };
        for (alert, words) in [
            (AlertDescription::CertificateRequired, "shows none"),
            (AlertDescription::UnknownCA, "authority"),
            (AlertDescription::CertificateExpired, "expired"),
            (AlertDescription::UnsupportedCertificate, "for clients"),
            (AlertDescription::CertificateUnknown, "does not say why"),
        ] {
            let (kind, text) = said(alert).expect("a refusal");
            assert!(kind == FailureKind::ClientCertificate && text.contains(words), "{text}");
        }
        assert_eq!(said(AlertDescription::InternalError), None);
        assert_eq!(refused(&std::io::ErrorKind::ConnectionReset.into()), None);
    }

    #[tokio::test]
    async fn the_server_is_asked_for_by_the_domain_and_told_what_will_be_spoken() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let pin = Trust::Pin("00".repeat(32).parse().expect("a pin"));
        let tls = Tls::new("push.example.com", pin, None, Hints::default()).expect("TLS");
        let client = async move { tls.secure(TcpStream::connect(address).await.expect("connected")).await.map(drop) };
        let client = tokio::spawn(client);
        let server = listener.accept().await.expect("accepted").0.into_std().expect("a socket");
        server.set_nonblocking(false).expect("blocking");
        let hello = tokio::task::spawn_blocking(move || {
            let (mut acceptor, mut server) = (Acceptor::default(), server);
            loop {
                acceptor.read_tls(&mut server).expect("a hello");
                if let Some(accepted) = acceptor.accept().expect("a whole one") {
                    let hello = accepted.client_hello();
                    let alpn = hello.alpn().map(|names| names.map(<[u8]>::to_vec).collect::<Vec<_>>());
                    return (hello.server_name().map(str::to_owned), alpn);
                }
            }
        });
        let (name, alpn) = hello.await.expect("no panic");
        assert_eq!(name.as_deref(), Some("push.example.com"), "RFC 7590 §3.3");
        assert_eq!(alpn, Some(vec![b"xmpp-client".to_vec()]), "XEP-0368 §3");
        assert!(client.await.expect("no panic").is_err(), "the server went");
    }
}
