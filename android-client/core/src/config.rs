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
