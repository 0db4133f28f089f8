//! How a name that somebody else has chosen stands in the log.

/// Characters of it that are shown.
const CHARS_MAX: usize = 64;

/// The name, shortened, with whatever could be taken for something else escaped.
#[must_use]
pub fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if name.chars().nth(CHARS_MAX).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_short_word_of_one_line() {
        assert_eq!(shown("alice"), "alice");
        assert_eq!(shown("a\nlogin=\"good\"\u{1b}[1m\u{202e}"), "a\\nlogin=\\\"good\\\"\\u{1b}[1m\\u{202e}");
        assert_eq!(shown(&"é".repeat(CHARS_MAX)).chars().count(), CHARS_MAX);
        assert_eq!(shown(&"é".repeat(CHARS_MAX + 1)).chars().count(), CHARS_MAX + 1);
    }
}
