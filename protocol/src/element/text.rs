//! Which characters XML 1.0 admits, and their escapes.

/// Whether every character of `text` may stand in an XML 1.0 document, escaped or not.
///
/// Refused are the controls except tab, line feed and carriage return, and U+FFFE and U+FFFF.
#[must_use]
pub fn is_xml_text(text: &str) -> bool {
    text.chars().all(is_xml_char)
}

/// Whether `c` is a `Char` of XML 1.0 §2.2.
pub(crate) const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Whether a byte is a character that stands for itself, in text as in an attribute; not every one that does.
pub(crate) const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'&' | b'<' | b'>' | b'\'' | b'"' | b']')
}

/// Appends `text` so that it reads back as it is; what XML forbids becomes U+FFFD.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    write_escaped(text, out, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Appends `value` for use between single quotes; what XML forbids becomes U+FFFD.
pub(crate) fn write_attribute(value: &str, out: &mut Vec<u8>) {
    write_escaped(value, out, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\'' => Some("&apos;"),
        '"' => Some("&quot;"),
        '\t' => Some("&#x9;"),
        '\n' => Some("&#xA;"),
        '\r' => Some("&#xD;"),
        _ => None,
    });
}

fn write_escaped(text: &str, out: &mut Vec<u8>, escape: impl Fn(char) -> Option<&'static str>) {
    let mut rest = text;
    loop {
        let run = rest.bytes().position(|byte| !is_plain(byte)).unwrap_or(rest.len());
        let (plain, other) = rest.split_at(run);
        out.extend_from_slice(plain.as_bytes());
        let Some(c) = other.chars().next() else { return };
        let (written, after) = other.split_at(c.len_utf8());
        let substitute = if is_xml_char(c) { escape(c) } else { Some("\u{fffd}") };
        out.extend_from_slice(substitute.unwrap_or(written).as_bytes());
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::{is_xml_text, write_attribute, write_text};

    #[test]
    fn refuses_what_xml_forbids() {
        assert!(is_xml_text("tab\t line\n return\r é \u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}"));
        for forbidden in ["\0", "\u{1}", "\u{8}", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            assert!(!is_xml_text(forbidden), "{forbidden:?}");
        }
    }

    #[test]
    fn escapes_so_that_nothing_breaks_out() {
        let mut out = Vec::new();
        write_text("a]]>b</c>&d\r\n\u{0}\"'", &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "a]]&gt;b&lt;/c&gt;&amp;d&#xD;\n\u{fffd}\"'");
        out.clear();
        write_attribute("é'\"<>&\t\n\r\u{ffff}", &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "é&apos;&quot;&lt;&gt;&amp;&#x9;&#xA;&#xD;\u{fffd}");
    }
}
