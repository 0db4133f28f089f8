//! The configuration: flags go before `LONGWIRE_…` variables, these before the file, this before the defaults.

mod androidpn;
pub(crate) mod bytes;
pub(crate) mod check;
mod clients;
mod environment;
mod file;

use std::fmt::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use longwire_model::NamePattern;

use crate::cli::{LogFormat, Place, Registration, ServeArgs};
pub(crate) use androidpn::Androidpn;
pub(crate) use clients::ClientCertificate;
pub(crate) use file::{FileConfig, Metrics};

/// The longest heartbeat of devices, in seconds, when nothing is said.
const HEARTBEAT_MAX_S: u32 = 600;
/// The longest that can be said, in seconds: a device that is silent for two days is no device that is online.
const HEARTBEAT_LIMIT_S: u32 = 86_400;

/// Requests a second of an API key when nothing is said: more than anything honest makes.
const REQUESTS_PER_SECOND_MAX: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_999);

/// How long a FAST token is good when nothing is said: 30 days.
pub(crate) const FAST_TOKEN_S: u32 = 30 * 24 * 60 * 60;

/// Everything that `serve` is told.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub data_dir: PathBuf,
    pub domain: String,
    pub http: Listener,
    pub http_plaintext: bool,
    pub http_concurrency_max: usize,
    pub requests_per_second_max: NonZeroU32,
    pub c2s: Listener,
    pub c2s_tls: Listener,
    pub plaintext: bool,
    pub registration: Registration,
    /// Whether `registration` was said, or follows from the listeners.
    pub is_registration_said: bool,
    pub device_keys: DeviceKeys,
    /// How original androidpn clients and the scripts around them are served; none when they are not.
    pub androidpn: Option<Androidpn>,
    /// Certificate chain and key (PEM); the server's own in the data directory if none.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The certificates that clients of XMPP show; none asks for none.
    pub client_certificate: Option<ClientCertificate>,
    pub metrics: Metrics,
    /// How long a FAST token is good, in seconds: a device that stays away longer logs in by its password.
    pub fast_token_s: u32,
    pub retention_days: u32,
    pub connections_before_login_max: u32,
    pub logins_per_second_max: u32,
    pub registrations_per_minute_max: u32,
    pub session_bytes_per_second_max: u32,
    /// Sessions of one address; none leaves it to what there is room for.
    pub sessions_per_address_max: Option<u32>,
    pub heartbeat: HeartbeatBounds,
    /// Bytes of memory above which nothing new is taken; none leaves it to the control group.
    pub memory_max: Option<u64>,
    pub log_format: LogFormat,
    pub log_filter: Option<String>,
}

/// Between what devices adapt their heartbeat, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeartbeatBounds {
    /// None leaves it to the devices.
    pub min_s: Option<u32>,
    pub max_s: u32,
}

impl Default for HeartbeatBounds {
    fn default() -> Self {
        Self { min_s: None, max_s: HEARTBEAT_MAX_S }
    }
}

impl HeartbeatBounds {
    fn new(min_s: Option<NonZeroU32>, max_s: Option<NonZeroU32>) -> anyhow::Result<Self> {
        let bounds = Self { min_s: min_s.map(NonZeroU32::get), max_s: max_s.map_or(HEARTBEAT_MAX_S, NonZeroU32::get) };
        if bounds.max_s > HEARTBEAT_LIMIT_S {
            bail!("heartbeat_max: {} seconds are more than a day ({HEARTBEAT_LIMIT_S})", bounds.max_s);
        }
        match bounds.min_s {
            Some(min_s) if min_s > bounds.max_s => {
                bail!("heartbeat_min: {min_s} seconds are more than heartbeat_max, which is {}", bounds.max_s)
            }
            Some(_) | None => Ok(bounds),
        }
    }
}

/// The topics and tags that devices may join and leave by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeviceKeys {
    pub topics: Vec<NamePattern>,
    pub tags: Vec<NamePattern>,
}

