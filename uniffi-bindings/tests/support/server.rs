//! A server for a phone's tests, and the phone's configuration for it.

use std::path::Path;

use crate::fake::Fake;
use crate::{PushConfig, TlsMode, Trust};

/// A phone of this server, which keeps its note in `directory`.
pub(crate) fn config(server: &Fake, directory: &Path) -> PushConfig {
    PushConfig {
        domain: "localhost".to_owned(),
        host: Some("127.0.0.1".to_owned()),
        port: Some(server.address.port()),
        tls: TlsMode::Direct,
        app_key: None,
        trust: Trust::Certificates { pem: std::fs::read_to_string(server.ca()).expect("a certificate") },
        client_certificate: None,
        software: "test".to_owned(),
        boot_id: "boot".to_owned(),
        directory: directory.to_str().expect("UTF-8").to_owned(),
        heartbeat_seconds: None,
    }
}
