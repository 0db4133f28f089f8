//! The payload of a notification, parsed only after its row is durable (DESIGN rule 10).

use std::collections::{BTreeMap, HashSet};

use longwire_protocol::push::is_action_id;
use serde::{Deserialize, Deserializer, Serialize};

/// So many actions a notification shows; more are dropped, as platforms show no more.
pub const ACTIONS_MAX: usize = 3;
/// Characters of an action's title, and of a group.
const NAME_CHARS_MAX: usize = 64;
/// Bytes of the address of an image.
const IMAGE_BYTES_MAX: usize = 2_048;

/// What an app is handed. Fields of a newer server are ignored, and what is there for its looks alone (image, group, sound, actions)
/// is dropped where it cannot be used: the rest is shown all the same.
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
    /// The address of a picture: http or https.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "image")]
    pub image: Option<String>,
    /// Notifications of the same group are shown together.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "group")]
    pub group: Option<String>,
    /// `default`, `none`, or the name of a sound that the app has.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "sound")]
    pub sound: Option<String>,
    /// How urgent the sender calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<String>,
    /// What the user may do with it: at most [`ACTIONS_MAX`], each with an id of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "actions")]
    pub actions: Vec<PushAction>,
}

/// A button of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushAction {
    /// Its id within the notification, which the report of its use names.
    pub id: String,
    /// What the button says.
    pub title: String,
    /// What using it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether the user writes a text.
    #[serde(default, rename = "reply", skip_serializing_if = "is_false")]
    pub is_reply: bool,
    /// What stands in the empty field for the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
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
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = serde_json::Map::<String, serde_json::Value>::deserialize(deserializer)?;
        let value = serde_json::Value::Object(object);
        Notification::deserialize(value).map(Object).map_err(serde::de::Error::custom)
    }
}

fn image<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text_that(deserializer, |text| {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let is_web = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        is_web && !rest.is_empty() && text.len() <= IMAGE_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

fn group<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text_that(deserializer, is_name)
}

fn sound<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text_that(deserializer, |text| {
        let is_known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        (1..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_known)
    })
}

/// A string that can be used, or none; anything but a string is an error.
fn text_that<'de, D: Deserializer<'de>>(
    deserializer: D,
    is_usable: impl Fn(&str) -> bool,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| is_usable(text)))
}

fn actions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PushAction>, D::Error> {
    let list = Vec::<serde_json::Value>::deserialize(deserializer)?;
    let mut ids = HashSet::new();
    let usable = list.into_iter().filter_map(usable_action);
    Ok(usable.filter(|action| ids.insert(action.id.clone())).take(ACTIONS_MAX).collect())
}

fn usable_action(value: serde_json::Value) -> Option<PushAction> {
    let is_object = value.is_object();
    let action = is_object.then(|| PushAction::deserialize(value).ok()).flatten()?;
    let placeholder = action.placeholder.filter(|_| action.is_reply);
    (is_action_id(&action.id) && is_name(&action.title)).then_some(PushAction { placeholder, ..action })
}

fn is_name(text: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&text.chars().count())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(id: &str) -> PushAction {
        PushAction { id: id.into(), title: id.to_uppercase(), url: None, is_reply: false, placeholder: None }
    }

    #[test]
    fn cli_01_hostile_payloads_are_errors() {
        for payload in [
            "",
            "null",
            "7",
            "\"x\"",
            "[\"t\",\"b\"]",
            "{",
            "{\"title\":7}",
            "{\"data\":{\"a\":1}}",
            "{} {}",
            "{\"image\":7}",
            "{\"actions\":{}}",
        ] {
            assert!(Notification::parse(payload).is_err(), "{payload}");
        }
        let deep = "[".repeat(100_000);
        assert!(Notification::parse(&format!("{{\"x\":{deep}")).is_err(), "nesting has a limit");
    }

    #[test]
    fn fields_of_a_newer_server_are_ignored() {
        let parsed = Notification::parse(r#"{"title":"Door","body":"Bell","data":{"k":"v"},"hologram":[{"id":1}]}"#);
        let expected = Notification {
            title: Some("Door".into()),
            body: Some("Bell".into()),
            data: BTreeMap::from([("k".into(), "v".into())]),
            ..Notification::default()
        };
        assert_eq!(parsed, Ok(expected));
    }

    #[test]
    fn a_whole_notification_reads_back() {
        let payload = r#"{"title":"T","url":"app://x","image":"https://example.com/a.png","group":"door","sound":"bell_2","urgency":"high","actions":[{"id":"open","title":"Open","url":"app://o"},{"id":"reply","title":"Reply","reply":true,"placeholder":"Text"}]}"#;
        let parsed = Notification::parse(payload).expect("a notification");
        assert_eq!(parsed.actions.iter().map(|action| action.is_reply).collect::<Vec<_>>(), [false, true]);
        assert_eq!(serde_json::to_string(&parsed).expect("JSON"), payload);
    }

    #[test]
    fn what_is_for_its_looks_alone_is_dropped_when_it_cannot_be_used() {
        let long = "x".repeat(IMAGE_BYTES_MAX);
        let cases = [
            format!(r#""image":"https://{long}""#),
            r#""image":"file:///etc/passwd""#.to_owned(),
            r#""image":"https://""#.to_owned(),
            r#""image":"https://a b""#.to_owned(),
            r#""image":"""#.to_owned(),
            format!(r#""group":"{}""#, "é".repeat(NAME_CHARS_MAX + 1)),
            r#""group":"""#.to_owned(),
            r#""sound":"../x""#.to_owned(),
            r#""sound":"Bell""#.to_owned(),
            r#""actions":[]"#.to_owned(),
            r#""actions":[7,null,"open",["open","Open"],{},{"id":1,"title":"x"},{"id":"a b","title":"x"},{"id":"a"}]"#
                .to_owned(),
            format!(r#""actions":[{{"id":"a","title":"{}"}}]"#, "é".repeat(NAME_CHARS_MAX + 1)),
        ];
        for case in cases {
            let parsed = Notification::parse(&format!(r#"{{"title":"T",{case}}}"#));
            let title = Some("T".to_owned());
            assert_eq!(parsed, Ok(Notification { title, ..Notification::default() }), "{case}");
        }
    }

    #[test]
    fn of_actions_the_first_three_with_ids_of_their_own_are_shown() {
        let parsed = Notification::parse(
            r#"{"actions":[{"id":"a","title":"A"},{"id":"a","title":"B"},{"id":"b","title":"B","placeholder":"x"},
                {"id":"!","title":"C"},{"id":"c","title":"C"},{"id":"d","title":"D"}]}"#,
        );
        assert_eq!(parsed.expect("a notification").actions, [action("a"), action("b"), action("c")]);
    }
}