impl DeviceKeys {
    fn new(topics: Option<Vec<String>>, tags: Option<Vec<String>>) -> anyhow::Result<Self> {
        let read = |key: &'static str, texts: Option<Vec<String>>| {
            let patterns = texts.unwrap_or_default().into_iter().map(|text| text.parse());
            patterns.collect::<Result<Vec<NamePattern>, _>>().context(key)
        };
        Ok(Self { topics: read("device_topics", topics)?, tags: read("device_tags", tags)? })
    }
}

/// Where something listens.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    /// The key and flag that say it.
    pub key: &'static str,
    /// What it said, resolved.
    pub address: SocketAddr,
}

impl Listener {
    fn resolve(key: &'static str, text: &str) -> anyhow::Result<Self> {
        let mut addresses = text.to_socket_addrs().with_context(|| {
            format!("{key}: {text:?} is not an address to listen on: use HOST:PORT, such as 127.0.0.1:9090")
        })?;
        let address = addresses.next().with_context(|| format!("{key}: {text:?} has no address"))?;
        Ok(Self { key, address })
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }
}

impl Configuration {
    /// Whether HTTP speaks TLS: off loopback, unless a proxy in front does it (DESIGN §5).
    pub(crate) fn is_http_tls(&self) -> bool {
        !self.http.is_loopback() && !self.http_plaintext
    }

    /// On which terms original androidpn clients are served, as the end of a sentence.
    pub(crate) fn androidpn_terms(&self) -> String {
        let plain = if self.plaintext { "with and without TLS" } else { "inside TLS only" };
        let who = match self.registration {
            Registration::Open | Registration::AppKey => "register without a key",
            Registration::Closed => "cannot register",
        };
        format!("{plain}, and {who}")
    }

    /// Merges flags, variables and the file.
    pub(crate) fn resolve(args: &ServeArgs, variables: &[(String, String)]) -> anyhow::Result<Self> {
        let file = read_file(args.place.config.as_deref())?;
        let environment = environment::read(variables)?;
        let told = environment.or(file);
        told.check_paths()?;
        let said = |flag: bool, key: Option<bool>| flag || key.unwrap_or(false);
        let c2s = listener("c2s", args.c2s.as_ref(), told.c2s.as_ref(), "127.0.0.1:5222")?;
        let c2s_tls = listener("c2s_tls", args.c2s_tls.as_ref(), told.c2s_tls.as_ref(), "127.0.0.1:5223")?;
        let registration = args.registration.or(told.registration);
        let default_registration =
            if c2s.is_loopback() && c2s_tls.is_loopback() { Registration::Open } else { Registration::AppKey };
        Ok(Self {
            data_dir: args.place.data_dir.clone().or(told.data_dir).unwrap_or_else(default_data_dir),
            domain: domain(args.domain.as_ref().or(told.domain.as_ref()).map_or("localhost", String::as_str))?,
            http: listener("http", args.http.as_ref(), told.http.as_ref(), "127.0.0.1:9090")?,
            http_plaintext: said(args.http_plaintext, told.http_plaintext),
            http_concurrency_max: told.http_concurrency_max.map_or(1_024, |max| max.get()),
            requests_per_second_max: told.requests_per_second_max.unwrap_or(REQUESTS_PER_SECOND_MAX),
            c2s,
            c2s_tls,
            plaintext: said(args.plaintext, told.plaintext),
            registration: registration.unwrap_or(default_registration),
            is_registration_said: registration.is_some(),
            device_keys: DeviceKeys::new(told.device_topics, told.device_tags)?,
            androidpn: Androidpn::new(
                said(args.androidpn, told.androidpn),
                told.androidpn_api_key,
                told.androidpn_trusted,
            )?,
            certificate: certificate(told.certificate, told.certificate_key)?,
            client_certificate: ClientCertificate::new(
                told.client_ca,
                told.client_certificates,
                said(args.plaintext, told.plaintext),
            )?,
            metrics: told.metrics.unwrap_or(Metrics::Loopback),
            fast_token_s: told.fast_token_seconds.map_or(FAST_TOKEN_S, NonZeroU32::get),
            retention_days: told.retention_days.unwrap_or(28),
            connections_before_login_max: told.connections_before_login_max.map_or(256, NonZeroU32::get),
            logins_per_second_max: told.logins_per_second_max.map_or(100, NonZeroU32::get),
            registrations_per_minute_max: told.registrations_per_minute_max.map_or(60, NonZeroU32::get),
            session_bytes_per_second_max: told
                .session_bytes_per_second_max
                .unwrap_or(longwire_net::SESSION_BYTES_PER_S),
            sessions_per_address_max: told.sessions_per_address_max,
            heartbeat: HeartbeatBounds::new(told.heartbeat_min, told.heartbeat_max)?,
            memory_max: bytes::memory_max(told.memory_max.as_deref())?,
            log_format: args.log_format.or(told.log_format).unwrap_or(LogFormat::Text),
            log_filter: told.log_filter,
        })
    }
}

