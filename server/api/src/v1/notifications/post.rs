//! `POST /v1/notifications`: accept a notification.

use std::str::FromStr as _;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use longwire_core::notification_manager::{AcceptError, Acceptance, Accepted, IdempotencyRequest};
use longwire_model::limits::TTL_SECONDS_MAX;
use longwire_model::notification::{self, NotificationError};
use longwire_model::{AudienceKey, Filter, Lane, Notification};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::content;
use crate::Api;
use crate::extract::{Asked, Authorized, Nothing, RawBody, Send_};
use crate::fields::{Fields, text};
use crate::json::{self, Json};
use crate::problem::{Code, Problem};

const FIELDS: &[&str] = &[
    "to",
    "title",
    "body",
    "data",
    "url",
    "image",
    "group",
    "sound",
    "urgency",
    "actions",
    "ttl",
    "collapse_key",
    "lane",
    "filter",
];
pub(super) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// Bytes of an `Idempotency-Key`.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// A notification. At least one of `title`, `body` and `data` must be there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "user:alice", "title": "Door", "body": "Bell"}))]
#[expect(
    dead_code,
    reason = "the shape for the OpenAPI document; requests are read field by field to name what is wrong"
)]
pub(crate) struct NewNotification {
    to: To,
    /// The title shown.
    #[schema(nullable = false)]
    title: Option<String>,
    /// The text shown.
    #[schema(nullable = false)]
    body: Option<String>,
    /// Pairs for the app.
    #[schema(nullable = false)]
    data: Option<std::collections::BTreeMap<String, String>>,
    /// What opening it opens: an absolute URI, such as `https://…` or `myapp://…`. The schemes about, blob, data, file, javascript
    /// and vbscript are refused.
    #[schema(nullable = false, max_length = 2048, pattern = r"^[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-Z\[\]_a-z~]+$")]
    url: Option<String>,
    /// The address of a picture to show: http or https.
    #[schema(nullable = false, max_length = 2048, pattern = "^[Hh][Tt][Tt][Pp][Ss]?://.+$")]
    image: Option<String>,
    /// Notifications of the same group are shown together.
    #[schema(nullable = false, min_length = 1, max_length = 64)]
    group: Option<String>,
    /// `default`, `none`, or the name of a raw resource of the app.
    #[schema(nullable = false, pattern = "^[a-z0-9_]{1,64}$", example = "default")]
    sound: Option<String>,
    /// Buttons, with ids of their own.
    #[schema(nullable = false, max_items = 3)]
    actions: Option<Vec<ActionBody>>,
    /// Whole seconds until it expires. 0 is now or never: given to the devices that are online, and never stored.
    #[schema(nullable = false, minimum = 0, maximum = 2_419_200, default = 2_419_200)]
    ttl: Option<u64>,
    /// A newer notification with the same key, lane and audience takes the place of this one where it still waits.
    #[schema(nullable = false, min_length = 1, max_length = 256)]
    collapse_key: Option<String>,
    #[schema(nullable = false)]
    lane: Option<LaneName>,
    #[schema(nullable = false)]
    urgency: Option<Urgency>,
    /// Only devices that pass: `tag:NAME` or `!tag:NAME`, joined by `&&`.
    #[schema(nullable = false, example = "tag:beta && !tag:muted")]
    filter: Option<String>,
}

/// To whom: `device:ID`, `user:NAME`, `topic:NAME`, `tag:NAME`, `all`, or a list of these.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(example = "user:alice")]
#[expect(dead_code, reason = "the shape for the OpenAPI document")]
enum To {
    /// One audience.
    One(Audience),
    /// Several; a device that is in more than one of them gets it once.
    Several(Vec<Audience>),
}

/// `device:ID`, `user:NAME`, `topic:NAME`, `tag:NAME` or `all`.
#[derive(Deserialize, ToSchema)]
#[schema(pattern = r"^(all|device:[0-9a-f-]{36}|(user|topic|tag):[^\s\x00-\x1f\x7f]{1,256})$", example = "user:alice")]
#[expect(dead_code, reason = "the shape for the OpenAPI document")]
struct Audience(String);

