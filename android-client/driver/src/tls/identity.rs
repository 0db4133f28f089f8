//! What a device shows of itself, read from PEM.

use std::sync::Arc;

use rustls::InconsistentKeys::{KeyMismatch, Unknown};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// What a device shows of itself in the handshake, where the server asks for it: a certificate with those that lead to its authority, and its key.
#[derive(Debug)]
pub struct Identity(pub(super) Arc<CertifiedKey>);

/// Why a certificate and a key cannot be shown. It repeats nothing of either: errors of the PEM reader quote whole lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No certificate in the text.
    #[error("there is no certificate (-----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// No key in the text.
    #[error("there is no private key (-----BEGIN PRIVATE KEY-----)")]
    NoKey,
    /// A key behind a passphrase.
    #[error("the private key is encrypted, which is not supported: `openssl pkey` writes it without a passphrase")]
    EncryptedKey,
    /// A text that is no PEM.
    #[error("the text with the {0} is damaged; each -----BEGIN and -----END is a line of its own")]
    Pem(&'static str),
    /// PEM around something that is no certificate.
    #[error("the certificate cannot be read")]
    Certificate,
    /// PEM around a key of no known kind.
    #[error("the private key cannot be used: it is neither RSA nor ECDSA (P-256, P-384) nor Ed25519, or is damaged")]
    Key,
    /// The key of something else.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

impl Identity {
    /// Reads PEM: in `certificates` the device's own certificate first, and in `key` the first key, PKCS#8, PKCS#1 or SEC 1. Both may be one text:
    /// what else is there is passed over.
    ///
    /// # Errors
    /// When one of them is missing, cannot be used, or does not belong to the other.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong_key(&error, key))?;
        let chain = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|_| IdentityError::Pem("certificate"))?;
        if chain.is_empty() {
            return Err(IdentityError::NoCertificate);
        }
        let key = default_provider().key_provider.load_private_key(key).map_err(|_| IdentityError::Key)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            // As rustls itself has it: what cannot be compared is not wrong.
            Ok(()) | Err(rustls::Error::InconsistentKeys(Unknown)) => Ok(Self(Arc::new(certified))),
            Err(rustls::Error::InconsistentKeys(KeyMismatch)) => Err(IdentityError::Mismatch),
            Err(_) => Err(IdentityError::Certificate),
        }
    }
}

/// An encrypted key is PEM of a label of its own (PKCS#8), or has lines before its base64 (`Proc-Type: 4,ENCRYPTED`).
fn wrong_key(error: &pem::Error, text: &[u8]) -> IdentityError {
    if String::from_utf8_lossy(text).contains("ENCRYPTED") {
        IdentityError::EncryptedKey
    } else if matches!(error, pem::Error::NoItemsFound) {
        IdentityError::NoKey
    } else {
        IdentityError::Pem("private key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pair {
        certificate: String,
        key: String,
    }

    fn pair() -> Pair {
        let made = rcgen::generate_simple_self_signed(vec!["device".to_owned()]).expect("a certificate");
        Pair { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    fn read(certificates: &str, key: &str) -> Result<Identity, IdentityError> {
        Identity::from_pem(certificates.as_bytes(), key.as_bytes())
    }

    fn refusal(certificates: &str, key: &str) -> IdentityError {
        read(certificates, key).map(drop).expect_err("it cannot be shown")
    }

    /// The base64 of a section's first line.
    fn first_line(pem: &str) -> &str {
        pem.lines().nth(1).expect("a line")
    }

    #[test]
    fn a_certificate_and_its_key_are_read_from_two_texts_and_from_one() {
        let (own, authority) = (pair(), pair());
        let chain = format!("{}\n{}", own.certificate, authority.certificate);
        let both = format!("Bag Attributes\n{}{chain}", own.key);
        for (certificates, key) in [(&chain, &own.key), (&both, &both)] {
            let identity = read(certificates, key).expect("a good pair");
            assert_eq!(identity.0.cert.len(), 2);
        }
        let windows = both.replace('\n', "\r\n");
        assert!(read(&windows, &windows).is_ok());
    }

    #[test]
    fn what_is_missing_or_of_something_else_is_told_apart() {
        let (own, other) = (pair(), pair());
        assert_eq!(refusal(&own.certificate, &other.key), IdentityError::Mismatch);
        for nothing in ["", "garbage", &own.certificate] {
            assert_eq!(refusal(&own.certificate, nothing), IdentityError::NoKey, "{nothing}");
        }
        for nothing in ["", "garbage", &own.key] {
            assert_eq!(refusal(nothing, &own.key), IdentityError::NoCertificate, "{nothing}");
        }
    }

    #[test]
    fn what_is_damaged_is_told_apart() {
        let own = pair();
        let hollow = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        assert_eq!(refusal(&hollow("CERTIFICATE"), &own.key), IdentityError::Certificate);
        assert_eq!(refusal(&own.certificate, &hollow("PRIVATE KEY")), IdentityError::Key);
        let cut = |pem: &str| pem.replace("-----END", "");
        assert_eq!(refusal(&cut(&own.certificate), &own.key), IdentityError::Pem("certificate"));
        assert_eq!(refusal(&own.certificate, &cut(&own.key)), IdentityError::Pem("private key"));
    }

    #[test]
    fn an_encrypted_key_is_not_supported_and_told_so() {
        let own = pair();
        let labelled = own.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let line = "-----BEGIN PRIVATE KEY-----\n";
        let headed = own.key.replace(line, &format!("{line}Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n"));
        for key in [labelled, headed] {
            let both = format!("{}{key}", own.certificate);
            assert_eq!(refusal(&own.certificate, &key), IdentityError::EncryptedKey, "{key}");
            assert_eq!(refusal(&both, &both), IdentityError::EncryptedKey, "{key}");
        }
    }

    #[test]
    fn neither_an_error_nor_what_is_printed_repeats_the_key() {
        let own = pair();
        let shown = format!("{:?}", read(&own.certificate, &own.key));
        assert!(shown.contains("Identity") && !shown.contains(first_line(&own.key)), "{shown}");
        // As a string resource whose line ends were taken for spaces, whole and without its last dashes.
        let flat = own.key.replace('\n', " ");
        for key in [flat.as_str(), flat.trim_end_matches(['-', ' '])] {
            let error = refusal(&own.certificate, key);
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("line of its own") && !shown.contains(first_line(&own.key)), "{shown}");
        }
    }
}
