//! Verification of the server: by authorities, by its very certificate, or by a pinned key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};

use super::TlsError;

/// The error's text when a pin does not fit.
pub(super) const PIN_MISMATCH: &str = "the pinned key is another";

/// SHA-256 of the server's public key (SPKI) or of its whole certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl std::str::FromStr for Pin {
    type Err = &'static str;

    /// Reads 64 hexadecimal digits, with or without colons, or base64 with or without `sha256/` before it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a pin is a SHA-256: 64 hexadecimal digits or 44 characters of base64";
        let text = text.strip_prefix("sha256/").unwrap_or(text);
        let digits = text.replace(':', "");
        let bytes = if digits.len() == 64 { from_hex(&digits) } else { STANDARD.decode(text).ok() };
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(WRONG)
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Trusts what authorities vouch for, and the very certificates that were given.
#[derive(Debug)]
pub(super) struct AnyOf {
    authorities: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl AnyOf {
    pub(super) fn authorities(
        roots: RootCertStore,
        given: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let authorities = builder.build().map_err(|error| TlsError::Unusable(error.to_string()))?;
        Ok(Arc::new(Self { authorities, given }))
    }
}

impl ServerCertVerifier for AnyOf {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let vouched = self.authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match vouched {
            // A self-signed certificate may call itself an authority; the operator gave this very one.
            Err(Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer))
                if self.given.iter().any(|given| given == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Trusts one key, whatever name its certificate has.
#[derive(Debug)]
pub(super) struct Pinned {
    pin: Pin,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    pub(super) fn new(pin: Pin, provider: &Arc<CryptoProvider>) -> Self {
        Self { pin, algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let is_pinned = [key.as_ref(), end_entity.as_ref()].iter().any(|der| Sha256::digest(der)[..] == self.pin.0);
        if is_pinned { Ok(ServerCertVerified::assertion()) } else { Err(Error::General(PIN_MISMATCH.to_owned())) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Trusts whoever has a certificate for the name; the platform says of its chain what it thinks, when the handshake is done.
#[derive(Debug)]
pub(super) struct Named {
    algorithms: WebPkiSupportedAlgorithms,
}

impl Named {
    pub(super) fn new(provider: &Arc<CryptoProvider>) -> Self {
        Self { algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_hexadecimal_or_base64() {
        let bytes = [0xab; 32];
        let hex = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        let base64 = STANDARD.encode(bytes);
        for text in [&hex, &colons, &base64, &format!("sha256/{base64}")] {
            assert_eq!(text.parse(), Ok(Pin(bytes)), "{text}");
        }
        for text in ["", "ab", "zz", &"zz".repeat(32), &"ab".repeat(33)] {
            assert!(text.parse::<Pin>().is_err(), "{text}");
        }
    }
}
