//! The grammar of audiences and filters, and the names that people write: what was read is written as it reads.

use longwire_client::AppKey;
use longwire_model::{AudienceKey, Filter, NamePattern};
use longwire_protocol::Jid;
use longwire_protocol::jid::account_name;
use longwire_protocol::push::SeqSet;

/// Bytes of the longest name, as the grammar says.
const NAME_BYTES_MAX: usize = 256;

/// The target.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = text.parse::<AudienceKey>() {
        assert_eq!(key.to_string().parse::<AudienceKey>(), Ok(key.clone()), "an audience");
        assert!(key.name().len() <= NAME_BYTES_MAX, "a name of {} bytes", key.name().len());
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
        assert!(key.as_str().chars().all(is_plain), "a key that no stanza could carry: {key:?}");
    }
    if let Ok(filter) = text.parse::<Filter>() {
        assert_eq!(filter.to_string().parse::<Filter>(), Ok(filter.clone()), "a filter");
        let (everything, nothing) = (filter.passes(|_| true), filter.passes(|_| false));
        assert!(!(everything && nothing), "a filter that asks nothing: {text:?}");
    }
    if let Ok(pattern) = text.parse::<NamePattern>() {
        assert_eq!(pattern.to_string().parse::<NamePattern>(), Ok(pattern), "a pattern");
    }
    if let Ok(seqs) = text.parse::<SeqSet>() {
        assert_eq!(seqs.to_string().parse::<SeqSet>(), Ok(seqs), "positions");
    }
    if let Ok(name) = account_name(text) {
        let name = name.into_inner();
        assert_eq!(account_name(&name).ok().map(|again| again.into_inner()), Some(name), "AUTH-18");
    }
    // An address may fold once more when it is read again (AUTH-18 is about accounts, which may not); it stays an address of as many parts.
    if let Ok(jid) = Jid::new(text) {
        let (node, resource) = (jid.node().is_some(), jid.resource().is_some());
        if let Ok(again) = Jid::new(&jid.to_string()) {
            assert_eq!((again.node().is_some(), again.resource().is_some()), (node, resource), "an address");
        }
    }
    let _key = text.parse::<AppKey>().is_ok();
}