/// `background` may wait for the next heartbeat or wake-up of the device.
#[derive(ToSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LaneName {
    Normal,
    Background,
}

/// How much it may disturb.
#[derive(ToSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Urgency {
    Min,
    Low,
    Normal,
    High,
    Critical,
}

/// A button. Its use is reported, and shown in the deliveries.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": "reply", "title": "Reply", "reply": true, "placeholder": "Your answer"}))]
#[expect(dead_code, reason = "the shape for the OpenAPI document")]
pub(super) struct ActionBody {
    /// Its id within the notification.
    #[schema(pattern = "^[A-Za-z0-9_.-]{1,64}$")]
    id: String,
    /// What the button says.
    #[schema(min_length = 1, max_length = 64)]
    title: String,
    /// What using it opens: as the `url` of a notification.
    #[schema(nullable = false, max_length = 2048)]
    url: Option<String>,
    /// Whether the user writes a text with it.
    #[schema(nullable = false, default = false)]
    reply: Option<bool>,
    /// What stands in the empty field for the text; only with `reply`.
    #[schema(nullable = false, max_length = 200)]
    placeholder: Option<String>,
}

/// An accepted notification: it is on disk.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b", "state": "accepted", "audience": 2}))]
pub(crate) struct AcceptedNotification {
    /// Its id.
    id: String,
    /// `accepted`.
    state: &'static str,
    /// How many devices held the keys of `to` when the request was read. Reading the notification tells how many did at its place in
    /// the log, which is exact.
    audience: u64,
    /// What may not be as meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// A notification with `ttl: 0`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b", "state": "sent", "sessions": 1}))]
pub(crate) struct SentNotification {
    /// Its id; nothing is kept under it.
    id: String,
    /// `sent`.
    state: &'static str,
    /// How many sessions took it.
    sessions: usize,
}

/// Send a notification
///
/// The body is read as JSON whatever the `Content-Type` says. Once answered with 202 the notification is on disk and will be shown
/// exactly once on each device of its audience.
#[utoipa::path(
    post,
    path = "/v1/notifications",
    tag = "notifications",
    operation_id = "send_notification",
    params(("Idempotency-Key" = Option<String>, Header, nullable = false, min_length = 1, max_length = 255, pattern = "^[!-~]+$",
        description = "The same key with the same body within 24 hours gives the first answer again instead of a second notification")),
    request_body = NewNotification,
    responses(
        (status = 202, body = AcceptedNotification, description = "Accepted: it is on disk",
            headers(("Location" = String, description = "Where to learn what became of it"))),
        (status = 200, body = SentNotification, description = "With `ttl: 0`: given to whoever is online"),
    )
)]
pub(crate) async fn post(
    State(api): State<Arc<Api>>,
    _: Authorized<Send_>,
    _: Asked<Nothing>,
    key: Result<IdempotencyKey, Problem>,
    RawBody(bytes): RawBody,
) -> Result<Response, Problem> {
    let IdempotencyKey(key) = key?;
    let notification = read(json::parse(&bytes)?)?;
    let idempotency = key.map(|key| IdempotencyRequest {
        key,
        body_hash: Sha256::digest(&bytes).into(),
        status: StatusCode::ACCEPTED.as_u16(),
        answer: Box::new(accepted_body),
    });
    // In a box of its own: futures of up to a kilobyte cost the allocator the least.
    let accepting = Box::pin(api.core.notifications.accept(notification, idempotency));
    match accepting.await? {
        Acceptance::Accepted(accepted) => {
            Ok(answer(StatusCode::ACCEPTED, Some(accepted.id.to_string()), accepted_body(&accepted)))
        }
        Acceptance::Repeated { status, answer: body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::ACCEPTED);
            Ok(answer(status, id_of(&body), body))
        }
        Acceptance::Now { id, sessions } => {
            let sent = SentNotification { id: id.to_string(), state: "sent", sessions };
            Ok(axum::Json(sent).into_response())
        }
    }
}

