//! Patterns of names: which topics and tags a device may join by itself.

use std::fmt;
use std::str::FromStr;

use crate::AudienceKey;

/// A name, or the beginning of names with `*` behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    start: String,
    is_open: bool,
}

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a pattern: use a name of 1 to 256 bytes without white space, with a * at its end or none")]
pub struct NotAPattern(String);

impl NamePattern {
    /// Whether `name` fits.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        if self.is_open { name.starts_with(&self.start) } else { name == self.start }
    }
}

impl FromStr for NamePattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let (start, is_open) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        let is_name = AudienceKey::topic(start).is_ok() || (is_open && start.is_empty());
        if !is_name || start.contains('*') {
            return Err(NotAPattern(text.chars().take(64).collect()));
        }
        Ok(Self { start: start.to_owned(), is_open })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.start, if self.is_open { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> NamePattern {
        text.parse().expect("a pattern")
    }

    #[test]
    fn a_star_at_the_end_stands_for_anything() {
        assert!(pattern("news/*").fits("news/sport") && pattern("news/*").fits("news/"));
        assert!(!pattern("news/*").fits("news") && !pattern("news/*").fits("old-news/x"));
        assert!(pattern("*").fits("anything"));
        assert!(pattern("beta").fits("beta") && !pattern("beta").fits("beta2"));
        for text in ["news/*", "*", "beta"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_no_pattern() {
        for wrong in ["", "a*b", "**", "a b", " ", "*a", &"x".repeat(257)] {
            assert!(wrong.parse::<NamePattern>().is_err(), "{wrong:?}");
        }
    }
}
