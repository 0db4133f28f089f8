//! What an operator reads of TLS handshakes that failed: who, and why; never so often that it fills a disk.

use std::net::IpAddr;
use std::num::NonZeroU32;

use longwire_core::Core;
use longwire_worker::lines::Lines;
use rustls::{CertificateError, Error};

/// Lines a minute of one address, and of all.
const LINES_PER_ADDRESS: NonZeroU32 = NonZeroU32::MIN.saturating_add(5);
const LINES: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);

/// Counts failed handshakes and tells of them.
pub(crate) struct Handshakes(Lines);

impl Handshakes {
    pub(crate) fn new() -> Self {
        Self(Lines::new(LINES_PER_ADDRESS, LINES))
    }

    /// A handshake with `peer` has failed.
    pub(crate) fn failed(&self, core: &Core, peer: IpAddr, error: &Error) {
        let is_refusal = is_refusal(error);
        core.metrics.tls_failures.inc();
        if is_refusal {
            core.metrics.client_certificates_refused.inc();
        }
        let Some(untold) = self.0.take(Some(peer), core.env.clock.mono_ms()) else { return };
        let reason = reason(error);
        if is_refusal {
            tracing::warn!(%peer, reason, untold, "a client's certificate was refused");
        } else {
            tracing::info!(%peer, reason, untold, "a TLS handshake failed");
        }
    }
}

/// Whether the client's certificate was refused, or is missing.
const fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::NoCertificatesPresented | Error::InvalidCertificate(_))
}

/// Why, in words that an operator can follow; nothing in them is the client's own.
fn reason(error: &Error) -> String {
    if let Error::AlertReceived(alert) = error {
        return format!("the client has ended it: {alert:?} (does it trust the server's certificate?)");
    }
    let Error::InvalidCertificate(why) = error else {
        let is_missing = matches!(error, Error::NoCertificatesPresented);
        return if is_missing { "it shows none".to_owned() } else { error.to_string() };
    };
    let is_expired = matches!(why, CertificateError::Expired | CertificateError::ExpiredContext { .. });
    let is_early = matches!(why, CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. });
    let is_for_servers =
        matches!(why, CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. });
    if matches!(why, CertificateError::UnknownIssuer) {
        "it is not of an authority in client_ca".to_owned()
    } else if is_expired {
        "it has expired".to_owned()
    } else if is_early {
        "it is not valid yet".to_owned()
    } else if is_for_servers {
        "it is not one for clients (extended key usage)".to_owned()
    } else {
        format!("{why:?}")
    }
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, InvalidMessage};

    use super::*;

    #[test]
    fn a_refused_certificate_is_told_from_other_failures() {
        for (error, is_of_certificate, said) in [
            (Error::NoCertificatesPresented, true, "shows none"),
            (Error::InvalidCertificate(CertificateError::UnknownIssuer), true, "client_ca"),
            (Error::InvalidCertificate(CertificateError::Expired), true, "expired"),
            (Error::InvalidCertificate(CertificateError::InvalidPurpose), true, "for clients"),
            (Error::AlertReceived(AlertDescription::UnknownCA), false, "UnknownCA"),
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), false, "InvalidContentType"),
        ] {
            assert_eq!(is_refusal(&error), is_of_certificate, "{error}");
            assert!(reason(&error).contains(said), "{}", reason(&error));
        }
    }
}
