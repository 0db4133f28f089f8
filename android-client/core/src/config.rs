//! What a device is told once.

use longwire_protocol::Jid;

/// How TLS begins. There is no way without it: a server that does not offer TLS is left before any credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// TLS from the first byte (XEP-0368).
    Direct,
    /// Upgraded by STARTTLS (RFC 6120 §5).
    StartTls,
}

/// A place where a server may listen. Its certificate is for the domain, whatever the host is called (RFC 6120 §13.7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host's name or address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How TLS begins.
    pub tls: TlsMode,
}

/// The key that ships in the app and admits its registration (DESIGN §3). Its debug form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct AppKey(pub String);

impl std::fmt::Debug for AppKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AppKey").finish_non_exhaustive()
    }
}

impl std::str::FromStr for AppKey {
    type Err = &'static str;

    /// A line end that came along from a file is no part of a key.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = text.trim();
        if key.starts_with("lw_") {
            return Err(
                "this is an API key, which must never be in an app: `longwire app key create` makes an app key",
            );
        }
        if key.is_empty() || key.chars().any(char::is_control) {
            return Err("an app key is one word, such as lwa_4be07d19a2c5_… from `longwire app key create`");
        }
        Ok(Self(key.to_owned()))
    }
}

/// Configuration of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The XMPP domain; also the name that the server's certificate must have.
    pub domain: Jid,
    /// Where to connect when no SRV record leads to a server; `None`: to the domain itself, at the standard ports.
    pub server: Option<Target>,
    /// The services whose SRV records are asked for first (XEP-0368); none: the DNS is not asked for them.
    pub srv: Vec<TlsMode>,
    /// The app's key, shown before a registration where the server takes one (XEP-0445).
    pub app_key: Option<AppKey>,
    /// The name of this software, told to the server at login.
    pub software: String,
    /// Identifies the boot of the machine that the clock of `now_ms` belongs to.
    pub boot_id: String,
}

impl Config {
    /// Reads a domain.
    ///
    /// # Errors
    /// Says why it is none.
    pub fn domain(text: &str) -> Result<Jid, String> {
        let jid = Jid::new(text).map_err(|error| format!("{text:?} is not a domain: {error}"))?;
        let is_domain = jid.node().is_none() && jid.resource().is_none();
        if is_domain { Ok(jid) } else { Err(format!("{text:?} is not a domain but an address")) }
    }
}
