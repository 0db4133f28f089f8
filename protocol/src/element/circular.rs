//! A stanza that goes to many: its bytes are written once, and only the address is another in each.

use super::Element;
use super::text::write_attribute;

/// The attribute `to` as it stands in a stanza that is addressed to nobody yet.
const UNADDRESSED: &[u8] = b" to=''";

/// The bytes of a first-level element of a client stream, but for the value of its `to`.
#[derive(Clone, Debug)]
pub struct Circular {
    bytes: Vec<u8>,
    /// Where in `bytes` the address belongs.
    gap: usize,
}

impl Circular {
    /// What `stanza` is but for its `to`; that stays in its place among the attributes, and comes last where there is none.
    #[must_use]
    pub fn new(stanza: Element) -> Self {
        let bytes = stanza.with_attr("to", "").to_stream_bytes();
        // Quotes are escaped in values and namespaces: the first that reads so is the attribute itself.
        let at = bytes.windows(UNADDRESSED.len()).position(|part| part == UNADDRESSED);
        let gap = at.map_or(bytes.len(), |at| at + UNADDRESSED.len() - 1);
        Self { bytes, gap }
    }

    /// The bytes of the stanza for `to`.
    #[must_use]
    pub fn addressed(&self, to: &str) -> Vec<u8> {
        let (before, behind) = self.bytes.split_at_checked(self.gap).unwrap_or((&self.bytes, &[]));
        let mut out = Vec::with_capacity(self.bytes.len() + to.len());
        out.extend_from_slice(before);
        write_attribute(to, &mut out);
        out.extend_from_slice(behind);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Circular;
    use crate::Element;
    use crate::ns;

    #[test]
    fn it_reads_like_the_stanza_that_was_written_for_one() {
        let base = || Element::new(ns::CLIENT, "message").with_attr("from", " to=''");
        let rest = |stanza: Element| {
            stanza
                .with_attr("id", " to=''")
                .with_child(Element::new("urn: to=''", "x").with_attr("to", "").with_text(" to=''"))
        };
        for to in ["a@example.com/r", "a&b'<@example.com/\" to='", ""] {
            for kept in [rest(base().with_attr("to", "another")), rest(base())] {
                let expected = kept.clone().with_attr("to", to).to_stream_bytes();
                let written = Circular::new(kept).addressed(to);
                assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&expected));
            }
        }
    }
}
