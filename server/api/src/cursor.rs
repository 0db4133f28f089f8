//! Paging cursors: opaque, made for one list, and refused when they were changed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::problem::{Code, Problem};

/// Bytes of the check at the end of a cursor.
const CHECK_BYTES: usize = 8;

/// A cursor of `list` that stands behind `key`.
pub(crate) fn encode(list: &str, key: &[u8]) -> String {
    let mut bytes = key.to_vec();
    bytes.extend_from_slice(&check(list, key));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The key that a cursor of `list` stands behind.
pub(crate) fn decode(list: &str, cursor: &str) -> Result<Vec<u8>, Problem> {
    let refused = || {
        Problem::new(Code::BadCursor, "this cursor was not given out for this list")
            .with_field("cursor")
            .with_hint("take `next` of the page before as it is, with the same path and query")
    };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    let length = bytes.len().checked_sub(CHECK_BYTES).ok_or_else(refused)?;
    let (key, given) = bytes.split_at(length);
    if check(list, key) == given { Ok(key.to_vec()) } else { Err(refused()) }
}

/// Guards against mistakes, not against people: a cursor gives nobody more than the list does.
fn check(list: &str, key: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::new().chain_update(list).chain_update([0]).chain_update(key).finalize();
    let mut check = [0; CHECK_BYTES];
    for (to, from) in check.iter_mut().zip(digest) {
        *to = from;
    }
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_cursor_or_one_of_another_list_is_refused() {
        let cursor = encode("devices", b"0123456789abcdef");
        assert_eq!(decode("devices", &cursor).expect("ours"), b"0123456789abcdef");
        assert!(decode("deliveries", &cursor).is_err());
        for at in 0..cursor.len() {
            let mut changed: Vec<char> = cursor.chars().collect();
            changed[at] = if changed[at] == 'A' { 'B' } else { 'A' };
            assert!(decode("devices", &changed.iter().collect::<String>()).is_err(), "{at}");
        }
        for wrong in ["", "AAAA", "not base64!", &format!("{cursor}A"), &format!("{cursor}=")] {
            assert!(decode("devices", wrong).is_err(), "{wrong}");
        }
    }
}