pub(crate) fn accepted_body(accepted: &Accepted) -> String {
    let warning =
        |key: &AudienceKey| format!("{key} has no devices now, and later ones will not get this notification");
    let body = AcceptedNotification {
        id: accepted.id.to_string(),
        state: "accepted",
        audience: accepted.audience,
        warnings: accepted.without_members.iter().map(warning).collect(),
    };
    // Texts and numbers always serialise.
    serde_json::to_string(&body).unwrap_or_default()
}

pub(super) fn id_of(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    body.get("id")?.as_str().map(str::to_owned)
}

pub(crate) fn answer(status: StatusCode, id: Option<String>, body: String) -> Response {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(location) = id.and_then(|id| HeaderValue::try_from(format!("/v1/notifications/{id}")).ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The `Idempotency-Key` of a request that has one. Handlers take it as a result: a body that cannot be read is told first.
pub(crate) struct IdempotencyKey(pub Option<String>);

impl FromRequestParts<Arc<Api>> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Problem> {
        idempotency_key(&parts.headers).map(Self)
    }
}

pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let bytes = value.as_bytes();
    let is_key = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    if !is_key || values.next().is_some() {
        let detail = format!("an Idempotency-Key has 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters, once");
        return Err(Problem::invalid(IDEMPOTENCY_KEY, detail));
    }
    Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
}

/// Reads a notification; the first thing that is wrong is the refusal.
pub(crate) fn read(body: Json) -> Result<Notification, Problem> {
    let mut fields = Fields::of(body, FIELDS)?;
    let audience = audience(fields.required("to")?)?;
    let payload = content::read(&mut fields)?;
    let ttl = fields.count("ttl")?;
    let collapse_key = fields.text("collapse_key")?.map(|key| notification::collapse_key(&key)).transpose();
    let filter = fields.text("filter")?.map(|text| Filter::from_str(&text)).transpose();
    Ok(Notification {
        audience: notification::audience(audience).map_err(|error| refused("to", &error))?,
        filter: filter.map_err(|error| Problem::invalid("filter", error.to_string()))?,
        lane: content::one_of(&mut fields, "lane", &["normal", "background"])?
            .and_then(|name| name.parse().ok())
            .unwrap_or(Lane::Normal),
        ttl_seconds: notification::ttl(ttl)
            .map_err(|error| refused("ttl", &error).with_hint(format!("leave it out for {TTL_SECONDS_MAX} seconds")))?,
        collapse_key: collapse_key.map_err(|error| refused("collapse_key", &error))?,
        payload: payload.to_json()?.into(),
    })
}

fn refused(field: &str, error: &NotificationError) -> Problem {
    Problem::invalid(field, error.to_string())
}

