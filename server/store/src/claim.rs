//! What an original androidpn client says of itself: its alias and its tags. Its account remembers them, so that what it says next
//! replaces what it said before and nothing that an operator set.

use longwire_model::account::ALIAS;
use longwire_model::limits::MEMBERSHIPS_MAX;
use longwire_model::{AudienceKey, KeyKind};

use crate::write::{Moves, Refusal, is_bounded};

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Its alias from now on, as a tag; or none.
    Alias(Option<AudienceKey>),
    /// Its tags from now on.
    Tags(Vec<AudienceKey>),
}

/// What a claim changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What the device joins and leaves.
    pub moves: Moves,
    /// What the account has claimed from now on, aliases and tags.
    pub claimed: Vec<AudienceKey>,
}

impl Taken {
    /// Whether the device is a member of all that already: there is nothing for the log.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.moves.0.is_empty() && self.moves.1.is_empty()
    }
}

impl Claim {
    /// What it claims.
    #[must_use]
    pub fn wanted(&self) -> &[AudienceKey] {
        match self {
            Self::Alias(alias) => alias.as_slice(),
            Self::Tags(tags) => tags,
        }
    }

    /// Whether a key is of the kind that this says: an alias, or a tag that is none.
    fn is_of_kind(&self, key: &AudienceKey) -> bool {
        let is_alias = key.name().starts_with(ALIAS);
        key.kind() == KeyKind::Tag && is_alias == matches!(self, Self::Alias(_))
    }

    /// Whether a device that holds `open` holds just what this claims, of its kind.
    #[must_use]
    pub fn is_met_by(&self, open: &[AudienceKey]) -> bool {
        self.wanted().iter().all(|key| open.contains(key))
            && open.iter().filter(|key| self.is_of_kind(key)).all(|key| self.wanted().contains(key))
    }

    /// What it changes for a device that holds `open`, of an account that had `claimed` before; none when nothing.
    ///
    /// # Errors
    /// [`Refusal::TooManyMemberships`] when the device would join another topic or tag and hold more than [`MEMBERSHIPS_MAX`].
    pub fn against(&self, claimed: &[AudienceKey], open: &[AudienceKey]) -> Result<Option<Taken>, Refusal> {
        let is_former = |key: &AudienceKey| claimed.contains(key) && open.contains(key);
        // What is held and was not claimed is an operator's, and stays so.
        let mut own: Vec<AudienceKey> = Vec::new();
        for key in self.wanted() {
            if !own.contains(key) && (is_former(key) || !open.contains(key)) {
                own.push(key.clone());
            }
        }
        let joined: Vec<AudienceKey> = own.iter().filter(|key| !open.contains(key)).cloned().collect();
        let is_left = |key: &&AudienceKey| self.is_of_kind(key) && is_former(key) && !own.contains(key);
        let left: Vec<AudienceKey> = open.iter().filter(is_left).cloned().collect();
        let held = open.iter().filter(|key| is_bounded(key)).count();
        if !joined.is_empty() && held + joined.len() > MEMBERSHIPS_MAX + left.len() {
            return Err(Refusal::TooManyMemberships);
        }
        let mut now: Vec<AudienceKey> = claimed.iter().filter(|key| !self.is_of_kind(key)).cloned().collect();
        now.extend(own);
        now.sort_unstable();
        if joined.is_empty() && left.is_empty() && now == claimed {
            return Ok(None);
        }
        Ok(Some(Taken { moves: (joined, left), claimed: now }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Claim, MEMBERSHIPS_MAX, Refusal, Taken};
    use longwire_model::AudienceKey;

    fn keys(names: &[&str]) -> Vec<AudienceKey> {
        names.iter().map(|name| AudienceKey::tag(name).expect("a name")).collect()
    }

    fn taken(joined: &[&str], left: &[&str], claimed: &[&str]) -> Result<Option<Taken>, Refusal> {
        Ok(Some(Taken { moves: (keys(joined), keys(left)), claimed: keys(claimed) }))
    }

    #[test]
    fn a_claim_replaces_what_was_claimed_and_leaves_the_rest_alone() {
        let tags = |names: &[&str]| Claim::Tags(keys(names));
        let alias = |names: &[&str]| Claim::Alias(keys(names).pop());
        assert_eq!(tags(&["b", "a", "b"]).against(&[], &[]), taken(&["b", "a"], &[], &["a", "b"]));
        let (claimed, open) = (keys(&["a", "alias:x"]), keys(&["a", "alias:x", "staff"]));
        assert_eq!(tags(&["a", "staff"]).against(&claimed, &open), Ok(None), "the operator's stays the operator's");
        assert_eq!(tags(&["c"]).against(&claimed, &open), taken(&["c"], &["a"], &["alias:x", "c"]));
        assert_eq!(tags(&[]).against(&claimed, &open), taken(&[], &["a"], &["alias:x"]));
        assert_eq!(alias(&["alias:y"]).against(&claimed, &open), taken(&["alias:y"], &["alias:x"], &["a", "alias:y"]));
        assert_eq!(alias(&[]).against(&claimed, &open), taken(&[], &["alias:x"], &["a"]));
        // Of a device that was made anew since: the claim is taken anew.
        assert_eq!(tags(&["a"]).against(&claimed, &[]), taken(&["a"], &[], &["a", "alias:x"]));
    }

    #[test]
    fn a_claim_is_met_by_just_what_it_says() {
        let open = keys(&["a", "alias:x"]);
        assert!(Claim::Tags(keys(&["a"])).is_met_by(&open) && Claim::Alias(keys(&["alias:x"]).pop()).is_met_by(&open));
        assert!(!Claim::Tags(keys(&["a", "b"])).is_met_by(&open) && !Claim::Tags(Vec::new()).is_met_by(&open));
    }

    #[test]
    fn memberships_are_bounded_at_the_limit() {
        let names: Vec<String> = (0..MEMBERSHIPS_MAX).map(|index| format!("t{index:04}")).collect();
        let open = keys(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let over = Claim::Tags(keys(&["new"]));
        assert_eq!(over.against(&[], &open), Err(Refusal::TooManyMemberships));
        assert_eq!(over.against(&keys(&["t0000"]), &open), taken(&["new"], &["t0000"], &["new"]));
        assert_eq!(over.against(&[], &open[1..]), taken(&["new"], &[], &["new"]));
    }
}
