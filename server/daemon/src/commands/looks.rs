//! The fields of a request that `send` and `update` have in common.

use serde_json::{Map, Value, json};

use crate::cli::Looks;

/// What was given and nothing else.
pub(super) fn fields(looks: Looks) -> impl Iterator<Item = (&'static str, Value)> {
    let plain = looks.action.into_iter().map(|(id, title)| json!({ "id": id, "title": title }));
    let replies = looks.reply.into_iter().map(|(id, title)| json!({ "id": id, "title": title, "reply": true }));
    let actions: Vec<Value> = plain.chain(replies).collect();
    let given = [
        ("url", looks.url.map(Value::from)),
        ("image", looks.image.map(Value::from)),
        ("group", looks.group.map(Value::from)),
        ("sound", looks.sound.map(Value::from)),
        ("urgency", looks.urgency.map(Value::from)),
        ("actions", Some(actions).filter(|actions| !actions.is_empty()).map(Value::from)),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// The pairs of `data`; none when none were given.
pub(super) fn data(pairs: Vec<(String, String)>) -> Option<Value> {
    let data: Map<String, Value> = pairs.into_iter().map(|(name, value)| (name, value.into())).collect();
    Some(data).filter(|data| !data.is_empty()).map(Value::Object)
}
