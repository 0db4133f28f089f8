//! Audience keys of what clients and scripts of the forks name.

use longwire_model::AudienceKey;
use longwire_model::account::ALIAS;
use longwire_model::audience::is_of_name;

/// The tag of an alias; none when the alias is blank or too long.
#[must_use]
pub fn alias_key(alias: &str) -> Option<AudienceKey> {
    let name = name(alias)?;
    AudienceKey::tag(&format!("{ALIAS}{name}")).ok()
}

/// The tag of a name; none when the name is blank, too long, or one of an alias.
#[must_use]
pub fn tag_key(tag: &str) -> Option<AudienceKey> {
    let name = name(tag)?;
    if name.starts_with(ALIAS) { None } else { AudienceKey::tag(&name).ok() }
}

/// A text as the name of a tag, which holds no white space and no control character: what it may not hold is percent-encoded.
fn name(text: &str) -> Option<String> {
    let text = text.trim();
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        if is_of_name(c) && c != '%' {
            name.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{alias_key, tag_key};

    fn text(key: Option<longwire_model::AudienceKey>) -> Option<String> {
        key.map(|key| key.to_string())
    }

    #[test]
    fn names_become_tags() {
        assert_eq!(text(alias_key(" Bob ")).as_deref(), Some("tag:alias:Bob"));
        assert_eq!(text(alias_key("John Smith 100%")).as_deref(), Some("tag:alias:John%20Smith%20100%25"));
        assert_eq!(text(tag_key("新闻\u{1}")).as_deref(), Some("tag:新闻%01"));
    }

    #[test]
    fn what_is_no_name_is_none() {
        assert_eq!((alias_key("  "), tag_key("")), (None, None));
        assert_eq!(tag_key("alias:bob"), None);
        assert_eq!(alias_key(&"x".repeat(251)), None);
        assert!(alias_key(&"x".repeat(250)).is_some());
    }
}
