//! The configuration file: flat keys, named as the flags are.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use serde::Deserialize;

use crate::cli::{LogFormat, Registration};

/// What a file, or the environment, says; every key is in `longwire.example.toml`.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileConfig {
    pub data_dir: Option<PathBuf>,
    pub domain: Option<String>,
    pub http: Option<String>,
    pub http_plaintext: Option<bool>,
    pub http_concurrency_max: Option<NonZeroUsize>,
    pub requests_per_second_max: Option<NonZeroU32>,
    pub c2s: Option<String>,
    pub c2s_tls: Option<String>,
    pub plaintext: Option<bool>,
    pub registration: Option<Registration>,
    pub device_topics: Option<Vec<String>>,
    pub device_tags: Option<Vec<String>>,
    pub androidpn: Option<bool>,
    pub androidpn_api_key: Option<String>,
    pub androidpn_trusted: Option<Vec<String>>,
    pub certificate: Option<PathBuf>,
    pub certificate_key: Option<PathBuf>,
    pub client_ca: Option<PathBuf>,
    pub client_certificates: Option<ClientCertificates>,
    pub metrics: Option<Metrics>,
    pub fast_token_seconds: Option<NonZeroU32>,
    pub retention_days: Option<u32>,
    pub connections_before_login_max: Option<NonZeroU32>,
    pub logins_per_second_max: Option<NonZeroU32>,
    pub registrations_per_minute_max: Option<NonZeroU32>,
    pub session_bytes_per_second_max: Option<u32>,
    pub sessions_per_address_max: Option<u32>,
    pub heartbeat_min: Option<NonZeroU32>,
    pub heartbeat_max: Option<NonZeroU32>,
    pub memory_max: Option<String>,
    pub log_format: Option<LogFormat>,
    pub log_filter: Option<String>,
}

/// Whether clients of XMPP must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClientCertificates {
    /// Without one no connection is secured.
    Required,
    /// One that is shown must be good.
    Optional,
}

/// Who may read `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Metrics {
    /// Everybody while HTTP listens on loopback, else API keys with the scope `read`.
    Loopback,
    /// API keys with the scope `read`.
    Key,
    /// Everybody.
    Open,
}

/// How the value of a variable is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Bool,
    /// Texts; in a variable separated by commas.
    List,
}

/// Every key, with the kind of its value.
pub(crate) const KEYS: &[(&str, Kind)] = &[
    ("data_dir", Kind::Text),
    ("domain", Kind::Text),
    ("http", Kind::Text),
    ("http_plaintext", Kind::Bool),
    ("http_concurrency_max", Kind::Number),
    ("requests_per_second_max", Kind::Number),
    ("c2s", Kind::Text),
    ("c2s_tls", Kind::Text),
    ("plaintext", Kind::Bool),
    ("registration", Kind::Text),
    ("device_topics", Kind::List),
    ("device_tags", Kind::List),
    ("androidpn", Kind::Bool),
    ("androidpn_api_key", Kind::Text),
    ("androidpn_trusted", Kind::List),
    ("certificate", Kind::Text),
    ("certificate_key", Kind::Text),
    ("client_ca", Kind::Text),
    ("client_certificates", Kind::Text),
    ("metrics", Kind::Text),
    ("fast_token_seconds", Kind::Number),
    ("retention_days", Kind::Number),
    ("connections_before_login_max", Kind::Number),
    ("logins_per_second_max", Kind::Number),
    ("registrations_per_minute_max", Kind::Number),
    ("session_bytes_per_second_max", Kind::Number),
    ("sessions_per_address_max", Kind::Number),
    ("heartbeat_min", Kind::Number),
    ("heartbeat_max", Kind::Number),
    ("memory_max", Kind::Text),
    ("log_format", Kind::Text),
    ("log_filter", Kind::Text),
];

