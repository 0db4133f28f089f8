//! `multipart/form-data` (RFC 7578) of a body that is whole already.

use super::body::{Pair, too_many};
use crate::fields::shorten;
use crate::problem::{Code, Problem};

/// Characters of a boundary (RFC 2046 §5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// The parts of a body, at most `pairs_max`.
pub(super) fn read(bytes: &[u8], boundary: &str, pairs_max: usize) -> Result<Vec<Pair>, Problem> {
    if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES_MAX {
        return Err(refuse("the boundary of the multipart body is empty or too long"));
    }
    let delimiter = format!("--{boundary}");
    let Some((_, mut rest)) = split(bytes, delimiter.as_bytes()) else {
        return Err(refuse("the multipart body does not hold its boundary"));
    };
    let inner = format!("\r\n{delimiter}");
    let mut pairs = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(pairs);
        }
        // White space may follow a boundary (RFC 2046 §5.1.1).
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let part = rest.get(padding..).and_then(|rest| rest.strip_prefix(b"\r\n"));
        let part = part.ok_or_else(|| refuse("a boundary of the multipart body is not a line of its own"))?;
        // A part without headers begins with the empty line.
        let (head, content) = match part.strip_prefix(b"\r\n") {
            Some(content) => (b"".as_slice(), content),
            None => split(part, b"\r\n\r\n").ok_or_else(|| refuse("a part of the multipart body has no content"))?,
        };
        let (value, after) = split(content, inner.as_bytes())
            .ok_or_else(|| refuse("the multipart body ends before its last boundary"))?;
        if pairs.len() == pairs_max {
            return Err(too_many());
        }
        pairs.push(pair(head, value)?);
        rest = after;
    }
}

fn refuse(detail: &str) -> Problem {
    Problem::new(Code::Unreadable, detail)
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let found = bytes.windows(at.len()).position(|window| window == at)?;
    Some((bytes.get(..found)?, bytes.get(found + at.len()..)?))
}

fn pair(head: &[u8], value: &[u8]) -> Result<Pair, Problem> {
    let head = String::from_utf8_lossy(head);
    let header = |wanted: &str| {
        let mut headers = head.split("\r\n").filter_map(|line| line.split_once(':'));
        headers.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let disposition = header("content-disposition").unwrap_or_default();
    let name = parameter(disposition, "name").ok_or_else(|| refuse("a part of the multipart body has no name"))?;
    let is_file = parameter(disposition, "filename").is_some() || parameter(disposition, "filename*").is_some();
    match header("content-transfer-encoding").unwrap_or("binary").to_ascii_lowercase().as_str() {
        "binary" | "8bit" | "7bit" => Ok(Pair { name, value: value.to_vec(), is_file }),
        other => {
            let other = shorten(other);
            let detail = format!("the field has the Content-Transfer-Encoding {other}: send it as it is");
            Err(refuse(&detail).with_field(shorten(&name)))
        }
    }
}

/// A parameter of `form-data; name="…"; filename="…"`. In quotes a backslash stands before a quote or itself, and nowhere else: some
/// browsers send paths.
fn parameter(disposition: &str, wanted: &str) -> Option<String> {
    let (_, mut rest) = disposition.split_once(';')?;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, next) = value(after.trim_start());
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next.trim_start().strip_prefix(';')?;
    }
}

/// A value, and what stands behind it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.trim().to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match (character, characters.peek()) {
            ('"', _) => return (value, quoted.get(at + 1..).unwrap_or_default()),
            ('\\', Some((_, escaped @ ('"' | '\\')))) => {
                value.push(*escaped);
                characters.next();
            }
            (character, _) => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: &[&str]) -> Vec<u8> {
        let mut body: String = parts.iter().map(|part| format!("--B\r\n{part}\r\n")).collect();
        body += "--B--\r\n";
        body.into_bytes()
    }

    fn pair_of(name: &str, value: &str, is_file: bool) -> Pair {
        Pair { name: name.to_owned(), value: value.as_bytes().to_vec(), is_file }
    }

    #[test]
    fn parts_are_fields() {
        let body = body(&[
            "Content-Disposition: form-data; name=\"title\"\r\n\r\nT",
            "content-disposition:form-data; name=message\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n你\r\n--b\r\n",
            "Content-Disposition: form-data; name=\"image\"; filename=\"C:\\a;\\\"b.png\"\r\n\r\n\0\r\n",
            "Content-Disposition: form-data; filename=\"\"; name=\"empty\"\r\n\r\n",
        ]);
        let expected = [
            pair_of("title", "T", false),
            pair_of("message", "你\r\n--b\r\n", false),
            pair_of("image", "\0\r\n", true),
            pair_of("empty", "", true),
        ];
        assert_eq!(read(&body, "B", 4).expect("pairs"), expected);
        assert!(read(&body, "B", 3).is_err(), "one part too many");
        let with_preamble = [b"preamble\r\n", body.as_slice(), b"epilogue"].concat();
        assert_eq!(read(&with_preamble, "B", 4).expect("pairs"), expected);
        assert_eq!(read(b"--B--", "B", 4).expect("no parts"), []);
    }

    #[test]
    fn what_is_no_multipart_is_refused() {
        let part = "Content-Disposition: form-data; name=\"a\"\r\n\r\nb";
        let whole = body(&[part]);
        for end in 0..whole.len() - 4 {
            assert!(read(&whole[..end], "B", 9).is_err(), "cut at {end}");
        }
        for wrong in [
            body(&["Content-Disposition: form-data\r\n\r\nb"]),
            body(&["\r\nb"]),
            body(&["Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nYg=="]),
            b"--Bx\r\n\r\n--B--".to_vec(),
            b"a=b".to_vec(),
            Vec::new(),
        ] {
            assert!(read(&wrong, "B", 9).is_err(), "{}", String::from_utf8_lossy(&wrong));
        }
        assert!(read(&whole, "", 9).is_err() && read(&whole, &"B".repeat(71), 9).is_err());
    }

    #[test]
    fn many_boundaries_cost_no_more_than_their_bytes() {
        let part = "Content-Disposition: form-data; name=\"a\"\r\n\r\n--B\r\n-";
        let body = body(&vec![part; 1_000]);
        assert_eq!(read(&body, "B", 1_000).map(|pairs| pairs.len()).ok(), Some(1_000));
    }
}
