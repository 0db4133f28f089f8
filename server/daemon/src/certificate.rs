//! The certificate: the operator's, or one that the server makes for itself at its first start.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use longwire_net::certificate::Certificate;
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::server::ParsedCertificate;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::configuration::Configuration;
use crate::data_dir::DataDir;

/// The certificate that is configured, or else the server's own; with the path that clients may be told to trust.
pub(crate) fn load(configuration: &Configuration, data_dir: &DataDir) -> anyhow::Result<(Certificate, PathBuf)> {
    let Some((chain, key)) = &configuration.certificate else {
        let listeners = [&configuration.http, &configuration.c2s, &configuration.c2s_tls];
        return own(data_dir, &configuration.domain, &listeners.map(|listener| listener.address.ip()));
    };
    let certificate = Certificate::load(chain, key)?;
    if !is_for(chain, &configuration.domain) {
        let domain = &configuration.domain;
        tracing::warn!(domain, path = %chain.display(), "the certificate is not for the domain: clients will refuse it");
    }
    let path = std::fs::canonicalize(chain).unwrap_or_else(|_| chain.clone());
    Ok((certificate, path))
}

/// Whether the first certificate in a file is one that clients of `domain` can accept.
pub(crate) fn is_for(path: &Path, domain: &str) -> bool {
    let (Ok(first), Ok(name)) = (CertificateDer::from_pem_file(path), ServerName::try_from(domain)) else {
        return false;
    };
    ParsedCertificate::try_from(&first).is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, &name).is_ok())
}

/// The server's own certificate, made where there is none or where it is for another domain; its key stays, for devices that pin it.
fn own(data_dir: &DataDir, domain: &str, addresses: &[IpAddr]) -> anyhow::Result<(Certificate, PathBuf)> {
    let (path, key_path) = (data_dir.certificate(), data_dir.certificate_key());
    if path.exists() && !is_for(&path, domain) {
        tracing::warn!(domain, path = %path.display(), "the server's own certificate is for another domain: made anew, with the same key");
        make(data_dir, domain, addresses)?;
    } else if !path.exists() {
        make(data_dir, domain, addresses)?;
        tracing::info!(domain, path = %path.display(), "made a self-signed certificate: devices must be told to trust it");
    }
    Ok((Certificate::load(&path, &key_path)?, path))
}

fn make(data_dir: &DataDir, domain: &str, addresses: &[IpAddr]) -> anyhow::Result<()> {
    let key_path = data_dir.certificate_key();
    let key = if key_path.exists() {
        let wrong = || format!("{} cannot be read: restore it, or remove it", key_path.display());
        KeyPair::from_pem(&std::fs::read_to_string(&key_path).with_context(wrong)?).with_context(wrong)?
    } else {
        let key = KeyPair::generate().context("a key pair cannot be made")?;
        data_dir.write_private(&key_path, key.serialize_pem().as_bytes())?;
        key
    };
    let certificate = parameters(domain, addresses)?.self_signed(&key).context("a certificate cannot be made")?;
    data_dir.write_private(&data_dir.certificate(), certificate.pem().as_bytes())
}

fn parameters(domain: &str, addresses: &[IpAddr]) -> anyhow::Result<CertificateParams> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1", domain].map(str::to_owned).into();
    names.extend(addresses.iter().filter(|address| !address.is_unspecified()).map(ToString::to_string));
    names.sort_unstable();
    names.dedup();
    let mut parameters =
        CertificateParams::new(names).with_context(|| format!("domain: {domain:?} cannot stand in a certificate"))?;
    parameters.distinguished_name.remove(DnType::CommonName);
    // A name of its own: another self-signed certificate of this host's is no part of its chain.
    parameters.distinguished_name.push(DnType::CommonName, format!("Longwire at {domain}"));
    parameters.use_authority_key_identifier_extension = true;
    // Trusted by being given to devices, not by its dates: an end would only be an outage.
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2099, 12, 31);
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_follows_the_domain_with_the_same_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::create(folder.path()).expect("there");
        let read = |path: PathBuf| std::fs::read_to_string(path).expect("there");
        let (_, path) = own(&data_dir, "push.example.com", &[]).expect("made");
        assert!(is_for(&path, "push.example.com") && is_for(&path, "localhost") && !is_for(&path, "example.com"));
        let (certificate, key) = (read(path.clone()), read(data_dir.certificate_key()));
        own(&data_dir, "push.example.com", &[]).expect("read");
        assert_eq!(read(path.clone()), certificate);
        own(&data_dir, "example.org", &["192.0.2.1".parse().expect("an address")]).expect("made anew");
        assert!(is_for(&path, "example.org") && is_for(&path, "192.0.2.1"));
        assert_eq!(read(data_dir.certificate_key()), key);
    }
}
