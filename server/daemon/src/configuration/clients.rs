//! Certificates of clients.

use std::path::PathBuf;

use anyhow::bail;
use longwire_net::certificate::CertificateError;
use longwire_net::client_ca::ClientCa;

use super::file::ClientCertificates;

/// What clients of XMPP show in the TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    /// The authorities (PEM).
    pub authorities: PathBuf,
    pub is_required: bool,
}

impl ClientCertificate {
    /// None when no authority is said.
    pub(super) fn new(
        authorities: Option<PathBuf>,
        whether: Option<ClientCertificates>,
        plaintext: bool,
    ) -> anyhow::Result<Option<Self>> {
        let Some(authorities) = authorities else {
            if whether.is_some() {
                bail!(
                    "client_certificates is given without client_ca: name the authority that they are of, or leave both out"
                );
            }
            return Ok(None);
        };
        let is_required = match whether {
            Some(ClientCertificates::Optional) => false,
            Some(ClientCertificates::Required) | None => true,
        };
        if is_required && plaintext {
            bail!(
                "client_ca: plaintext admits logins without TLS, and so without a certificate: leave one of them out, or say \
                 client_certificates = \"optional\""
            );
        }
        Ok(Some(Self { authorities, is_required }))
    }

    /// Reads the authorities.
    pub(crate) fn load(&self) -> Result<ClientCa, CertificateError> {
        ClientCa::load(&self.authorities, self.is_required)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(
        authorities: Option<&str>,
        whether: Option<ClientCertificates>,
        plaintext: bool,
    ) -> anyhow::Result<Option<bool>> {
        let told = ClientCertificate::new(authorities.map(PathBuf::from), whether, plaintext);
        told.map(|told| told.map(|told| told.is_required))
    }

    #[test]
    fn they_are_required_where_an_authority_is_said_and_nothing_else() {
        let ca = Some("ca.pem");
        assert_eq!(told(None, None, true).expect("none"), None);
        assert_eq!(told(ca, None, false).expect("one"), Some(true));
        assert_eq!(told(ca, Some(ClientCertificates::Optional), true).expect("one"), Some(false));
        for wrong in [told(None, Some(ClientCertificates::Optional), false), told(ca, None, true)] {
            assert!(wrong.expect_err("refused").to_string().contains("client_ca"));
        }
    }
}
