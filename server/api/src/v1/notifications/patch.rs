//! `PATCH /v1/notifications/{id}`: give a notification new content.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use longwire_core::notification_manager::{Acceptance, Accepted, IdempotencyRequest, UpdateError};
use longwire_model::EntryId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::post::{ActionBody, IDEMPOTENCY_KEY, IdempotencyKey, Urgency, answer, id_of};
use super::{content, parse_id, unknown};
use crate::Api;
use crate::extract::{Asked, Authorized, Named, Nothing, RawBody, Send_};
use crate::fields::Fields;
use crate::json::{self, Json};
use crate::problem::{Code, Problem};

/// A change of a notification's content (RFC 7396): what is given takes the place of what was, null removes it, and what is not given
/// stays. The pairs of `data` are changed one by one in the same way.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"body": "The bell rang twice", "image": null}))]
#[expect(
    dead_code,
    reason = "the shape for the OpenAPI document; requests are read field by field to name what is wrong"
)]
pub(crate) struct NotificationChange {
    title: Option<String>,
    body: Option<String>,
    data: Option<BTreeMap<String, Option<String>>>,
    #[schema(max_length = 2048)]
    url: Option<String>,
    #[schema(max_length = 2048)]
    image: Option<String>,
    #[schema(min_length = 1, max_length = 64)]
    group: Option<String>,
    #[schema(pattern = "^[a-z0-9_]{1,64}$")]
    sound: Option<String>,
    urgency: Option<Urgency>,
    #[schema(max_items = 3)]
    actions: Option<Vec<ActionBody>>,
}

/// An accepted change: it is on disk.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b", "update": "0199a0b2-11d4-7a02-9c31-5e6f7a8b9c0d", "state": "accepted", "audience": 2
}))]
pub(crate) struct AcceptedUpdate {
    /// The notification's id, which stays.
    id: String,
    /// The id of the change.
    update: String,
    /// `accepted`.
    state: &'static str,
    /// How many devices held the keys of the notification's `to` when the request was read.
    audience: u64,
}

/// Change a notification
///
/// The change is made to the content of now, so that several changes add up. Devices that show the notification show the new content
/// without a new alert, devices that have not shown it yet show the new content alone. Whoever opened or dismissed it is not disturbed.
#[utoipa::path(
    patch,
    path = "/v1/notifications/{id}",
    tag = "notifications",
    operation_id = "update_notification",
    params(
        ("id" = String, Path, description = "The notification's id"),
        ("Idempotency-Key" = Option<String>, Header, nullable = false, min_length = 1, max_length = 255, pattern = "^[!-~]+$",
            description = "The same key with the same body within 24 hours gives the first answer again instead of a second change")
    ),
    request_body = NotificationChange,
    responses(
        (status = 202, body = AcceptedUpdate, description = "Accepted: it is on disk",
            headers(("Location" = String, description = "Where to learn what became of the notification"))),
        (status = 409, description = "It was recalled, or has expired")
    )
)]
pub(crate) async fn patch(
    State(api): State<Arc<Api>>,
    _: Authorized<Send_>,
    _: Asked<Nothing>,
    Named(id): Named<String>,
    key: Result<IdempotencyKey, Problem>,
    RawBody(bytes): RawBody,
) -> Result<Response, Problem> {
    let IdempotencyKey(key) = key?;
    let id = parse_id(&id)?;
    let change = change(json::parse(&bytes)?)?;
    let idempotency = key.map(|key| IdempotencyRequest {
        key,
        // The same body for another notification is another request.
        body_hash: Sha256::new()
            .chain_update("PATCH ")
            .chain_update(id.to_string())
            .chain_update(&bytes)
            .finalize()
            .into(),
        status: StatusCode::ACCEPTED.as_u16(),
        answer: Box::new(move |accepted| accepted_body(id, accepted)),
    });
    match api.core.notifications.update(id, |present| merge(present, change), idempotency).await? {
        Acceptance::Accepted(accepted) => {
            Ok(answer(StatusCode::ACCEPTED, Some(id.to_string()), accepted_body(id, &accepted)))
        }
        Acceptance::Repeated { status, answer: body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::ACCEPTED);
            Ok(answer(status, id_of(&body), body))
        }
        Acceptance::Now { .. } => Err(Problem::new(Code::Internal, "an update was not stored")),
    }
}

fn accepted_body(id: EntryId, accepted: &Accepted) -> String {
    let body = AcceptedUpdate {
        id: id.to_string(),
        update: accepted.id.to_string(),
        state: "accepted",
        audience: accepted.audience,
    };
    // Texts and numbers always serialise.
    serde_json::to_string(&body).unwrap_or_default()
}

/// The members of a change: some, and each of a field that the content has.
fn change(body: Json) -> Result<Vec<(String, Json)>, Problem> {
    let members = Fields::of(body, content::FIELDS)?.into_members();
    if members.is_empty() {
        return Err(Problem::new(Code::MissingField, "nothing is to be changed")
            .with_hint(format!("give at least one of {}", content::FIELDS.join(", "))));
    }
    Ok(members)
}

