//! The payload of a notification, parsed only after its row is durable (DESIGN rule 10).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What an app is handed. Fields of a newer server are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The sender's own fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, String>,
    /// What opening it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How urgent the sender calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<String>,
}

/// A payload that this client cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable payload: {0}")]
pub struct Unusable(String);

impl Notification {
    /// Parses a payload.
    ///
    /// # Errors
    /// When it is not a JSON object whose known fields have their types.
    pub fn parse(payload: &str) -> Result<Self, Unusable> {
        let mut stream = serde_json::Deserializer::from_str(payload);
        let parsed = Object::deserialize(&mut stream).and_then(|object| stream.end().map(|()| object.0));
        parsed.map_err(|error| Unusable(error.to_string()))
    }
}

/// A notification read from an object only; serde would take an array of its fields too.
struct Object(Notification);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = serde_json::Map::<String, serde_json::Value>::deserialize(deserializer)?;
        let value = serde_json::Value::Object(object);
        Notification::deserialize(value).map(Object).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cli_01_hostile_payloads_are_errors() {
        for payload in
            ["", "null", "7", "\"x\"", "[\"t\",\"b\"]", "{", "{\"title\":7}", "{\"data\":{\"a\":1}}", "{} {}"]
        {
            assert!(Notification::parse(payload).is_err(), "{payload}");
        }
        let deep = "[".repeat(100_000);
        assert!(Notification::parse(&format!("{{\"x\":{deep}")).is_err(), "nesting has a limit");
    }

    #[test]
    fn fields_of_a_newer_server_are_ignored() {
        let parsed = Notification::parse(r#"{"title":"Door","body":"Bell","data":{"k":"v"},"actions":[{"id":1}]}"#);
        let expected = Notification {
            title: Some("Door".into()),
            body: Some("Bell".into()),
            data: BTreeMap::from([("k".into(), "v".into())]),
            ..Notification::default()
        };
        assert_eq!(parsed, Ok(expected));
    }
}
