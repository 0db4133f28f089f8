//! What clients of the forks report: receipts, an alias, tags; honoured for their own account alone, and never answered.

use longwire_model::{AudienceKey, DeviceId, KeyKind};
use longwire_protocol::androidpn::{Report, Unusable};
use longwire_protocol::jid::account_name;

use super::{ALIAS, alias_key, tag_key};
use crate::Core;
use crate::devices::{Change, ChangeError};
use crate::routing::Outcome;
use crate::session_manager::Session;

/// Tags that one report may name; further ones are left out.
const TAGS_MAX: usize = 50;

impl Core {
    pub(super) async fn take_report(&self, session: &Session, report: Result<Report, Unusable>) -> Outcome {
        let (username, wanted, is_alias) = match report {
            // A receipt was taken by the session's worker.
            Err(Unusable) | Ok(Report::Confirm(_)) => return Outcome::default(),
            Ok(Report::Alias { username, alias }) => {
                let Some(alias) = alias_key(&alias) else { return Outcome::default() };
                (username, vec![alias], true)
            }
            Ok(Report::Tags { username, tags }) => {
                (username, tags.iter().filter_map(|tag| tag_key(tag)).take(TAGS_MAX).collect::<Vec<_>>(), false)
            }
        };
        let key = session.key.0;
        if !is_own(session, username.as_deref()) {
            tracing::info!(session = key, "a client names an alias or tags for an account that is not its own");
            return Outcome::default();
        }
        let Some(device) = session.device else { return Outcome::default() };
        if let Err(error) = self.carry(device, &wanted, is_alias).await {
            tracing::warn!(session = key, %error, "an alias or tags were not taken");
        }
        Outcome::default()
    }

    /// Makes the device carry these tags instead of those of the same kind, aliases or not.
    async fn carry(&self, device: DeviceId, wanted: &[AudienceKey], is_alias: bool) -> Result<(), ChangeError> {
        let Some(loaded) = self.directory.load(device).await? else { return Ok(()) };
        let is_same_kind = |key: &AudienceKey| key.kind() == KeyKind::Tag && key.name().starts_with(ALIAS) == is_alias;
        let open = loaded.device.memberships.into_iter().filter(|own| own.left.is_none());
        let open: Vec<AudienceKey> = open.map(|own| own.key).filter(is_same_kind).collect();
        let left = open.iter().filter(|key| !wanted.contains(key)).cloned().map(Change::Leave);
        let joined = wanted.iter().filter(|key| !open.contains(key)).cloned().map(Change::Join);
        for change in left.chain(joined) {
            // As what devices of ours ask for: each is an entry of the log.
            if !self.requests.take(&device, self.env.clock.mono_ms()).is_granted {
                self.metrics.requests_limited.inc();
                tracing::warn!(%device, "a client changes its alias or tags more often than it may");
                return Ok(());
            }
            self.change(device, change).await?;
        }
        Ok(())
    }
}

/// Whether the account that a report names is the session's; a report that names none is about the session's.
fn is_own(session: &Session, username: Option<&str>) -> bool {
    username.is_none_or(|username| account_name(username.trim()).is_ok_and(|name| name.as_str() == session.account))
}
