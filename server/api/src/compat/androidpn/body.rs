//! Pairs of names and bytes from a query or a body, as forms write them.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use percent_encoding::percent_decode;

use super::multipart;
use crate::fields::shorten;
use crate::problem::{Code, Problem};

/// Pairs that are read of a request.
const PAIRS_MAX: usize = 1_000;

/// A field as it came; its bytes may be in any character set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub name: String,
    pub value: Vec<u8>,
    /// An upload, such as a picture.
    pub is_file: bool,
}

/// What a body says it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ContentType {
    /// In lower case, without parameters; empty when nothing is said.
    media: String,
    boundary: Option<String>,
    /// In lower case.
    pub charset: Option<String>,
}

impl ContentType {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Self::parse(&text.unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut parts = text.split(';');
        let media = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let mut found = Self { media, boundary: None, charset: None };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "boundary" => found.boundary = Some(value.to_owned()),
                "charset" => found.charset = Some(value.to_ascii_lowercase()),
                _ => (),
            }
        }
        found
    }
}

/// The pairs of a body.
pub(super) fn read(content: &ContentType, bytes: &[u8]) -> Result<Vec<Pair>, Problem> {
    match content.media.as_str() {
        "multipart/form-data" => match &content.boundary {
            Some(boundary) => multipart::read(bytes, boundary, PAIRS_MAX),
            None => Err(Problem::new(Code::Unreadable, "the Content-Type multipart/form-data names no boundary")),
        },
        // Scripts that say nothing, or the least, send forms all the same.
        "" | "application/x-www-form-urlencoded" | "text/plain" => urlencoded(bytes),
        other => {
            let other = shorten(other);
            Err(Problem::new(Code::Unreadable, format!("the body is {other}, where a form is needed"))
                .with_hint("POST /v1/notifications takes JSON")
                .with_field("Content-Type"))
        }
    }
}

/// `name=value&…`: `+` is a space, `%XX` a byte; a percent sign that begins no byte stands for itself.
pub(super) fn urlencoded(bytes: &[u8]) -> Result<Vec<Pair>, Problem> {
    let mut pairs = Vec::new();
    for part in bytes.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
        if pairs.len() == PAIRS_MAX {
            return Err(too_many());
        }
        let at = part.iter().position(|byte| *byte == b'=');
        let (name, value) = part.split_at(at.unwrap_or(part.len()));
        pairs.push(Pair {
            name: String::from_utf8_lossy(&decode(name)).into_owned(),
            value: decode(value.get(1..).unwrap_or_default()),
            is_file: false,
        });
    }
    Ok(pairs)
}

pub(super) fn too_many() -> Problem {
    Problem::new(Code::Unreadable, format!("the form has over {PAIRS_MAX} fields"))
}

fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let text_of = |pair: Pair| (pair.name, String::from_utf8(pair.value).expect("UTF-8"));
        urlencoded(text.as_bytes()).expect("pairs").into_iter().map(text_of).collect()
    }

    #[test]
    fn a_form_is_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs("a=b+c%20d&e=%E4%BD%A0%f0%9F%98%80"), [pair("a", "b c d"), pair("e", "你😀")]);
        assert_eq!(pairs("&&a&b=&=c&d=1=2&"), [pair("a", ""), pair("b", ""), pair("", "c"), pair("d", "1=2")]);
        assert_eq!(pairs("title=100%&m=5%zz%4&你=好"), [pair("title", "100%"), pair("m", "5%zz%4"), pair("你", "好")]);
        assert_eq!(urlencoded(b"a=%c4%e3").expect("pairs")[0].value, b"\xc4\xe3");
    }

    #[test]
    fn fields_are_counted_at_the_limit_and_one_above() {
        assert_eq!(urlencoded("a&".repeat(PAIRS_MAX).as_bytes()).expect("pairs").len(), PAIRS_MAX);
        assert!(urlencoded("a&".repeat(PAIRS_MAX + 1).as_bytes()).is_err());
    }

    #[test]
    fn a_content_type_is_taken_apart() {
        let parsed = ContentType::parse("Multipart/Form-Data; boundary=\"a b\"; Charset=GBK");
        let expected = ContentType {
            media: "multipart/form-data".to_owned(),
            boundary: Some("a b".to_owned()),
            charset: Some("gbk".to_owned()),
        };
        assert_eq!(parsed, expected);
        for (text, is_form) in [
            ("", true),
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", true),
            ("text/plain", true),
            ("multipart/form-data", false),
            ("application/json", false),
        ] {
            assert_eq!(read(&ContentType::parse(text), b"a=b").is_ok(), is_form, "{text}");
        }
    }
}
