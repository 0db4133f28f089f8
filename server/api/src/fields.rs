//! Reads the fields of a JSON object: each once, by type, with refusals that name the field.

use crate::json::Json;
use crate::problem::{Code, Problem};

/// Characters of a label.
const LABEL_CHARS_MAX: usize = 100;

/// At most 64 characters of a refused text, for an answer.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

/// The members of an object, all of them known by name.
#[derive(Debug)]
pub(crate) struct Fields(Vec<(String, Json)>);

impl Fields {
    /// The members of `body`, which must be an object with `known` names only.
    pub(crate) fn of(body: Json, known: &[&str]) -> Result<Self, Problem> {
        let Json::Object(members) = body else {
            return Err(Problem::new(Code::InvalidField, format!("the body is {}, not an object", body.kind())));
        };
        if let Some((name, _)) = members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            let name = shorten(name);
            return Err(Problem::new(Code::UnknownField, format!("there is no field {name:?}"))
                .with_hint(format!("the fields are {}", known.join(", ")))
                .with_field(name));
        }
        Ok(Self(members))
    }

    /// All of them.
    pub(crate) fn into_members(self) -> Vec<(String, Json)> {
        self.0
    }

    /// The value of a field, taken out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json> {
        let index = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.swap_remove(index).1)
    }

    /// The value of a field that must be there.
    pub(crate) fn required(&mut self, name: &str) -> Result<Json, Problem> {
        self.take(name).ok_or_else(|| missing(name))
    }

    /// A string.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        self.take(name).map(|value| text(name, value)).transpose()
    }

    /// What an operator calls something: the field `label`.
    pub(crate) fn label(&mut self) -> Result<Option<String>, Problem> {
        match self.text("label")? {
            Some(label) if label.chars().count() > LABEL_CHARS_MAX => {
                Err(Problem::invalid("label", format!("over {LABEL_CHARS_MAX} characters")))
            }
            label => Ok(label),
        }
    }

    /// A whole number from 0.
    pub(crate) fn count(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let Json::Number(number) = &value else {
            return Err(Problem::invalid(name, format!("{} where a whole number is needed", value.kind())));
        };
        let count =
            number.as_u64().ok_or_else(|| Problem::invalid(name, format!("{number} is not a whole number from 0")))?;
        Ok(Some(count))
    }
}

/// A refusal of a body without a field that must be there.
pub(crate) fn missing(name: &str) -> Problem {
    Problem::new(Code::MissingField, format!("the field {name:?} is missing")).with_field(name)
}

/// A string without characters that XML forbids: every text may end up in a stanza.
pub(crate) fn text(name: &str, value: Json) -> Result<String, Problem> {
    match value {
        Json::Text(text) => check_characters(name, &text).map(|()| text),
        Json::Null => Err(Problem::invalid(name, "null where a string is needed: leave the field out instead")),
        Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => {
            Err(Problem::invalid(name, format!("{} where a string is needed", value.kind())))
        }
    }
}

/// Refuses what XML 1.0 §2.2 leaves out.
pub(crate) fn check_characters(name: &str, text: &str) -> Result<(), Problem> {
    let is_forbidden = |c: char| {
        (c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{7f}')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    match text.chars().position(is_forbidden) {
        None => Ok(()),
        Some(at) => {
            let character = text.chars().nth(at).map_or(0, u32::from);
            let detail = format!("character {} is U+{character:04X}, which cannot be sent in XML", at + 1);
            Err(Problem::invalid(name, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Result<Fields, Problem> {
        Fields::of(crate::json::parse(body.as_bytes()).expect("JSON"), &["a", "b"])
    }

    #[test]
    fn an_unknown_field_is_named() {
        let problem = fields(r#"{"a":1,"c":2}"#).expect_err("refused").document("x");
        let text = serde_json::to_string(&problem).expect("JSON");
        assert!(text.contains("\"field\":\"c\"") && text.contains("unknown_field"), "{text}");
        assert!(fields("[]").is_err() && fields("null").is_err() && fields("\"a\"").is_err());
    }

    #[test]
    fn types_are_checked() {
        assert_eq!(fields(r#"{"a":7}"#).expect("fields").count("a").expect("a count"), Some(7));
        for wrong in ["-1", "1.5", "\"1\"", "null", "true", "1e30"] {
            assert!(fields(&format!("{{\"a\":{wrong}}}")).expect("fields").count("a").is_err(), "{wrong}");
        }
        for wrong in ["1", "null", "[]", "\"\\u0000\"", "\"\\u001f\"", "\"\\ufffe\"", "\"\\uffff\""] {
            assert!(fields(&format!("{{\"a\":{wrong}}}")).expect("fields").text("a").is_err(), "{wrong}");
        }
        let text = fields(r#"{"a":"\t\r\n\u007f\ufffd"}"#).expect("fields").text("a").expect("a text");
        assert_eq!(text.as_deref(), Some("\t\r\n\u{7f}\u{fffd}"));
    }
}
