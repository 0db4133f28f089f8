//! `longwire serve --check`: what would be done, after everything that can be checked without doing it.

use std::fmt::Write as _;

use anyhow::Context as _;
use longwire_net::certificate::Certificate;
use longwire_protocol::jid::BareJid;

use super::{Configuration, HeartbeatBounds, Metrics};
use crate::cli::Registration;
use crate::data_dir::DataDir;
use crate::{certificate, logging, system};

/// Checks what serving needs that resolving did not look at.
pub(crate) fn check(configuration: &Configuration) -> anyhow::Result<()> {
    let domain = &configuration.domain;
    BareJid::new(domain).map_err(|_| anyhow::anyhow!("domain: {domain:?} is not a domain that XMPP can serve"))?;
    logging::parse_filter(configuration.log_filter.as_deref())?;
    if let Some((chain, key)) = &configuration.certificate {
        Certificate::load(chain, key).context("certificate")?;
    }
    if let Some(clients) = &configuration.client_certificate {
        clients.load().context("client_ca")?;
    }
    Ok(())
}

/// What serving would do, a line each.
pub(crate) fn describe(configuration: &Configuration) -> String {
    let mut text = "The configuration is valid.\n".to_owned();
    let mut line = |key: &str, value: &str| {
        // Writing to a string does not fail.
        writeln!(text, "{key:13} {value}").ok();
    };
    let data_dir = match DataDir::find(&configuration.data_dir) {
        Ok(data_dir) => data_dir.path().display().to_string(),
        Err(_) => format!("{} (would be made)", configuration.data_dir.display()),
    };
    line("data_dir", &data_dir);
    line("domain", &configuration.domain);
    let scheme = if configuration.is_http_tls() { "https" } else { "http" };
    line("http", &format!("{scheme}://{}", configuration.http.address));
    line("c2s", &format!("{} (STARTTLS)", configuration.c2s.address));
    line("c2s_tls", &format!("{} (TLS)", configuration.c2s_tls.address));
    line("certificate", &certificate(configuration));
    if let Some(clients) = &configuration.client_certificate {
        let whether = if clients.is_required { "must" } else { "may" };
        line(
            "client_ca",
            &format!("{}: XMPP clients {whether} show a certificate of it", clients.authorities.display()),
        );
    }
    if configuration.plaintext {
        line("plaintext", "logins without TLS are admitted");
    }
    line(
        "registration",
        match configuration.registration {
            Registration::Open => "open: whoever can connect may register",
            Registration::AppKey => "app-key: devices register with a key that `longwire app key create` makes",
            Registration::Closed => "closed: accounts are made with `longwire account add`",
        },
    );
    if let Some(androidpn) = &configuration.androidpn {
        let trusted = androidpn.trusted_text();
        let trusted = if trusted.is_empty() { "nowhere" } else { &trusted };
        let terms = configuration.androidpn_terms();
        line("androidpn", &format!("original clients are served {terms}; scripts need no credentials from {trusted}"));
    }
    for (key, patterns) in
        [("device_topics", &configuration.device_keys.topics), ("device_tags", &configuration.device_keys.tags)]
    {
        if !patterns.is_empty() {
            let patterns = patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            line(key, &format!("{patterns}: devices join and leave these by themselves"));
        }
    }
    let HeartbeatBounds { min_s, max_s } = configuration.heartbeat;
    let min = min_s.map_or_else(String::new, |min_s| format!("at least {min_s} s, "));
    line("heartbeat", &format!("{min}at most {max_s} s"));
    line(
        "metrics",
        match configuration.metrics_need_key() {
            true => "for API keys with the scope read",
            false => "for everybody who can connect",
        },
    );
    if let Some(bytes) = configuration.memory_max {
        line("memory_max", &format!("{bytes} bytes: near it nothing new is taken"));
    }
    line(
        "retention",
        &match configuration.retention_days {
            0 => "0 days: what became of a notification is forgotten as soon as it has expired".to_owned(),
            days => format!("{days} days"),
        },
    );
    text.trim_end().to_owned()
}

fn certificate(configuration: &Configuration) -> String {
    let domain = &configuration.domain;
    match &configuration.certificate {
        Some((chain, key)) => {
            let Ok(loaded) = Certificate::load(chain, key) else {
                return format!("{} cannot be read", chain.display());
            };
            let faults = certificate::faults(chain, &loaded, domain, system::now());
            let until =
                loaded.validity().map_or_else(String::new, |validity| format!(", good until {}", validity.until));
            if faults.is_empty() {
                format!("{} (for {domain}{until})", chain.display())
            } else {
                format!("{} ({})", chain.display(), faults.join("; it "))
            }
        }
        None => "the server's own, self-signed, in the data directory".to_owned(),
    }
}

impl Configuration {
    /// Whether `/metrics` needs an API key.
    pub(crate) fn metrics_need_key(&self) -> bool {
        match self.metrics {
            Metrics::Loopback => !self.http.is_loopback(),
            Metrics::Key => true,
            Metrics::Open => false,
        }
    }
}
