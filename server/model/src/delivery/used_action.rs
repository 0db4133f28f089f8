//! The uses of a notification's actions, which devices report beside their events.

use crate::Timestamp;

/// So many uses of actions are kept of one notification on one device: a person uses a few, a broken app many.
pub const USED_ACTIONS_MAX: usize = 64;

/// One use of an action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsedAction {
    /// When, at a time that can be.
    pub at: Timestamp,
    /// When, as the device said: what tells a repeated report.
    pub told_at: Timestamp,
    /// The action's id.
    pub action: String,
    /// What the user wrote.
    pub text: Option<String>,
}

impl UsedAction {
    /// Whether both are reports of the same use.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        (&self.action, self.told_at, &self.text) == (&other.action, other.told_at, &other.text)
    }
}
