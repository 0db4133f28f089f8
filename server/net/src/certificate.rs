//! Certificates: reading PEM files with errors that name what is wrong, also anew while connections live.

mod validity;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::client_ca::ClientCa;
pub use validity::Validity;

/// The ALPN protocol of direct TLS (XEP-0368).
pub const ALPN_XMPP: &[u8] = b"xmpp-client";

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// A file holds no certificate.
    #[error("{} holds no certificate: a PEM file with the server's certificate first is expected", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file holds no authority.
    #[error("{} holds no certificate: a PEM file with the authorities of clients is expected", path.display())]
    NoAuthority {
        /// The file.
        path: PathBuf,
    },
    /// A file holds no private key.
    #[error("{} holds no private key: an unencrypted PEM key is expected", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key are not a pair.
    #[error("the key in {} is not that of the certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// They cannot be used with TLS.
    #[error("the certificate cannot be used")]
    Unusable(#[source] Error),
}

/// A certificate chain and its key, ready for TLS. Clones share it, and so do the configurations that are made of it.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<Current>);

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl Certificate {
    /// Reads a chain and its key from PEM files; both may be the same file.
    ///
    /// # Errors
    /// [`CertificateError`] names the file and what is wrong with it.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let read = |path: &Path| {
            let path = path.to_owned();
            move |source| CertificateError::Read { path, source }
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).map_err(read(certificate))?.collect();
        let chain = chain.map_err(read(certificate))?;
        if chain.is_empty() {
            return Err(CertificateError::NoCertificate { path: certificate.to_owned() });
        }
        let private = match PrivateKeyDer::from_pem_file(key) {
            Ok(private) => private,
            Err(pem::Error::NoItemsFound) => return Err(CertificateError::NoKey { path: key.to_owned() }),
            Err(source) => return Err(read(key)(source)),
        };
        let mismatch = Error::InconsistentKeys(InconsistentKeys::KeyMismatch);
        Self::new(chain, private).map_err(|error| {
            if error == mismatch {
                CertificateError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() }
            } else {
                CertificateError::Unusable(error)
            }
        })
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, Error> {
        CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map(|pair| Self(Arc::new(Current(RwLock::new(Arc::new(pair))))))
    }

    /// From the next handshake on this is `other`, in every configuration made of it; connections that are there go on.
    pub fn replace(&self, other: &Self) {
        let new = other.0.get();
        *self.0.0.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// The server's own certificate, the first of the chain, in DER.
    #[must_use]
    pub fn leaf(&self) -> Vec<u8> {
        self.0.get().end_entity_cert().map(|leaf| leaf.to_vec()).unwrap_or_default()
    }

    /// From when until when it is good; none when that cannot be read.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        Validity::of(&self.leaf())
    }

    /// A TLS configuration with this certificate, TLS 1.2 and 1.3. It keeps nothing of a connection that has ended: no session
    /// cache and no tickets, since FAST resumes logins.
    ///
    /// # Errors
    /// [`CertificateError::Unusable`] when the library refuses its own defaults.
    pub fn tls(&self, alpn: &[&[u8]]) -> Result<Arc<ServerConfig>, CertificateError> {
        self.tls_for(alpn, None)
    }

    /// As [`Self::tls`], for clients that show a certificate of these authorities.
    ///
    /// # Errors
    /// [`CertificateError::Unusable`] when the library refuses its own defaults.
    pub fn tls_for(&self, alpn: &[&[u8]], clients: Option<&ClientCa>) -> Result<Arc<ServerConfig>, CertificateError> {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::Unusable)?;
        let verifier = clients.map_or_else(WebPkiClientVerifier::no_client_auth, ClientCa::verifier);
        let resolver = Arc::clone(&self.0) as Arc<dyn ResolvesServerCert>;
        let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(resolver);
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::generate_simple_self_signed;

    use super::{ALPN_XMPP, Certificate, CertificateError};

    #[test]
    fn a_self_signed_certificate_loads_and_a_wrong_one_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let [own, other] = ["example.com", "localhost"]
            .map(|name| generate_simple_self_signed(vec![name.to_owned()]).expect("a name that can stand in it"));
        fs::write(path("cert.pem"), own.cert.pem()).expect("written");
        fs::write(path("key.pem"), own.signing_key.serialize_pem()).expect("written");
        fs::write(path("other.pem"), other.signing_key.serialize_pem()).expect("written");
        fs::write(path("empty.pem"), "").expect("written");
        let good = Certificate::load(&path("cert.pem"), &path("key.pem")).expect("a pair");
        assert_eq!(good.tls(&[ALPN_XMPP]).expect("a configuration").alpn_protocols, [ALPN_XMPP.to_vec()]);
        fs::write(path("other-key.pem"), other.signing_key.serialize_pem()).expect("written");
        fs::write(path("other-cert.pem"), other.cert.pem()).expect("written");
        let (shared, before) = (good.clone(), good.leaf());
        good.replace(&Certificate::load(&path("other-cert.pem"), &path("other-key.pem")).expect("a pair"));
        assert!(shared.leaf() == good.leaf() && shared.leaf() != before);
        let load =
            |certificate: &str, key: &str| Certificate::load(&path(certificate), &path(key)).expect_err("refused");
        assert!(matches!(load("cert.pem", "other.pem"), CertificateError::Mismatch { .. }));
        assert!(matches!(load("empty.pem", "key.pem"), CertificateError::NoCertificate { .. }));
        assert!(matches!(load("cert.pem", "cert.pem"), CertificateError::NoKey { .. }));
        let missing = load("missing.pem", "key.pem").to_string();
        assert!(missing.starts_with("failed to read ") && missing.ends_with("missing.pem"), "{missing}");
    }
}
