//! TLS to the server: whom to trust, and what to say when that fails.

mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use longwire_client::{Failure, FailureKind};
use longwire_protocol::sasl::TLS_EXPORTER_LABEL;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ProtocolVersion, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use verify::Pin;
use verify::{AnyOf, Pinned};

/// Whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The system's certificate authorities.
    System,
    /// The certificates of a PEM file, as authorities or as the server's own.
    File(PathBuf),
    /// One key or certificate, whatever its name says.
    Pin(Pin),
}

/// Why no connection can be secured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read the certificates in {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// The file holds none.
    #[error("{0} holds no certificate")]
    Empty(PathBuf),
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
}

impl Tls {
    /// TLS to `domain`.
    ///
    /// # Errors
    /// When the trusted certificates cannot be used, or `domain` is no name.
    pub fn new(domain: &str, trust: &Trust) -> Result<Self, TlsError> {
        let name = ServerName::try_from(domain.to_owned()).map_err(|_| TlsError::Name(domain.to_owned()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match trust {
            Trust::System => AnyOf::authorities(system_roots()?, Vec::new(), &provider)?,
            Trust::File(path) => {
                let certificates = read_certificates(path)?;
                AnyOf::authorities(roots(&certificates)?, certificates, &provider)?
            }
            Trust::Pin(pin) => Arc::new(Pinned::new(pin.clone(), &provider)),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Unusable(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
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
        Ok((stream, exporter))
    }

    fn explain(&self, error: &std::io::Error) -> SecureError {
        let domain = self.name.to_str();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let certificate =
            |text: String| SecureError { failure: Failure { kind: FailureKind::Certificate, text }, is_not_tls: false };
        match inner {
            Some(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
            )) => certificate(
                "the server's certificate is not signed by a known authority; give its file with --ca, or --pin its key"
                    .to_owned(),
            ),
            Some(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => certificate(format!("the server's certificate is not for {domain}: is --domain right?")),
            Some(rustls::Error::InvalidCertificate(reason)) => {
                certificate(format!("the server's certificate for {domain} cannot be trusted: {reason}"))
            }
            Some(rustls::Error::General(text)) if text == verify::PIN_MISMATCH => {
                certificate("the server's key is not the one that --pin names".to_owned())
            }
            Some(rustls::Error::InvalidMessage(_)) => SecureError {
                failure: tls_failure("the server does not speak TLS on this port: try --starttls".to_owned()),
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

impl SecureError {
    /// The domain alone was to say where the server is, and did not.
    #[must_use]
    pub(crate) fn of_domain_alone(mut self, has_no_records: bool) -> Self {
        if self.failure.kind == FailureKind::Resolve {
            let records = if has_no_records { ", and no SRV records either" } else { "" };
            self.failure.text = format!("{}{records}; --server HOST:PORT names the server", self.failure.text);
        }
        self
    }
}

fn tls_failure(text: String) -> Failure {
    Failure { kind: FailureKind::Tls, text }
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err(TlsError::Unusable("the system has no certificate authorities; use --ca or --pin".to_owned()));
    }
    Ok(store)
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::File { path: path.to_owned(), source };
    let certificates = CertificateDer::pem_file_iter(path).map_err(failed)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if certificates.is_empty() { Err(TlsError::Empty(path.to_owned())) } else { Ok(certificates) }
}

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

    #[tokio::test]
    async fn the_server_is_asked_for_by_the_domain_and_told_what_will_be_spoken() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let pin = Trust::Pin("00".repeat(32).parse().expect("a pin"));
        let tls = Tls::new("push.example.com", &pin).expect("TLS");
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
