//! Certificates of clients: the authorities that they must be of, which can be read anew while connections live.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError as CertificateRefusal, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::certificate::CertificateError;

/// Authorities whose certificates clients show in the TLS handshake. Clones share them.
#[derive(Clone, Debug)]
pub struct ClientCa(Arc<Judge>);

#[derive(Debug)]
struct Judge {
    is_required: bool,
    current: RwLock<Arc<dyn ClientCertVerifier>>,
}

impl ClientCa {
    /// Reads authorities from a PEM file. Without `is_required` a client may show no certificate; one that it shows must be theirs.
    ///
    /// # Errors
    /// [`CertificateError`] names the file and what is wrong with it.
    pub fn load(path: &Path, is_required: bool) -> Result<Self, CertificateError> {
        let read = |source| CertificateError::Read { path: path.to_owned(), source };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path).map_err(read)? {
            roots.add(certificate.map_err(read)?).map_err(CertificateError::Unusable)?;
        }
        if roots.is_empty() {
            return Err(CertificateError::NoAuthority { path: path.to_owned() });
        }
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let current = built.map_err(|error| CertificateError::Unusable(Error::General(error.to_string())))?;
        Ok(Self(Arc::new(Judge { is_required, current: RwLock::new(current) })))
    }

    /// From the next handshake on the authorities are those of `other`.
    pub fn replace(&self, other: &Self) {
        let new = other.0.current();
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    pub(crate) fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.0) as Arc<dyn ClientCertVerifier>
    }
}

impl Judge {
    fn current(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientCertVerifier for Judge {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    /// None: they may change, and who has a certificate for this server shows it.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verdict = self.current().verify_client_cert(end_entity, intermediates, now);
        // By an authority of the same name with another key, such as one made anew: the alert of a bad signature tells a client nothing.
        let is_namesake = matches!(verdict, Err(Error::InvalidCertificate(CertificateRefusal::BadSignature)));
        if is_namesake { Err(CertificateRefusal::UnknownIssuer.into()) } else { verdict }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.current().verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.current().verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::server::danger::ClientCertVerifier as _;

    use super::{CertificateError, CertificateRefusal, ClientCa, Error, UnixTime};

    #[test]
    fn a_certificate_by_another_key_of_the_same_name_is_of_an_unknown_authority() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = || KeyPair::generate().expect("a key");
        let (ours, theirs) = (key(), key());
        fs::write(&path, params.self_signed(&ours).expect("an authority").pem()).expect("written");
        let judge = ClientCa::load(&path, true).expect("an authority").0;
        let verdict = |issuer: KeyPair| {
            let issuer = Issuer::new(params.clone(), issuer);
            let own = CertificateParams::default().signed_by(&key(), &issuer).expect("a certificate");
            judge.verify_client_cert(own.der(), &[], UnixTime::now()).map(drop)
        };
        assert_eq!(verdict(ours), Ok(()));
        assert_eq!(verdict(theirs), Err(Error::InvalidCertificate(CertificateRefusal::UnknownIssuer)));
    }

    #[test]
    fn a_file_without_authorities_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        assert!(matches!(ClientCa::load(&path, true), Err(CertificateError::Read { .. })));
        fs::write(&path, "").expect("written");
        assert!(matches!(ClientCa::load(&path, true), Err(CertificateError::NoAuthority { .. })));
        let own = rcgen::generate_simple_self_signed(vec!["ca".to_owned()]).expect("a certificate");
        fs::write(&path, own.cert.pem()).expect("written");
        let first = ClientCa::load(&path, true).expect("an authority");
        first.replace(&first.clone());
        first.replace(&ClientCa::load(&path, false).expect("an authority"));
        assert!(first.0.is_required, "whether one is required is decided at the start");
    }
}
