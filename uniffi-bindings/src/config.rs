//! What the phone is told: once at its start, and of its network.

use std::fmt;

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum TlsMode {
    /// TLS from the first byte, port 5223 unless another is given.
    Direct,
    /// Upgraded by STARTTLS, port 5222 unless another is given.
    StartTls,
}

/// Whom to trust as the server.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Trust {
    /// Whom the platform trusts: `Platform.check_certificate` says so.
    Platform,
    /// These certificates, as authorities or as the server's own.
    Certificates {
        /// One or more certificates in PEM.
        pem: String,
    },
    /// One key or certificate, whatever its name or dates say.
    Pin {
        /// SHA-256 of the public key (SPKI) or of the certificate: 64 hexadecimal digits, or base64 with or without `sha256/` before it.
        sha256: String,
    },
}

/// What the phone shows of itself where the server asks for it. Whether it can be used is said when a client is made.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug)]
pub struct ClientCertificate {
    /// In PEM: the phone's own certificate first, then those that lead to its authority.
    pub certificates: String,
    /// The private key of the first, in PEM and not encrypted. It may be one text with the certificates.
    pub key: String,
}

/// Without the key, which one text may hold beside the certificates. Kotlin says the same.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

/// Configuration of a phone.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PushConfig {
    /// The XMPP domain; also the name that the server's certificate must have.
    pub domain: String,
    /// The server's host name or address; the domain itself without one.
    pub host: Option<String>,
    /// The server's port; the standard port of `tls` without one.
    pub port: Option<u16>,
    /// How TLS begins.
    pub tls: TlsMode,
    /// The app's key, with which the phone registers where the server asks for one.
    pub app_key: Option<String>,
    /// Whom to trust as the server.
    pub trust: Trust,
    /// What the phone shows of itself where the server asks for it.
    pub client_certificate: Option<ClientCertificate>,
    /// The name of the app's software, told to the server at login.
    pub software: String,
    /// Identifies this boot of the phone: `/proc/sys/kernel/random/boot_id`, or the boot count.
    pub boot_id: String,
    /// A folder of the app that is not backed up: it holds the note whose payload is being read.
    pub directory: String,
    /// A fixed heartbeat, for tests; without it the interval is learned for each network.
    pub heartbeat_seconds: Option<u32>,
}

/// What the platform says of the network.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NetworkFacts {
    /// Whether there is a network that may lead to the server.
    pub is_usable: bool,
    /// A stable name of the network, `wifi:…` or `mobile:…`, where the platform can tell it.
    pub id: Option<String>,
}