/// The present content with a change, checked as a whole as that of a new notification is.
fn merge(present: &str, change: Vec<(String, Json)>) -> Result<Arc<str>, Problem> {
    let Json::Object(mut members) = json::parse(present.as_bytes())? else {
        return Err(Problem::new(Code::Internal, "the present content is no object"));
    };
    apply(&mut members, change);
    let mut fields = Fields::of(Json::Object(members), content::FIELDS)?;
    Ok(content::read(&mut fields)?.to_json()?.into())
}

/// RFC 7396 §2; only `data` is an object that is merged, everything else is replaced.
fn apply(members: &mut Vec<(String, Json)>, change: Vec<(String, Json)>) {
    for (name, value) in change {
        let known = members.iter().position(|(own, _)| *own == name);
        let old = known.map(|index| members.swap_remove(index).1);
        let new = match (old, value) {
            (_, Json::Null) => continue,
            (Some(Json::Object(mut pairs)), Json::Object(change)) => {
                apply(&mut pairs, change);
                Json::Object(pairs)
            }
            (_, Json::Object(change)) => {
                let mut pairs = Vec::new();
                apply(&mut pairs, change);
                Json::Object(pairs)
            }
            (_, value @ (Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_))) => value,
        };
        members.push((name, new));
    }
}

impl From<UpdateError<Self>> for Problem {
    fn from(error: UpdateError<Self>) -> Self {
        match error {
            UpdateError::Unknown => unknown(),
            UpdateError::Recalled => Self::new(Code::Recalled, "the notification was recalled"),
            UpdateError::Expired => Self::new(Code::Expired, "the notification has expired"),
            UpdateError::IdempotencyMismatch => {
                let detail = "this Idempotency-Key was used with another request in the last 24 hours";
                Self::new(Code::IdempotencyMismatch, detail).with_field(IDEMPOTENCY_KEY)
            }
            UpdateError::Merge(problem) => problem,
            UpdateError::Core(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(present: &str, change: &str) -> Result<Arc<str>, (u64, Option<String>)> {
        let merged = json::parse(change.as_bytes()).and_then(self::change).and_then(|change| merge(present, change));
        merged.map_err(|problem| {
            let problem = serde_json::to_value(problem.document("-")).expect("JSON");
            (problem["status"].as_u64().expect("a status"), problem["field"].as_str().map(str::to_owned))
        })
    }

    #[test]
    fn given_fields_replace_null_removes_and_the_rest_stays() {
        let present = r#"{"title":"Door","body":"Bell","data":{"a":"1","b":"2"},"url":"app://x","actions":[{"id":"a","title":"A"}]}"#;
        for (change, expected) in [
            (
                r#"{"body":"Twice"}"#,
                r#"{"title":"Door","body":"Twice","data":{"a":"1","b":"2"},"url":"app://x","actions":[{"id":"a","title":"A"}]}"#,
            ),
            (r#"{"title":null,"url":null,"actions":null,"image":null}"#, r#"{"body":"Bell","data":{"a":"1","b":"2"}}"#),
            (r#"{"data":null,"actions":[],"url":null}"#, r#"{"title":"Door","body":"Bell"}"#),
            (
                r#"{"actions":[{"id":"b","title":"B","reply":true}],"url":null,"data":null}"#,
                r#"{"title":"Door","body":"Bell","actions":[{"id":"b","title":"B","reply":true}]}"#,
            ),
        ] {
            assert_eq!(merged(present, change).as_deref(), Ok(expected), "{change}");
        }
        let pairs = merged(r#"{"data":{"a":"1","b":"2"}}"#, r#"{"data":{"b":null,"c":"3"}}"#);
        assert_eq!(pairs.as_deref(), Ok(r#"{"data":{"a":"1","c":"3"}}"#));
    }

    #[test]
    fn each_refusal_names_its_field() {
        for (change, field) in [
            (r#"{"to":"all"}"#, Some("to")),
            (r#"{"ttl":1}"#, Some("ttl")),
            (r#"{"tittle":"x"}"#, Some("tittle")),
            (r#"{"body":7}"#, Some("body")),
            (r#"{"data":{"a":7}}"#, Some("data.a")),
            (r#"{"data":"x"}"#, Some("data")),
            (r#"{"actions":[{"id":"a","title":"A"},{"id":"a","title":"A"}]}"#, Some("actions[1].id")),
            (r#"{"title":null}"#, Some("title")),
            (r#"{"title":""}"#, Some("title")),
            ("{}", None),
            ("[]", None),
        ] {
            assert_eq!(merged(r#"{"title":"Door"}"#, change), Err((422, field.map(str::to_owned))), "{change}");
        }
    }
}