fn audience(to: Json) -> Result<Vec<AudienceKey>, Problem> {
    let key = |field: &str, value: Json| {
        let text = text(field, value)?;
        AudienceKey::from_str(&text).map_err(|error| Problem::invalid(field, error.to_string()))
    };
    match to {
        Json::List(items) => {
            items.into_iter().enumerate().map(|(index, item)| key(&format!("to[{index}]"), item)).collect()
        }
        one @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_)) => {
            Ok(vec![key("to", one)?])
        }
    }
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::UnknownDevice(_) => Self::new(Code::UnknownDevice, error.to_string())
                .with_field("to")
                .with_hint("GET /v1/devices lists the devices"),
            AcceptError::IdempotencyMismatch => {
                Self::new(Code::IdempotencyMismatch, error.to_string()).with_field(IDEMPOTENCY_KEY)
            }
            AcceptError::IdempotencyWithoutTtl => Self::invalid(IDEMPOTENCY_KEY, error.to_string()),
            AcceptError::Core(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Notification, serde_json::Value> {
        let parsed = json::parse(body.as_bytes()).and_then(read);
        parsed.map_err(|problem| serde_json::to_value(problem.document("-")).expect("JSON"))
    }

    #[test]
    fn a_whole_notification_is_read() {
        let read = parse(
            r#"{"to":["user:alice","topic:a/b","user:alice"],"title":"T","body":"B","data":{"k":"v"},"url":"https://example.com",
                "ttl":60,"collapse_key":"c","lane":"background","urgency":"high","filter":"tag:beta"}"#,
        )
        .expect("a notification");
        assert_eq!(read.audience.iter().map(AudienceKey::as_str).collect::<Vec<_>>(), ["user:alice", "topic:a/b"]);
        assert_eq!((read.ttl_seconds, read.lane), (60, Lane::Background));
        assert_eq!(
            &*read.payload,
            r#"{"title":"T","body":"B","data":{"k":"v"},"url":"https://example.com","urgency":"high"}"#
        );
    }

    #[test]
    fn each_refusal_names_its_field() {
        for (rest, field) in [
            (r#""tittle":"x""#, "tittle"),
            (r#""ttl":-1"#, "ttl"),
            (r#""ttl":2419201"#, "ttl"),
            (r#""ttl":"abc""#, "ttl"),
            (r#""ttl":1.5"#, "ttl"),
            (r#""ttl":null"#, "ttl"),
            (r#""body":1"#, "body"),
            (r#""body":"\u0000""#, "body"),
            (r#""data":{"k":1}"#, "data.k"),
            (r#""data":{"k":"\u0001"}"#, "data.k"),
            (r#""data":{"\u0001":"k"}"#, "data"),
            (r#""data":[]"#, "data"),
            (r#""url":"/door""#, "url"),
            (r#""url":"https://a b""#, "url"),
            (r#""collapse_key":"""#, "collapse_key"),
            (r#""lane":"fast""#, "lane"),
            (r#""urgency":"urgent""#, "urgency"),
            (r#""image":7"#, "image"),
            (r#""image":"myapp://door""#, "image"),
            (r#""image":"https://""#, "image"),
            (r#""group":"""#, "group"),
            (r#""group":null"#, "group"),
            (r#""sound":"Bell""#, "sound"),
            (r#""sound":"../bell""#, "sound"),
            (r#""sound":"""#, "sound"),
            (r#""actions":{}"#, "actions"),
            (r#""actions":null"#, "actions"),
            (
                r#""actions":[{"id":"a","title":"A"},{"id":"b","title":"B"},{"id":"c","title":"C"},{"id":"d","title":"D"}]"#,
                "actions",
            ),
            (r#""actions":["a"]"#, "actions[0]"),
            (r#""actions":[{"title":"A"}]"#, "actions[0].id"),
            (r#""actions":[{"id":"a"}]"#, "actions[0].title"),
            (r#""actions":[{"id":"a","title":"A"},{"id":"a b","title":"B"}]"#, "actions[1].id"),
            (r#""actions":[{"id":"a","title":"A"},{"id":"a","title":"B"}]"#, "actions[1].id"),
            (r#""actions":[{"id":"a","title":""}]"#, "actions[0].title"),
            (r#""actions":[{"id":"a","title":"A\u0000"}]"#, "actions[0].title"),
            (r#""actions":[{"id":"a","title":"A","url":"javascript:x"}]"#, "actions[0].url"),
            (r#""actions":[{"id":"a","title":"A","reply":"yes"}]"#, "actions[0].reply"),
            (r#""actions":[{"id":"a","title":"A","placeholder":"x"}]"#, "actions[0].placeholder"),
            (r#""actions":[{"id":"a","title":"A","reply":false,"placeholder":"x"}]"#, "actions[0].placeholder"),
            (r#""actions":[{"id":"a","title":"A","icon":"x"}]"#, "actions[0].icon"),
            (r#""filter":"user:bob""#, "filter"),
        ] {
            let problem = parse(&format!(r#"{{"to":"all","title":"T",{rest}}}"#)).expect_err(rest);
            assert_eq!((problem["status"].as_u64(), problem["field"].as_str()), (Some(422), Some(field)), "{problem}");
        }
        for (to, field) in [
            ("[]", "to"),
            ("7", "to"),
            ("\"everyone\"", "to"),
            ("\"user:\"", "to"),
            ("\"device:phone\"", "to"),
            ("[\"all\",\"x\"]", "to[1]"),
            ("[\"all\",[]]", "to[1]"),
        ] {
            let problem = parse(&format!(r#"{{"title":"T","to":{to}}}"#)).expect_err(to);
            assert_eq!(problem["field"].as_str(), Some(field), "{problem}");
        }
    }

    #[test]
    fn lengths_of_what_is_shown_at_the_limit_and_one_above() {
        let with = |name: &str, value: serde_json::Value| {
            parse(&serde_json::json!({ "to": "all", "title": "T", name: value }).to_string())
        };
        let refused = |name: &str, value, field: &str| {
            assert_eq!(with(name, value).expect_err(field)["field"].as_str(), Some(field));
        };
        let long = |characters| "é".repeat(characters);
        assert!(with("group", long(64).into()).is_ok());
        refused("group", long(65).into(), "group");
        assert!(with("sound", "a_2".repeat(21).into()).is_ok());
        refused("sound", "a".repeat(65).into(), "sound");
        let image = |bytes: usize| format!("https://example.com/{}", "x".repeat(bytes - 20));
        assert!(with("image", image(2_048).into()).is_ok());
        refused("image", image(2_049).into(), "image");
        let action = |id: usize, title: usize, placeholder: usize| serde_json::json!([{ "id": "i".repeat(id), "title": long(title), "reply": true, "placeholder": long(placeholder) }]);
        assert!(with("actions", action(64, 64, 200)).is_ok());
        refused("actions", action(65, 1, 1), "actions[0].id");
        refused("actions", action(1, 65, 1), "actions[0].title");
        refused("actions", action(1, 1, 201), "actions[0].placeholder");
    }

    #[test]
    fn what_is_for_its_looks_is_in_the_payload() {
        let read = parse(
            r#"{"to":"all","title":"T","image":"https://example.com/a.png","group":"door","sound":"none",
                "actions":[{"title":"Reply","id":"r-1","reply":true,"placeholder":"Text"},{"id":"open","title":"Open","url":"app://x"}]}"#,
        );
        assert_eq!(
            &*read.expect("a notification").payload,
            r#"{"title":"T","image":"https://example.com/a.png","group":"door","sound":"none","actions":[{"id":"r-1","title":"Reply","reply":true,"placeholder":"Text"},{"id":"open","title":"Open","url":"app://x"}]}"#
        );
    }

    #[test]
    fn a_url_is_absolute_and_of_a_scheme_that_runs_nothing() {
        let with = |url: &str| parse(&serde_json::json!({ "to": "all", "title": "T", "url": url }).to_string());
        for good in
            ["https://example.com/a?b=%20#c", "HTTP://[::1]:80", "myapp://door", "tel:+491", "datax:1", "a+b-c.d:e"]
        {
            assert!(with(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "door",
            "/door",
            "//example.com",
            ":x",
            "1a:x",
            "https:",
            "https:door",
            "https://",
            "https:///door",
            "a:b c",
            "a:\"",
            "https://é",
            " https://a",
            "javascript:alert(1)",
            "JavaScript:x",
            "data:,x",
            "file:///etc/passwd",
            "vbscript:x",
            "about:blank",
            "blob:https://a/b",
        ] {
            let problem = with(wrong).expect_err(wrong);
            assert_eq!((problem["status"].as_u64(), problem["field"].as_str()), (Some(422), Some("url")), "{wrong}");
            assert!(problem["hint"].as_str().is_some(), "{problem}");
        }
    }

    #[test]
    fn something_must_be_said_to_somebody() {
        for (body, field) in [
            (r#"{"title":"T"}"#, "to"),
            (r#"{"to":"all"}"#, "title"),
            (r#"{"to":"all","title":"","data":{}}"#, "title"),
        ] {
            let problem = parse(body).expect_err(body);
            assert_eq!((problem["code"].as_str(), problem["field"].as_str()), (Some("missing_field"), Some(field)));
        }
        assert!(parse(r#"{"to":"all","data":{"sync":""}}"#).is_ok());
    }
}