/// The data directory of a command beside the server.
pub(crate) fn data_dir(place: &Place, variables: &[(String, String)]) -> anyhow::Result<PathBuf> {
    if let Some(data_dir) = &place.data_dir {
        return Ok(data_dir.clone());
    }
    let told = environment::read(variables)?.or(read_file(place.config.as_deref())?);
    told.check_paths()?;
    Ok(told.data_dir.unwrap_or_else(default_data_dir))
}

fn default_data_dir() -> PathBuf {
    PathBuf::from("./data")
}

fn read_file(path: Option<&Path>) -> anyhow::Result<FileConfig> {
    let Some(path) = path else {
        return Ok(FileConfig::default());
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the configuration file {} cannot be read", path.display()))?;
    file::parse(&text).map_err(|wrong| anyhow::anyhow!("{}:{wrong}", path.display()))
}

fn listener(
    key: &'static str,
    flag: Option<&String>,
    told: Option<&String>,
    default: &str,
) -> anyhow::Result<Listener> {
    Listener::resolve(key, flag.or(told).map_or(default, String::as_str))
}

fn certificate(chain: Option<PathBuf>, key: Option<PathBuf>) -> anyhow::Result<Option<(PathBuf, PathBuf)>> {
    match (chain, key) {
        (Some(chain), Some(key)) => Ok(Some((chain, key))),
        (None, None) => Ok(None),
        (Some(_), None) => bail!("certificate is given without certificate_key: give both, or neither"),
        (None, Some(_)) => bail!("certificate_key is given without certificate: give both, or neither"),
    }
}

/// An XMPP domain: names and IP literals that a certificate can hold.
fn domain(text: &str) -> anyhow::Result<String> {
    let domain = text.trim_end_matches('.').to_lowercase();
    let is_part = |part: &str| {
        !part.is_empty() && part.len() <= 63 && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if domain.len() <= 253 && domain.split('.').all(is_part) {
        return Ok(domain);
    }
    let mut message = format!("domain: {text:?} is not a domain name");
    if !text.is_ascii() {
        write!(message, ": write an international name in its ASCII form (xn--…)").ok();
    }
    bail!(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(config: Option<PathBuf>) -> ServeArgs {
        ServeArgs { place: Place { config, data_dir: None }, ..ServeArgs::default() }
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn flags_go_before_variables_and_these_before_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("longwire.toml");
        std::fs::write(&path, "domain = \"file.example\"\nhttp = \"127.0.0.1:1\"\nc2s = \"127.0.0.1:2\"\n")
            .expect("written");
        let environment = variables(&[("LONGWIRE_HTTP", "127.0.0.1:11"), ("LONGWIRE_C2S", "127.0.0.1:12")]);
        let mut args = args(Some(path));
        args.c2s = Some("127.0.0.1:22".to_owned());
        let configuration = Configuration::resolve(&args, &environment).expect("a configuration");
        assert_eq!(configuration.domain, "file.example");
        assert_eq!(configuration.http.address.port(), 11);
        assert_eq!(configuration.c2s.address.port(), 22);
        assert_eq!(configuration.c2s_tls.address.port(), 5223);
    }

    #[test]
    fn registration_is_open_while_every_listener_is_on_loopback() {
        let told = |c2s: &str, c2s_tls: &str, registration| {
            let (c2s, c2s_tls) = (Some(c2s.to_owned()), Some(c2s_tls.to_owned()));
            let args = ServeArgs { c2s, c2s_tls, registration, ..ServeArgs::default() };
            let resolved = Configuration::resolve(&args, &[]).expect("a configuration");
            (resolved.registration, resolved.is_registration_said)
        };
        assert_eq!(told("127.0.0.1:0", "[::1]:0", None), (Registration::Open, false));
        for (c2s, c2s_tls) in [("0.0.0.0:0", "127.0.0.1:0"), ("127.0.0.1:0", "[::]:0"), ("0.0.0.0:0", "0.0.0.0:0")] {
            assert_eq!(told(c2s, c2s_tls, None), (Registration::AppKey, false));
            for said in [Registration::Open, Registration::AppKey, Registration::Closed] {
                assert_eq!(told(c2s, c2s_tls, Some(said)), (said, true));
            }
        }
    }

    #[test]
    fn http_speaks_tls_off_loopback_unless_told() {
        let is_tls = |http: &str, http_plaintext: bool| {
            let args = ServeArgs { http: Some(http.to_owned()), http_plaintext, ..ServeArgs::default() };
            Configuration::resolve(&args, &[]).expect("a configuration").is_http_tls()
        };
        assert!(!is_tls("127.0.0.1:0", false));
        assert!(is_tls("0.0.0.0:0", false));
        assert!(!is_tls("0.0.0.0:0", true));
    }

    #[test]
    fn the_bounds_of_heartbeats_are_held_against_each_other() {
        let told = |pairs: &[(&str, &str)]| {
            let told = Configuration::resolve(&ServeArgs::default(), &variables(pairs));
            told.map(|configuration| (configuration.heartbeat.min_s, configuration.heartbeat.max_s))
        };
        let (min, max) = ("LONGWIRE_HEARTBEAT_MIN", "LONGWIRE_HEARTBEAT_MAX");
        assert_eq!(told(&[]).expect("the default"), (None, 600));
        assert_eq!(told(&[(min, "600")]).expect("as long as the longest"), (Some(600), 600));
        assert_eq!(told(&[(min, "1"), (max, "86400")]).expect("a day"), (Some(1), 86_400));
        for (wrong, key) in [
            ([(min, "601")], "heartbeat_min"),
            ([(max, "86401")], "heartbeat_max"),
            ([(max, "0")], max),
            ([(min, "0")], min),
        ] {
            let error = told(&wrong).expect_err("refused").to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn patterns_of_topics_and_tags_are_read() {
        let told = |pairs: &[(&str, &str)]| {
            let told = Configuration::resolve(&ServeArgs::default(), &variables(pairs));
            told.map(|configuration| configuration.device_keys)
        };
        assert_eq!(told(&[]).expect("the default"), DeviceKeys::default());
        let keys =
            told(&[("LONGWIRE_DEVICE_TOPICS", "news/*"), ("LONGWIRE_DEVICE_TAGS", "beta,muted")]).expect("patterns");
        assert!(keys.topics.iter().any(|pattern| pattern.fits("news/sport")) && keys.tags.len() == 2);
        for key in ["device_topics", "device_tags"] {
            let wrong = told(&[(&format!("LONGWIRE_{}", key.to_uppercase()), "a*b")]).expect_err("refused");
            assert!(format!("{wrong:#}").starts_with(key), "{wrong:#}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |args: ServeArgs| Configuration::resolve(&args, &[]).expect_err("refused").to_string();
        assert!(error(ServeArgs { http: Some("nine".to_owned()), ..ServeArgs::default() }).starts_with("http:"));
        assert!(error(ServeArgs { domain: Some("a b".to_owned()), ..ServeArgs::default() }).starts_with("domain:"));
        for key in ["data_dir", "certificate", "certificate_key", "client_ca"] {
            let empty = variables(&[(&format!("LONGWIRE_{}", key.to_uppercase()), "")]);
            let error = Configuration::resolve(&args(None), &empty).expect_err("refused").to_string();
            assert!(error.starts_with(&format!("{key} is empty")), "{error}");
        }
        let half = variables(&[("LONGWIRE_CERTIFICATE", "chain.pem")]);
        let error = Configuration::resolve(&args(None), &half).expect_err("refused").to_string();
        assert!(error.contains("certificate_key"), "{error}");
    }
}
