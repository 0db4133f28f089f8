//! The JSON object that devices are given, and how long a stanza it can become.

use longwire_model::limits::STANZA_BYTES_MAX;
use serde::{Serialize, Serializer};

use crate::problem::{Code, Problem};

/// Bytes of a stanza beside its texts: elements, ids, addresses.
const STANZA_FRAME_BYTES: usize = 4 * 1024;

/// What is shown, and what the app is given.
#[derive(Debug, Default, Serialize)]
pub(super) struct Payload {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_object")]
    pub data: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgency: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
}

/// A button.
#[derive(Debug, Serialize)]
pub(super) struct Action {
    pub id: String,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reply: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
}

fn as_object<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

impl Payload {
    /// Its JSON, unless the longest stanza that carries it would be too long: for clients without our extension title and body
    /// stand beside the JSON (DESIGN §5).
    pub(super) fn to_json(&self) -> Result<String, Problem> {
        let json = serde_json::to_string(self)
            .map_err(|error| Problem::new(Code::Internal, format!("the payload cannot be written: {error}")))?;
        let texts = [self.title.as_deref(), self.body.as_deref(), Some(json.as_str())];
        let bytes = texts.iter().flatten().map(|text| escaped_bytes(text)).sum::<usize>() + STANZA_FRAME_BYTES;
        if bytes > STANZA_BYTES_MAX {
            let detail =
                format!("as a stanza the notification has {bytes} bytes, over the {STANZA_BYTES_MAX} that it may have");
            return Err(Problem::new(Code::TooLarge, detail)
                .with_hint("quotes, angle brackets and ampersands take up to six bytes each in XML"));
        }
        Ok(json)
    }
}

/// Bytes of a text in XML when every character is escaped that a writer might escape.
fn escaped_bytes(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\'' => 6,
            b'&' | b'\r' => 5,
            b'<' | b'>' => 4,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_has_what_was_given_in_order() {
        let payload = Payload {
            title: Some("Door".to_owned()),
            data: vec![("z".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())],
            ..Payload::default()
        };
        assert_eq!(payload.to_json().expect("small"), r#"{"title":"Door","data":{"z":"1","a":"2"}}"#);
    }

    #[test]
    fn the_stanza_is_measured_at_the_limit_and_one_above() {
        // Twice in the stanza, with `{"body":""}` around it once: eight quotes fewer than its length suggests.
        let frame = STANZA_FRAME_BYTES + escaped_bytes(r#"{"body":""}"#);
        let fitting = (STANZA_BYTES_MAX - frame) / 2;
        let of = |length: usize| Payload { body: Some("x".repeat(length)), ..Payload::default() }.to_json();
        assert!(of(fitting).is_ok());
        assert_eq!(of(fitting + 1).expect_err("too long").code(), Code::TooLarge);
    }
}
