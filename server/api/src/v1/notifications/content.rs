//! What of a notification is shown, and what the app is given: the fields that POST and PATCH have in common.

use super::actions;
use super::payload::Payload;
use crate::fields::{Fields, check_characters, missing, shorten, text};
use crate::json::Json;
use crate::problem::Problem;

/// The fields of the content.
pub(super) const FIELDS: &[&str] = &["title", "body", "data", "url", "image", "group", "sound", "urgency", "actions"];
const URGENCIES: &[&str] = &["min", "low", "normal", "high", "critical"];
/// Characters of a group, and of an action's title.
pub(super) const NAME_CHARS_MAX: usize = 64;
/// Bytes of a `url`, and of the address of an image.
const URL_BYTES_MAX: usize = 2_048;
/// Schemes that run code or reach into the device where an app opens what it is given.
const URL_SCHEMES_REFUSED: &[&str] = &["about", "blob", "data", "file", "javascript", "vbscript"];

/// The content of a notification, of fields that may be others too.
pub(super) fn read(fields: &mut Fields) -> Result<Payload, Problem> {
    let payload = Payload {
        title: fields.text("title")?,
        body: fields.text("body")?,
        data: fields.take("data").map(data).transpose()?.unwrap_or_default(),
        url: fields.text("url")?.map(|text| url("url", text)).transpose()?,
        image: fields.text("image")?.map(image).transpose()?,
        group: fields.text("group")?.map(group).transpose()?,
        sound: fields.text("sound")?.map(sound).transpose()?,
        urgency: one_of(fields, "urgency", URGENCIES)?,
        actions: fields.take("actions").map(actions::read).transpose()?.unwrap_or_default(),
    };
    let is_empty = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
    if is_empty(&payload.title) && is_empty(&payload.body) && payload.data.is_empty() {
        return Err(missing("title").with_hint("a notification needs a title, a body or data"));
    }
    Ok(payload)
}

fn data(value: Json) -> Result<Vec<(String, String)>, Problem> {
    let Json::Object(members) = value else {
        return Err(Problem::invalid("data", format!("{} where an object of strings is needed", value.kind())));
    };
    let pair = |(name, value): (String, Json)| {
        check_characters("data", &name)?;
        let shown = shorten(&name);
        let value = text(&format!("data.{shown}"), value)?;
        Ok((name, value))
    };
    members.into_iter().map(pair).collect()
}

fn image(text: String) -> Result<String, Problem> {
    let text = url("image", text)?;
    let is_web =
        uri_scheme(&text).is_some_and(|scheme| ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)));
    if is_web { Ok(text) } else { Err(Problem::invalid("image", "not an http or https address")) }
}

fn group(text: String) -> Result<String, Problem> {
    if (1..=NAME_CHARS_MAX).contains(&text.chars().count()) {
        return Ok(text);
    }
    Err(Problem::invalid("group", format!("a group has 1 to {NAME_CHARS_MAX} characters")))
}

fn sound(text: String) -> Result<String, Problem> {
    let is_known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if (1..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_known) {
        return Ok(text);
    }
    let detail = format!("a sound has 1 to {NAME_CHARS_MAX} of a-z, 0-9 and _");
    Err(Problem::invalid("sound", detail).with_hint("use default, none, or the name of a raw resource of the app"))
}

/// An absolute URI (RFC 3986) that an app may hand to its system: custom schemes are, those that run code are not.
pub(crate) fn url(field: &str, text: String) -> Result<String, Problem> {
    if text.len() > URL_BYTES_MAX {
        return Err(Problem::invalid(field, format!("over {URL_BYTES_MAX} bytes")));
    }
    let scheme = uri_scheme(&text).ok_or_else(|| {
        Problem::invalid(field, "not an absolute URI, such as https://example.com/door or myapp://door")
            .with_hint("percent-encode spaces and whatever is not ASCII")
    })?;
    if let Some(refused) = URL_SCHEMES_REFUSED.iter().find(|refused| scheme.eq_ignore_ascii_case(refused)) {
        return Err(Problem::invalid(field, format!("the scheme {refused} is refused"))
            .with_hint("use https, or a scheme of the app's own"));
    }
    Ok(text)
}

/// The scheme of what is an absolute URI by its characters.
fn uri_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let is_of_uri =
        |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let has_host = rest.strip_prefix("//").is_some_and(|rest| !rest.starts_with(['/', '?', '#']) && !rest.is_empty());
    (is_scheme && !rest.is_empty() && rest.chars().all(is_of_uri) && (has_host || !is_web)).then_some(scheme)
}

/// One of the words that a field may have.
pub(super) fn one_of(fields: &mut Fields, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, Problem> {
    let Some(text) = fields.text(name)? else {
        return Ok(None);
    };
    match words.iter().find(|word| **word == text) {
        Some(word) => Ok(Some(word)),
        None => {
            let text = shorten(&text);
            Err(Problem::invalid(name, format!("{text:?} is not one of {}", words.join(", "))))
        }
    }
}
