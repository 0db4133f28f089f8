//! A payload on its way out of the database: one that no stanza can carry must not stand in the way of what is behind it.

use longwire_model::limits::STANZA_BYTES_MAX;

/// What was stored, as a payload. Nobody accepts what no stanza can carry (no UTF-8, characters that XML forbids, more than a stanza may
/// have), so another program has put it there: it is read as nothing, which a device stores as unusable and reports (DESIGN rule 10).
pub(crate) fn read(stored: &[u8]) -> &str {
    std::str::from_utf8(stored).ok().filter(|text| is_carried(text)).unwrap_or_default()
}

fn is_carried(text: &str) -> bool {
    let is_forbidden = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    let is_short = text.len() <= STANZA_BYTES_MAX / LONGEST_ESCAPE || escaped_bytes(text) <= STANZA_BYTES_MAX;
    is_short && !text.bytes().any(is_forbidden) && !text.contains(['\u{fffe}', '\u{ffff}'])
}

/// Bytes of `&quot;`.
const LONGEST_ESCAPE: usize = 6;

/// Bytes of a text in XML when every character is escaped that a writer might escape.
fn escaped_bytes(text: &str) -> usize {
    let bytes = text.bytes().map(|byte| match byte {
        b'"' | b'\'' => LONGEST_ESCAPE,
        b'&' | b'\r' => 5,
        b'<' | b'>' => 4,
        _ => 1,
    });
    bytes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_accepted_is_read_as_it_is() {
        let longest = "x".repeat(STANZA_BYTES_MAX);
        for text in ["{}", "{\"title\":\"Dör \u{1F514}\\n\"}", "\t\n\r", &longest] {
            assert_eq!(read(text.as_bytes()), text);
        }
    }

    #[test]
    fn what_no_stanza_can_carry_is_read_as_nothing() {
        let too_long = "x".repeat(STANZA_BYTES_MAX + 1);
        let too_long_escaped = "<".repeat(STANZA_BYTES_MAX / 4 + 1);
        let texts = ["{\"title\":\"\u{1}\"}", "\0", "\u{fffe}", "\u{ffff}", &too_long, &too_long_escaped];
        for text in texts {
            assert_eq!(read(text.as_bytes()), "", "{} bytes", text.len());
        }
        assert_eq!(read(b"{\"title\":\"\xff\"}"), "");
    }
}
