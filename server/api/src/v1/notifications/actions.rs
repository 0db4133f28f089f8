//! The buttons of a notification.

use super::content::{NAME_CHARS_MAX, url};
use super::payload::Action;
use crate::fields::{shorten, text};
use crate::json::Json;
use crate::problem::{Code, Problem};

/// So many buttons platforms show.
const ACTIONS_MAX: usize = 3;
/// Bytes of an id.
const ID_BYTES_MAX: usize = 64;
/// Characters of a placeholder.
const PLACEHOLDER_CHARS_MAX: usize = 200;
const FIELDS: &[&str] = &["id", "title", "url", "reply", "placeholder"];

/// Reads the field `actions`; a refusal names the member, such as `actions[1].id`.
pub(super) fn read(value: Json) -> Result<Vec<Action>, Problem> {
    let Json::List(items) = value else {
        return Err(Problem::invalid("actions", format!("{} where a list is needed", value.kind())));
    };
    if items.len() > ACTIONS_MAX {
        let detail = format!("{} actions are more than the {ACTIONS_MAX} that are shown", items.len());
        return Err(Problem::invalid("actions", detail));
    }
    let mut actions: Vec<Action> = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let action = one(&format!("actions[{index}]"), item)?;
        if actions.iter().any(|other| other.id == action.id) {
            let detail = format!("another action has the id {:?}", action.id);
            return Err(Problem::invalid(format!("actions[{index}].id"), detail));
        }
        actions.push(action);
    }
    Ok(actions)
}

fn one(at: &str, item: Json) -> Result<Action, Problem> {
    let Json::Object(mut members) = item else {
        return Err(Problem::invalid(at, format!("{} where an object is needed", item.kind())));
    };
    if let Some((name, _)) = members.iter().find(|(name, _)| !FIELDS.contains(&name.as_str())) {
        let name = shorten(name);
        return Err(Problem::new(Code::UnknownField, format!("an action has no field {name:?}"))
            .with_hint(format!("the fields are {}", FIELDS.join(", ")))
            .with_field(format!("{at}.{name}")));
    }
    let mut take = |name: &str| {
        let index = members.iter().position(|(own, _)| own == name)?;
        Some(members.swap_remove(index).1)
    };
    let field = |name: &str| format!("{at}.{name}");
    let missing = |name: &str| {
        Problem::new(Code::MissingField, format!("the action has no field {name:?}")).with_field(field(name))
    };
    let reply = take("reply").map(|value| flag(&field("reply"), &value)).transpose()?.unwrap_or(false);
    let link = take("url").map(|value| url(&field("url"), text(&field("url"), value)?)).transpose()?;
    let placeholder = take("placeholder").map(|value| placeholder(&field("placeholder"), value, reply)).transpose()?;
    Ok(Action {
        id: id(&field("id"), take("id").ok_or_else(|| missing("id"))?)?,
        title: title(&field("title"), take("title").ok_or_else(|| missing("title"))?)?,
        url: link,
        reply,
        placeholder,
    })
}

fn id(field: &str, value: Json) -> Result<String, Problem> {
    let id = text(field, value)?;
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_known) {
        return Ok(id);
    }
    Err(Problem::invalid(field, format!("an id has 1 to {ID_BYTES_MAX} of A-Z, a-z, 0-9, _, . and -")))
}

fn title(field: &str, value: Json) -> Result<String, Problem> {
    let title = text(field, value)?;
    if (1..=NAME_CHARS_MAX).contains(&title.chars().count()) {
        return Ok(title);
    }
    Err(Problem::invalid(field, format!("a title has 1 to {NAME_CHARS_MAX} characters")))
}

fn flag(field: &str, value: &Json) -> Result<bool, Problem> {
    match value {
        Json::Bool(flag) => Ok(*flag),
        Json::Null | Json::Number(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => {
            Err(Problem::invalid(field, format!("{} where true or false is needed", value.kind())))
        }
    }
}

fn placeholder(field: &str, value: Json, reply: bool) -> Result<String, Problem> {
    let placeholder = text(field, value)?;
    if !reply {
        return Err(Problem::invalid(field, "there is no text to write without `reply`: true"));
    }
    if placeholder.chars().count() > PLACEHOLDER_CHARS_MAX {
        return Err(Problem::invalid(field, format!("over {PLACEHOLDER_CHARS_MAX} characters")));
    }
    Ok(placeholder)
}
