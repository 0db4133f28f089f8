//! Whom a host trusts: its authorities, a file, or a pinned key; and which options mend what fails.

use std::path::{Path, PathBuf};

use longwire_driver::tls::{self, Hints, Identity, IdentityError};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};

pub use longwire_driver::tls::{Pin, Tls};

const HINTS: Hints = Hints {
    authority: "; give its file with --ca, or --pin its key",
    domain: ": is --domain right?",
    clock: "",
    starttls: ": try --starttls",
    pin: "--pin names",
};

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
        source: pem::Error,
    },
    /// The file holds none.
    #[error("{0} holds no certificate")]
    Empty(PathBuf),
    /// The system has none.
    #[error("cannot use the certificates: the system has no certificate authorities; use --ca or --pin")]
    NoAuthorities,
    /// The device's own certificate and key cannot be shown.
    #[error("cannot show the certificate in {certificate} with the key in {key}")]
    Identity {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        source: IdentityError,
    },
    /// What was given cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
}

/// TLS to `domain`; `own` are the PEM files of the device's certificate and its key, for servers that ask for one.
///
/// # Errors
/// When the certificates cannot be used, or `domain` is no name.
pub fn connector(domain: &str, trust: &Trust, own: Option<(&Path, &Path)>) -> Result<Tls, TlsError> {
    let trust = match trust {
        Trust::System => tls::Trust::Authorities(system_roots()?),
        Trust::File(path) => tls::Trust::Certificates(read_certificates(path)?),
        Trust::Pin(pin) => tls::Trust::Pin(pin.clone()),
    };
    let identity = own.map(|(chain, key)| read_identity(chain, key)).transpose()?;
    Ok(Tls::new(domain, trust, identity, HINTS)?)
}

fn read_identity(certificate: &Path, key: &Path) -> Result<Identity, TlsError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| TlsError::File { path: path.to_owned(), source: pem::Error::Io(error) })
    };
    Identity::from_pem(&read(certificate)?, &read(key)?).map_err(|source| TlsError::Identity {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    })
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err(TlsError::NoAuthorities);
    }
    Ok(store)
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::File { path: path.to_owned(), source };
    let certificates = CertificateDer::pem_file_iter(path).map_err(failed)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if certificates.is_empty() { Err(TlsError::Empty(path.to_owned())) } else { Ok(certificates) }
}