impl FileConfig {
    /// What this says, and where it is silent what `other` says.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(other.data_dir),
            domain: self.domain.or(other.domain),
            http: self.http.or(other.http),
            http_plaintext: self.http_plaintext.or(other.http_plaintext),
            http_concurrency_max: self.http_concurrency_max.or(other.http_concurrency_max),
            requests_per_second_max: self.requests_per_second_max.or(other.requests_per_second_max),
            c2s: self.c2s.or(other.c2s),
            c2s_tls: self.c2s_tls.or(other.c2s_tls),
            plaintext: self.plaintext.or(other.plaintext),
            registration: self.registration.or(other.registration),
            device_topics: self.device_topics.or(other.device_topics),
            device_tags: self.device_tags.or(other.device_tags),
            androidpn: self.androidpn.or(other.androidpn),
            androidpn_api_key: self.androidpn_api_key.or(other.androidpn_api_key),
            androidpn_trusted: self.androidpn_trusted.or(other.androidpn_trusted),
            certificate: self.certificate.or(other.certificate),
            certificate_key: self.certificate_key.or(other.certificate_key),
            client_ca: self.client_ca.or(other.client_ca),
            client_certificates: self.client_certificates.or(other.client_certificates),
            metrics: self.metrics.or(other.metrics),
            fast_token_seconds: self.fast_token_seconds.or(other.fast_token_seconds),
            retention_days: self.retention_days.or(other.retention_days),
            connections_before_login_max: self.connections_before_login_max.or(other.connections_before_login_max),
            logins_per_second_max: self.logins_per_second_max.or(other.logins_per_second_max),
            registrations_per_minute_max: self.registrations_per_minute_max.or(other.registrations_per_minute_max),
            session_bytes_per_second_max: self.session_bytes_per_second_max.or(other.session_bytes_per_second_max),
            sessions_per_address_max: self.sessions_per_address_max.or(other.sessions_per_address_max),
            heartbeat_min: self.heartbeat_min.or(other.heartbeat_min),
            heartbeat_max: self.heartbeat_max.or(other.heartbeat_max),
            memory_max: self.memory_max.or(other.memory_max),
            log_format: self.log_format.or(other.log_format),
            log_filter: self.log_filter.or(other.log_filter),
        }
    }

    /// Refuses a path that is empty: what it turns off, it should turn off by not being there.
    pub(crate) fn check_paths(&self) -> anyhow::Result<()> {
        let paths = [
            ("data_dir", &self.data_dir),
            ("certificate", &self.certificate),
            ("certificate_key", &self.certificate_key),
            ("client_ca", &self.client_ca),
        ];
        for (key, path) in paths {
            if path.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
                anyhow::bail!("{key} is empty: name a file, or leave out the key and LONGWIRE_{}", key.to_uppercase());
            }
        }
        Ok(())
    }
}

/// Reads a file; the error is `LINE: what is wrong` in one line, to stand behind the file's name and a colon.
pub(crate) fn parse(text: &str) -> Result<FileConfig, String> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text.get(..span.start).unwrap_or(text).matches('\n').count());
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        let key = text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
        match key {
            Some(key) if !message.contains(key) => format!("{line}: {key}: {message}"),
            Some(_) | None => format!("{line}: {message}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../longwire.example.toml");

    /// The example with every key that it shows commented out put in force.
    fn uncommented() -> String {
        let is_key = |line: &&str| KEYS.iter().any(|(key, _)| line.starts_with(&format!("# {key} = ")));
        EXAMPLE
            .lines()
            .map(|line| Some(line).filter(is_key).and_then(|line| line.strip_prefix("# ")).unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_example_parses_as_it_stands_and_in_full() {
        parse(EXAMPLE).expect("the example as it stands");
        parse(&uncommented()).expect("the example in full");
    }

    #[test]
    fn the_example_names_every_key() {
        let table: toml::Table = uncommented().parse().expect("a table");
        let shown: Vec<&str> = table.keys().map(String::as_str).collect();
        let mut keys: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        let mut sorted = shown.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, keys);
    }

    #[test]
    fn the_table_of_keys_is_the_table_of_fields() {
        let error = parse("no_such_key = 1").expect_err("refused");
        for (key, _) in KEYS {
            assert!(error.contains(&format!("`{key}`")), "{key} is no field");
        }
        assert_eq!(error.matches('`').count(), 2 * (KEYS.len() + 1), "a field is missing in KEYS: {error}");
    }

    #[test]
    fn an_error_names_the_line_and_the_key() {
        let error = parse("domain = \"a\"\n\nhtpp = \"x\"\n").expect_err("refused");
        assert!(error.starts_with("3: unknown field `htpp`"), "{error}");
        let error = parse("domain = \"a\"\nplaintext = \"yes\"\n").expect_err("refused");
        assert!(error.starts_with("2: plaintext: "), "{error}");
        let error = parse("domain = \"a\nplaintext = true\n").expect_err("refused");
        assert!(error.starts_with("1: "), "{error}");
    }
}
