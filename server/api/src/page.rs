//! What lists share: pages with a cursor to the next, and times of states.

use longwire_model::delivery::State;
use longwire_model::{DeviceId, Timestamp};
use serde::{Serialize, Serializer};

use crate::cursor;
use crate::problem::{Code, Problem};

/// When states were reached, as an object in the order of a life.
pub(crate) struct Times(pub Vec<(State, Timestamp)>);

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(state, at)| (state.as_str(), at)))
    }
}

/// Cuts what was found with one item too many down to `limit`, and makes the cursor of what follows.
pub(crate) fn cut<T>(
    mut found: Vec<T>,
    limit: u32,
    list: &str,
    key: impl Fn(&T) -> Vec<u8>,
) -> (Vec<T>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|last| cursor::encode(list, &key(last)));
    (found, next)
}

/// The device that a cursor stands behind.
pub(crate) fn device_after(list: &str, text: &str) -> Result<DeviceId, Problem> {
    let bytes = cursor::decode(list, text)?;
    let bytes = bytes.try_into().map_err(|_| Problem::new(Code::BadCursor, "this cursor names no device"))?;
    Ok(DeviceId::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_last_page_has_no_next() {
        let key = |item: &u8| vec![*item];
        assert_eq!(cut(vec![1, 2], 2, "l", key), (vec![1, 2], None));
        let (items, next) = cut(vec![1, 2, 3], 2, "l", key);
        assert_eq!(items, [1, 2]);
        assert_eq!(cursor::decode("l", &next.expect("more")).expect("ours"), [2]);
    }
}
