//! The configuration, read once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use longwire_client::heartbeat::{Adaptive, Fixed, Interval, NetworkId};
use longwire_client::{AppKey, Config, Network, Target};
use longwire_driver::notes::Notes;
use longwire_driver::resolve::{HostAddresses, Resolver};
use longwire_driver::rim::BootClock;
use longwire_driver::tls::{self, CertificateCheck, Hints, Identity, Tls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::{ClientCertificate, NetworkFacts, Platform, PlatformError, PushConfig, PushError, TlsMode, Trust};

const HINTS: Hints =
    Hints { authority: "", domain: "", clock: ": is the time of this phone right?", starttls: "", pin: "is pinned" };
/// The file that says whose payload is being read.
const NOTES: &str = "longwire-notes";

/// What a phone's driver is made of, as often as it starts.
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) clock: BootClock,
    pub(crate) tls: Tls,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) notes: Notes,
    heartbeat: Option<Duration>,
}

impl Settings {
    /// Reads a configuration.
    pub(crate) fn read(config: PushConfig, platform: &Arc<dyn Platform>) -> Result<Self, PushError> {
        let wrong = |text: String| PushError::Config { text };
        let domain = Config::domain(&config.domain).map_err(wrong)?;
        let mode = match config.tls {
            TlsMode::Direct => longwire_client::TlsMode::Direct,
            TlsMode::StartTls => longwire_client::TlsMode::StartTls,
        };
        let target = Target {
            host: config.host.unwrap_or_else(|| domain.to_string()),
            port: config.port.unwrap_or(if config.tls == TlsMode::Direct { 5_223 } else { 5_222 }),
            tls: mode,
        };
        if target.host.is_empty() || target.port == 0 {
            return Err(wrong("the server has no host or no port".to_owned()));
        }
        let trust = read_trust(config.trust, platform).map_err(wrong)?;
        let identity = config.client_certificate.as_ref().map(read_identity).transpose().map_err(wrong)?;
        let tls = Tls::new(&domain.to_string(), trust, identity, HINTS).map_err(|error| wrong(error.to_string()))?;
        let notes = Notes::open(&Path::new(&config.directory).join(NOTES))
            .map_err(|error| wrong(format!("cannot use the folder {:?}: {error}", config.directory)))?;
        Ok(Self {
            tls,
            notes,
            clock: BootClock::of_boot(config.boot_id.clone()),
            resolver: Arc::new(HostAddresses),
            heartbeat: config.heartbeat_seconds.map(|seconds| Duration::from_secs(seconds.into())),
            config: Config {
                domain,
                server: Some(target),
                srv: Vec::new(),
                app_key: read_app_key(config.app_key).map_err(wrong)?,
                software: config.software,
                boot_id: config.boot_id,
            },
        })
    }

    /// How the heartbeat's interval is chosen.
    pub(crate) fn interval(&self) -> Box<dyn Interval> {
        match self.heartbeat {
            Some(fixed) => Box::new(Fixed { interval_ms: u64::try_from(fixed.as_millis()).unwrap_or(u64::MAX) }),
            None => Box::new(Adaptive::default()),
        }
    }
}

/// An app's key, or none.
pub(crate) fn read_app_key(key: Option<String>) -> Result<Option<AppKey>, String> {
    key.map(|key| key.parse().map_err(str::to_owned)).transpose()
}

/// What is known of the network.
pub(crate) fn read_network(facts: NetworkFacts) -> Network {
    match facts {
        NetworkFacts { is_usable: false, .. } => Network::None,
        NetworkFacts { is_usable: true, id: Some(id) } => Network::Known(NetworkId::of(&id)),
        NetworkFacts { is_usable: true, id: None } => Network::Usable,
    }
}

fn read_trust(trust: Trust, platform: &Arc<dyn Platform>) -> Result<tls::Trust, String> {
    match trust {
        Trust::Platform => Ok(tls::Trust::Platform(Arc::new(Judge(Arc::clone(platform))))),
        Trust::Certificates { pem } => {
            let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
            let certificates = certificates.map_err(|error| format!("cannot read the certificates: {error}"))?;
            if certificates.is_empty() {
                return Err("there is no certificate among those to trust".to_owned());
            }
            Ok(tls::Trust::Certificates(certificates))
        }
        Trust::Pin { sha256 } => sha256.parse().map(tls::Trust::Pin).map_err(str::to_owned),
    }
}

fn read_identity(own: &ClientCertificate) -> Result<Identity, String> {
    Identity::from_pem(own.certificates.as_bytes(), own.key.as_bytes())
        .map_err(|error| format!("cannot use the client certificate: {error}"))
}

/// The platform as the judge of certificates.
struct Judge(Arc<dyn Platform>);

impl CertificateCheck for Judge {
    fn check(&self, chain: Vec<Vec<u8>>, domain: String) -> Result<(), String> {
        // Since TLS 1.3 the cipher suite says nothing of the key: this is what Android and the JDK take for it.
        let checked = self.0.check_certificate(chain, "UNKNOWN".to_owned(), domain);
        checked.map_err(|error| {
            let PlatformError::Failed { text } = error;
            text
        })
    }
}
