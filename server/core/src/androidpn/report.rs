//! What clients of the forks report: receipts, an alias, tags; honoured for their own account alone, and never answered.

use longwire_model::{AudienceKey, NamePattern};
use longwire_protocol::androidpn::{Report, Unusable};
use longwire_protocol::jid::account_name;
use longwire_store::Claim;

use super::{alias_key, tag_key};
use crate::Core;
use crate::session_manager::Session;

/// Tags that one report may name; further ones are left out.
const TAGS_MAX: usize = 50;

impl Core {
    pub(super) async fn take_report(&self, session: &Session, report: Result<Report, Unusable>) {
        let (username, read) = match report {
            // A receipt was taken by the session's worker.
            Err(Unusable) | Ok(Report::Confirm(_)) => return,
            Ok(Report::Alias { username, alias }) => (username, read_alias(&alias)),
            Ok(Report::Tags { username, tags }) => (username, read_tags(&tags, &self.config.device_tags)),
        };
        let key = session.key.0;
        if !is_own(session, username.as_deref()) {
            tracing::info!(session = key, "a client names an alias or tags for an account that is not its own");
            return;
        }
        let Read { claim, left_out } = read;
        if left_out > 0 {
            tracing::info!(session = key, left_out, "a client claims an alias or tags that it cannot have here");
        }
        if let (Some(device), Some(claim)) = (session.device, claim) {
            self.take_claim(device, claim).await;
        }
    }
}

/// A report as it is taken.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    /// What it claims; none when nothing of it can be taken, and nothing changes.
    claim: Option<Claim>,
    /// Names that are left out.
    left_out: usize,
}

/// Any alias may be claimed, a blank one takes back.
fn read_alias(alias: &str) -> Read {
    if alias.trim().is_empty() {
        return Read { claim: Some(Claim::Alias(None)), left_out: 0 };
    }
    let key = alias_key(alias);
    Read { left_out: usize::from(key.is_none()), claim: key.map(|key| Claim::Alias(Some(key))) }
}

/// Any tag may be claimed where the operator has not said which devices may take by themselves.
fn read_tags(tags: &[String], patterns: &[NamePattern]) -> Read {
    let is_allowed = |key: &AudienceKey| patterns.is_empty() || patterns.iter().any(|pattern| pattern.fits(key.name()));
    let keys = tags.iter().filter_map(|tag| tag_key(tag)).filter(is_allowed);
    let keys: Vec<AudienceKey> = keys.take(TAGS_MAX).collect();
    Read { left_out: tags.len() - keys.len(), claim: Some(Claim::Tags(keys)) }
}

/// Whether the account that a report names is the session's; a report that names none is about the session's.
fn is_own(session: &Session, username: Option<&str>) -> bool {
    username.is_none_or(|username| account_name(username.trim()).is_ok_and(|name| *name.as_str() == *session.account))
}

#[cfg(test)]
mod tests {
    use super::{Claim, Read, TAGS_MAX, read_alias, read_tags, tag_key};

    fn tags(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn read(names: &[&str], left_out: usize) -> Read {
        Read { claim: Some(Claim::Tags(names.iter().filter_map(|name| tag_key(name)).collect())), left_out }
    }

    #[test]
    fn patterns_bound_tags_and_their_absence_does_not() {
        let said = tags(&["news/a", "staff", "alias:x"]);
        assert_eq!(read_tags(&said, &[]), read(&["news/a", "staff"], 1));
        let patterns = ["news/*".parse().expect("a pattern")];
        assert_eq!(read_tags(&said, &patterns), read(&["news/a"], 2));
        assert_eq!(read_tags(&[], &patterns), read(&[], 0));
    }

    #[test]
    fn a_report_is_bounded_at_the_limit() {
        let said: Vec<String> = (0..=TAGS_MAX).map(|index| format!("t{index}")).collect();
        let count = |read: Read| (read.claim.map_or(0, |claim| claim.wanted().len()), read.left_out);
        assert_eq!(count(read_tags(&said[1..], &[])), (TAGS_MAX, 0));
        assert_eq!(count(read_tags(&said, &[])), (TAGS_MAX, 1));
    }

    #[test]
    fn an_alias_that_cannot_be_one_changes_nothing() {
        assert_eq!(read_alias(" "), Read { claim: Some(Claim::Alias(None)), left_out: 0 });
        assert_eq!(read_alias(&"x".repeat(300)), Read { claim: None, left_out: 1 });
    }
}
