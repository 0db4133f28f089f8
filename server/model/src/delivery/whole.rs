//! Where a notification stands as a whole.

use super::State;

/// Where a notification stands as a whole, from its deliveries' counts: the least advanced that is still under way, else the least
/// advanced that arrived, else how it ended for most. Without an audience: recalled, expired, or accepted.
#[must_use]
pub fn overall(counts: &[(State, u64)], is_recalled: bool, is_expired: bool) -> State {
    let has = |state: &State| counts.iter().any(|(own, count)| own == state && *count > 0);
    let order = [
        State::Scheduled,
        State::Accepted,
        State::Sent,
        State::Delivered,
        State::Displayed,
        State::Opened,
        State::Dismissed,
    ];
    if let Some(state) = order.into_iter().find(|state| has(state)) {
        return state;
    }
    let most = counts.iter().filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count);
    match most {
        Some((state, _)) => *state,
        None if is_recalled => State::Recalled,
        None if is_expired => State::Expired,
        None => State::Accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_as_far_as_its_slowest_delivery() {
        assert_eq!(overall(&[(State::Displayed, 3), (State::Accepted, 1)], false, false), State::Accepted);
        assert_eq!(overall(&[(State::Displayed, 3), (State::Expired, 9)], false, true), State::Displayed);
        assert_eq!(overall(&[(State::Recalled, 2), (State::Left, 1)], true, false), State::Recalled);
        assert_eq!(overall(&[], false, true), State::Expired);
    }
}
