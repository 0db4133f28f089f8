//! XEP-0474: a digest of what a server advertised, signed by the exchange, so that nobody takes the better half away unseen.

use sha2::{Digest as _, Sha256};

use crate::sasl::base64;

/// Stands between the names of one list; XML has no such character.
const BETWEEN_NAMES: &str = "\u{1e}";
/// Stands between the two lists.
const BETWEEN_LISTS: &str = "\u{1f}";

/// The value of the attribute `h`: SHA-256 over the mechanisms of the profile in use and the channel-binding types of XEP-0440, each list
/// sorted by octets (`i;octet`); `bindings` is `None` when the server announced no list of them.
#[must_use]
pub fn offer_hash(mechanisms: &[impl AsRef<str>], bindings: Option<&[impl AsRef<str>]>) -> String {
    let mut offer = sorted(mechanisms);
    if let Some(bindings) = bindings {
        offer.push_str(BETWEEN_LISTS);
        offer.push_str(&sorted(bindings));
    }
    base64::encode(&Sha256::digest(offer))
}

fn sorted(names: &[impl AsRef<str>]) -> String {
    let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    names.join(BETWEEN_NAMES)
}

#[cfg(test)]
mod tests {
    use super::{offer_hash, sorted};

    /// The string of XEP-0474's example; its hash there is SHA-1. The SHA-256 is by another implementation (Python's `hashlib`).
    #[test]
    fn the_digest_is_that_of_the_specification() {
        let (mechanisms, bindings) = (["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"], ["tls-server-end-point", "tls-exporter"]);
        assert_eq!(sorted(&mechanisms), "SCRAM-SHA-1\u{1e}SCRAM-SHA-1-PLUS");
        assert_eq!(sorted(&bindings), "tls-exporter\u{1e}tls-server-end-point");
        assert_eq!(offer_hash(&mechanisms, Some(&bindings)), "H6VEQ+6wl/eYKuTjJn4D9/e9GTn1AcYGw/oiSJ3Yhy0=");
        assert_eq!(offer_hash(&mechanisms, None::<&[&str]>), "Uuua9QJnTss43LMyJpE0esh43d9r8DB6N89DXs91aFo=");
        assert_eq!(offer_hash(&mechanisms, Some::<&[&str]>(&[])), "o5Qry3CjepRsiBUsIpJfWV30A5KJFy5qiRyBdVEbOhw=");
    }

    #[test]
    fn the_order_of_the_offer_does_not_count_and_each_name_does() {
        let types = Some(["tls-exporter"].as_slice());
        let whole = offer_hash(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"], types);
        assert_eq!(offer_hash(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"], types), whole);
        for fewer in [["SCRAM-SHA-256", "PLAIN"], ["SCRAM-SHA-256-PLUS", "PLAIN"]] {
            assert_ne!(offer_hash(&fewer, types), whole, "{fewer:?}");
        }
        let all = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"];
        assert_ne!(offer_hash(&all, None::<&[&str]>), whole);
        assert_ne!(offer_hash(&all, Some(&["tls-server-end-point"])), whole);
        assert_ne!(offer_hash(&["SCRAM-SHA-256-PLUS\u{1e}SCRAM-SHA-256"], types), whole);
    }
}
