//! The certificate: the operator's, or one that the server makes for itself at its first start.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use longwire_model::Timestamp;
use longwire_net::certificate::{Certificate, Validity};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::server::ParsedCertificate;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::configuration::Configuration;
use crate::data_dir::DataDir;

/// Before its end by less than this, a certificate should have been renewed long ago.
const RENEWAL_MS: i64 = 14 * 24 * 60 * 60 * 1_000;

/// A certificate with what an operator should know of it.
pub(crate) struct Loaded {
    pub certificate: Certificate,
    /// The file that clients may be told to trust.
    pub path: PathBuf,
    pub expires_at: Option<Timestamp>,
    /// Why clients refuse it, or soon will.
    pub warnings: Vec<String>,
}

/// The certificate that is configured, or else the server's own.
pub(crate) fn load(configuration: &Configuration, data_dir: &DataDir, now: Timestamp) -> anyhow::Result<Loaded> {
    let (certificate, path) = match &configuration.certificate {
        Some((chain, key)) => {
            let path = std::fs::canonicalize(chain).unwrap_or_else(|_| chain.clone());
            (Certificate::load(chain, key)?, path)
        }
        None => {
            let listeners = [&configuration.http, &configuration.c2s, &configuration.c2s_tls];
            own(data_dir, &configuration.domain, &listeners.map(|listener| listener.address.ip()))?
        }
    };
    let told = format!("the certificate in {}", path.display());
    let warnings = faults(&path, &certificate, &configuration.domain, now);
    let warnings = warnings.into_iter().map(|fault| format!("{told} {fault}")).collect();
    let expires_at = certificate.validity().map(|validity| validity.until);
    Ok(Loaded { certificate, path, expires_at, warnings })
}

/// What is wrong with a certificate for clients of `domain`, each as the end of a sentence.
pub(crate) fn faults(path: &Path, certificate: &Certificate, domain: &str, now: Timestamp) -> Vec<String> {
    let mut faults = Vec::new();
    if !is_for(path, domain) {
        faults.push(format!("is NOT for {domain}: clients will refuse it"));
    }
    match certificate.validity() {
        None => faults.push("does not say until when it is good".to_owned()),
        Some(Validity { until, .. }) if until < now => {
            faults.push(format!("has EXPIRED (at {until}): clients will refuse it"));
        }
        Some(Validity { from, .. }) if from > now => {
            faults.push(format!("is NOT YET valid (from {from} on): clients will refuse it"));
        }
        Some(Validity { until, .. }) if until.millis_since(now) < RENEWAL_MS => {
            faults.push(format!("expires soon (at {until}): renew it"));
        }
        Some(_) => {}
    }
    faults
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
    fn what_clients_will_refuse_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, key_path) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(vec!["push.example.com".to_owned()]).expect("a name");
        (parameters.not_before, parameters.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 4, 1));
        std::fs::write(&path, parameters.self_signed(&key).expect("a certificate").pem()).expect("written");
        std::fs::write(&key_path, key.serialize_pem()).expect("written");
        let certificate = Certificate::load(&path, &key_path).expect("a pair");
        let at = |day: &str, domain: &str| {
            faults(&path, &certificate, domain, format!("{day}T00:00:00Z").parse().expect("a day")).join("; ")
        };
        let own = "push.example.com";
        assert_eq!(at("2026-02-01", own), "");
        assert_eq!(at("2026-03-18", own), "", "two weeks");
        assert!(at("2026-03-19", own).starts_with("expires soon (at 2026-04-01T00:00:00"));
        assert!(at("2026-04-02", own).starts_with("has EXPIRED (at 2026-04-01T00:00:00"));
        assert!(at("2025-12-31", own).starts_with("is NOT YET valid (from 2026-01-01T00:00:00"));
        assert_eq!(at("2026-02-01", "example.com"), "is NOT for example.com: clients will refuse it");
    }

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
