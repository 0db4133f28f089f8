//! JSON read strictly: no duplicate keys, bounded depth, and nothing that two readers could take differently.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::fields::shorten;
use crate::problem::{Code, Problem};

/// Keys of an object that are compared one by one; above it they are hashed.
const KEYS_LOOKED_AT_MAX: usize = 16;

/// A JSON value; objects in the sender's order, without repeated keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    /// What it is, for an error message.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Reads a body. Deeper than 128 levels, a repeated key, a lone surrogate or a number out of range is no JSON for us.
pub(crate) fn parse(bytes: &[u8]) -> Result<Json, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::new(Code::NotJson, "the body is empty: send a JSON object"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(Code::NotJson, format!("the body is not JSON: {error}"))
            .with_hint("send one JSON object in UTF-8, such as {\"to\":\"user:alice\",\"title\":\"Door\"}")
    })
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        let mut seen = HashSet::new();
        while let Some((key, value)) = members.next_entry::<String, Json>()? {
            if is_repeated(&key, &object, &mut seen) {
                let key = shorten(&key);
                return Err(A::Error::custom(format!("the key {key:?} is there twice")));
            }
            object.push((key, value));
        }
        Ok(Json::Object(object))
    }
}

/// Whether an object has a key already; `seen` are its keys once they are too many to look at each.
fn is_repeated(key: &str, object: &[(String, Json)], seen: &mut HashSet<String>) -> bool {
    if object.len() < KEYS_LOOKED_AT_MAX {
        return object.iter().any(|(other, _)| other == key);
    }
    if seen.is_empty() {
        seen.extend(object.iter().map(|(other, _)| other.clone()));
    }
    !seen.insert(key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        let deep = "[".repeat(100_000);
        let deep_object = "{\"a\":".repeat(100_000);
        for wrong in [
            "",
            "  ",
            "{",
            "{\"a\":1,\"a\":2}",
            "{\"x\":{\"a\":1,\"\\u0061\":2}}",
            "\"\\ud800\"",
            "\"\\udc00\\ud800\"",
            "1e999",
            "-1e999",
            "NaN",
            "01",
            "{} {}",
            "{'a':1}",
            "[1,]",
            "\"\u{0}\"",
            &deep,
            &deep_object,
        ] {
            let shown: String = wrong.chars().take(20).collect();
            let problem = parse(wrong.as_bytes()).expect_err(&shown);
            assert_eq!(problem.code(), Code::NotJson, "{shown}");
        }
        assert_eq!(parse(b"\"\xff\"").expect_err("no UTF-8").code(), Code::NotJson);
    }

    #[test]
    fn a_repeated_key_is_found_in_objects_of_any_size() {
        for size in [1, KEYS_LOOKED_AT_MAX, KEYS_LOOKED_AT_MAX + 1, 3 * KEYS_LOOKED_AT_MAX] {
            let keys: Vec<String> = (0..size).map(|number| format!("\"{number}\":0")).collect();
            let object = |more: &str| format!("{{{}{more}}}", keys.join(","));
            assert!(parse(object("").as_bytes()).is_ok(), "{size}");
            for key in [0, size - 1] {
                let problem = parse(object(&format!(",\"{key}\":1")).as_bytes()).expect_err("twice");
                let text = serde_json::to_string(&problem.document("x")).expect("JSON");
                assert!(text.contains("is there twice"), "{size} {text}");
            }
        }
    }

    #[test]
    fn values_come_back_in_order() {
        let json = parse(br#"{"b":[1,-2,0.5,null,true],"a":"\ud83d\ude00"}"#).expect("JSON");
        let Json::Object(members) = json else { panic!("an object") };
        assert_eq!(members.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(members.last().map(|(_, value)| value.clone()), Some(Json::Text("😀".to_owned())));
    }
}
