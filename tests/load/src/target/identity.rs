//! One certificate for all targets, and the clients' trust in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};

/// A certificate for `localhost` with an ECDSA key on P-256.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The certificate (PEM).
    pub(crate) certificate: PathBuf,
    /// Its key (PEM).
    pub(crate) key: PathBuf,
    /// Both in one file.
    pub(crate) both: PathBuf,
    pub(crate) trust: Arc<ClientConfig>,
}

impl Identity {
    /// Makes one in a folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn make(folder: &Path) -> anyhow::Result<Self> {
        let signing = KeyPair::generate().context("failed to make a key")?;
        let mut params = CertificateParams::new(["localhost".to_owned()]).context("failed to name a certificate")?;
        // Some take the name from here, and read no years as late as those that rcgen gives by itself.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2049, 1, 1));
        let made = params.self_signed(&signing).context("failed to make a certificate")?;
        let (certificate, key) = (made.pem(), signing.serialize_pem());
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).context("failed to write the certificate").map(|()| path)
        };
        let mut roots = RootCertStore::empty();
        roots.add(made.der().clone()).context("failed to trust the certificate")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut trust = builder.with_root_certificates(roots).with_no_client_auth();
        // Each handshake is a whole one, as that of a phone that comes back.
        trust.resumption = Resumption::disabled();
        Ok(Self {
            certificate: write("certificate.pem", &certificate)?,
            key: write("key.pem", &key)?,
            both: write("both.pem", &format!("{certificate}{key}"))?,
            trust: Arc::new(trust),
        })
    }
}
