//! XML-36: what our parser accepts, others accept as the same tree; what rxml accepts and ours refuses is on a rule of [`rules`].
//!
//! Two parsers that read one text differently are how stanzas were smuggled.

pub mod mutate;
pub mod rules;
pub mod tree;

use longwire_protocol::Limits;

use crate::codec;

/// What the document begins and ends with: the text that is tried stands between.
const END: &str = "</stream:stream>";

/// The text as a whole document.
#[must_use]
pub fn document(text: &[u8]) -> Vec<u8> {
    [codec::HEADER.as_bytes(), text, END.as_bytes()].concat()
}

/// What became of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Read as this tree, in the form of [`tree`].
    Accepted(Vec<u8>),
    /// Refused by our parser for this reason.
    Refused(&'static str),
}

/// What our parser makes of a text.
#[must_use]
pub fn ours(text: &[u8]) -> Verdict {
    let said = codec::read([document(text).as_slice()], Limits::AFTER_LOGIN);
    match said.error {
        Some(error) => Verdict::Refused(error.reason),
        None => tree::of_events(&said.events).map_or(Verdict::Refused(rules::UNFINISHED), Verdict::Accepted),
    }
}

/// What rxml makes of it; none when it refuses.
#[must_use]
pub fn rxml(text: &[u8]) -> Option<Vec<u8>> {
    tree::of_rxml(&document(text))
}

/// The target: both parsers on the same text.
pub(crate) fn run(data: &[u8]) {
    if let Err(difference) = agree(data) {
        assert_eq!(difference, "", "XML-36: {}", String::from_utf8_lossy(data));
    }
}

/// Holds the two verdicts on a text against each other.
///
/// # Errors
/// Says in what they differ.
pub fn agree(text: &[u8]) -> Result<(), String> {
    match (ours(text), rxml(text)) {
        (Verdict::Accepted(own), Some(other)) if own == other => Ok(()),
        (Verdict::Accepted(_), _) if rules::is_misread_by_rxml(text) => Ok(()),
        (Verdict::Accepted(own), Some(other)) => {
            Err(format!("two trees: {} and {}", String::from_utf8_lossy(&own), String::from_utf8_lossy(&other)))
        }
        (Verdict::Accepted(_), None) => Err("we accept what rxml refuses".to_owned()),
        (Verdict::Refused(_), None) => Ok(()),
        (Verdict::Refused(reason), Some(_)) => match rules::of(reason, text) {
            Some(_) => Ok(()),
            None => Err(format!("rxml accepts what we refuse, for a reason that is on no rule: {reason}")),
        },
    }
}
