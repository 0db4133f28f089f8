//! Who may register, and what the operator has to do for it.

use anyhow::Context as _;
use longwire_core::{Core, Registration as CoreRegistration};

use crate::cli::Registration;
use crate::configuration::Configuration;

pub(super) const fn policy(configuration: &Configuration) -> CoreRegistration {
    match configuration.registration {
        Registration::Open => CoreRegistration::Open,
        Registration::AppKey => CoreRegistration::AppKey,
        Registration::Closed => CoreRegistration::Closed,
    }
}

/// Says in the log which policy is in force, why, and what to do.
pub(super) async fn explain(configuration: &Configuration, core: &Core) -> anyhow::Result<()> {
    let because = match (configuration.is_registration_said, configuration.registration) {
        (true, _) => "as configured",
        (false, Registration::Open) => "since XMPP listens on loopback alone",
        (false, Registration::AppKey | Registration::Closed) => "since XMPP does not listen on loopback alone",
    };
    match configuration.registration {
        Registration::Open => tracing::info!("registration is open, {because}: whoever can connect may register"),
        Registration::Closed => {
            tracing::info!("registration is closed, {because}: make accounts with `longwire account add`");
        }
        Registration::AppKey => {
            let keys = core.auth.app_keys().await.context("the app keys cannot be read")?;
            if keys.iter().any(|key| key.revoked_at.is_none()) {
                tracing::info!(
                    "registration is app-key, {because}: devices register with an app key; `longwire app key list` has them"
                );
            } else {
                tracing::warn!(
                    "registration is app-key, {because}, and there is no app key yet: no device can register until you make one \
                     with `longwire app key create` and give it to the app (or choose --registration open or closed)"
                );
            }
        }
    }
    explain_androidpn(configuration, core).await
}

/// Says in the log who of original androidpn clients is served, and warns where they stay outside.
async fn explain_androidpn(configuration: &Configuration, core: &Core) -> anyhow::Result<()> {
    if let Some(androidpn) = &configuration.androidpn {
        let (trusted, terms) = (androidpn.trusted_text(), configuration.androidpn_terms());
        tracing::info!(trusted, "original androidpn clients are served {terms}");
        return Ok(());
    }
    let accounts = core.store.androidpn_accounts(None, 1).await.context("the accounts cannot be read")?;
    if !accounts.is_empty() {
        tracing::warn!(
            "there are accounts of original androidpn clients, which are not served: start the server with --androidpn"
        );
    }
    Ok(())
}
