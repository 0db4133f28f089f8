//! `notification.do` and `notification_api.do`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use longwire_core::notification_manager::{Acceptance, IdempotencyRequest};
use longwire_model::limits::NOTIFICATION_BYTES_MAX;
use longwire_model::{AudienceKey, Notification, Scope};

use super::answer::Sent;
use super::broadcast::Target;
use super::form::Form;
use super::{access, answer, audience, beside, broadcast, pages};
use crate::Api;
use crate::fields::{missing, shorten};
use crate::json::Json;
use crate::problem::{Code, Problem};
use crate::v1::notifications::{content, post};

/// `notification.do`: the page, and with `action=send` what scripts are for.
pub(super) async fn notification(State(api): State<Arc<Api>>, request: Request) -> Response {
    let (parts, form) = match Form::read(request).await {
        Ok(read) => read,
        Err(problem) => return answer::refusal(as_old(problem)),
    };
    let is_page = form.has(pages::ANSWER);
    match carry_out(&api, &parts, &form).await {
        Ok(None) => pages::notifications(),
        Ok(Some(sent)) if answer::wants_json(&parts.headers) => answer::json(&sent),
        Ok(Some(sent)) if is_page => answer::page(&sent),
        Ok(Some(sent)) => answer::redirect(&beside::page(parts.uri.path()), &sent),
        Err(problem) if is_page => answer::page_refusal(as_old(problem)),
        Err(problem) => answer::refusal(as_old(problem)),
    }
}

/// `notification_api.do` of a fork: the same with an answer of its own.
pub(super) async fn notification_api(State(api): State<Arc<Api>>, request: Request) -> Response {
    let carried_out = match Form::read(request).await {
        Ok((parts, form)) => carry_out(&api, &parts, &form).await,
        Err(problem) => Err(problem),
    };
    match carried_out {
        Ok(None) => pages::notifications(),
        Ok(Some(sent)) => answer::api(&sent),
        Err(problem) => answer::api_refusal(as_old(problem)),
    }
}

/// Sends where that is asked for; gives nothing where the page is.
async fn carry_out(api: &Api, parts: &Parts, form: &Form) -> Result<Option<Sent>, Problem> {
    match form.text("action")?.as_deref() {
        // A HEAD asks about the page and must change nothing.
        Some("send") if parts.method == Method::HEAD => Ok(None),
        Some("send") => send(api, parts, form).await.map(Some),
        None | Some("" | "list") if !form.has("title") && !form.has("message") => Ok(None),
        // The original shows its form and drops what was to be sent.
        None | Some("" | "list") => {
            access::admit(api, parts, form, Scope::Send).await?;
            Err(missing("action").with_hint("send action=send with the title and the message"))
        }
        Some(other) => Err(no_action(other).with_hint("action=send sends")),
    }
}

pub(super) fn no_action(name: &str) -> Problem {
    Problem::new(Code::NotFound, format!("there is no action {:?}", shorten(name))).with_field("action")
}

/// Accepts what the form holds: it is on disk when this returns.
async fn send(api: &Api, parts: &Parts, form: &Form) -> Result<Sent, Problem> {
    access::admit(api, parts, form, Scope::Send).await?;
    let idempotency = post::idempotency_key(&parts.headers)?.map(|key| IdempotencyRequest {
        key,
        body_hash: form.digest(),
        status: StatusCode::ACCEPTED.as_u16(),
        answer: Box::new(post::accepted_body),
    });
    let content = content(form)?;
    let target = broadcast::target(form)?;
    if form.has(pages::ANSWER) {
        check_by_hand(form, &target)?;
    }
    let keys = audience::keys(api, &target).await?;
    match api.core.notifications.accept(notification_of(content, &keys)?, idempotency).await? {
        Acceptance::Accepted(accepted) => Ok(Sent::new(&accepted)),
        Acceptance::Repeated { answer, .. } => Sent::again(answer),
        // A lifetime of none is not asked for.
        Acceptance::Now { .. } => {
            Err(Problem::new(Code::Internal, "the notification was answered as none that is stored"))
        }
    }
}

/// What a person may have overlooked in the form of our page, where one click sends to every device.
fn check_by_hand(form: &Form, target: &Target) -> Result<(), Problem> {
    if *target == Target::All && form.word("username")?.is_some() {
        let detail = "all devices are chosen and a username is given: nothing was sent";
        return Err(Problem::invalid("username", detail).with_hint("choose one user, or leave the username empty"));
    }
    if form.word("title")?.is_none() && form.word("message")?.is_none() {
        return Err(Problem::invalid("title", "title and message are empty: nothing was sent"));
    }
    Ok(())
}

/// The members of a notification, under the names of `POST /v1/notifications`.
fn content(form: &Form) -> Result<Vec<(String, Json)>, Problem> {
    if let Some(name) = form.upload() {
        let name = shorten(name);
        return Err(Problem::new(Code::InvalidField, "uploads are not taken: this server stores no files")
            .with_field(name)
            .with_hint("put the picture on a web server, and its address into imageUrl"));
    }
    let title = form.text("title")?.ok_or_else(|| missing("title"))?;
    let message = form.text("message")?.ok_or_else(|| missing("message"))?;
    let uri = form.text("uri")?.unwrap_or_default();
    let image = form.word("imageUrl")?.map(|image| content::url("imageUrl", image)).transpose()?;
    let bytes = [&title, &message, &uri].iter().map(|text| text.len()).sum::<usize>();
    if bytes > NOTIFICATION_BYTES_MAX {
        let detail =
            format!("title, message and uri have {bytes} bytes, over the {NOTIFICATION_BYTES_MAX} that they may have");
        return Err(Problem::new(Code::TooLarge, detail));
    }
    let is_empty = title.is_empty() && message.is_empty();
    let mut members = vec![text("title", title), text("body", message)];
    // The original hands on any text. What is no address that an app may open is data, and stays what it was for old clients; an empty
    // notification is one with an empty `uri`.
    if !uri.is_empty() && content::url("uri", uri.clone()).is_ok() {
        members.push(text("url", uri));
    } else if !uri.is_empty() || is_empty {
        members.push(("data".to_owned(), Json::Object(vec![text("uri", uri)])));
    }
    members.extend(image.map(|image| text("image", image)));
    Ok(members)
}

fn text(name: &str, value: String) -> (String, Json) {
    (name.to_owned(), Json::Text(value))
}

fn notification_of(mut content: Vec<(String, Json)>, keys: &[AudienceKey]) -> Result<Notification, Problem> {
    let keys = keys.iter().map(|key| Json::Text(key.to_string())).collect();
    content.push(("to".to_owned(), Json::List(keys)));
    post::read(Json::Object(content))
}

/// Old callers know 400 for wrong data, not 422.
pub(super) fn as_old(problem: Problem) -> Problem {
    if problem.status() == StatusCode::UNPROCESSABLE_ENTITY {
        problem.with_status(StatusCode::BAD_REQUEST)
    } else {
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(query: &str) -> Result<String, (u16, Option<String>)> {
        let read = content(&Form::of(query)).and_then(|content| notification_of(content, &[AudienceKey::all()]));
        read.map(|notification| notification.payload.to_string()).map_err(|problem| {
            let problem = serde_json::to_value(as_old(problem).document("-")).expect("JSON");
            let status = problem["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
            (status, problem["field"].as_str().map(str::to_owned))
        })
    }

    #[test]
    fn fields_become_what_new_clients_know_and_nothing_is_lost() {
        for (query, expected) in [
            ("title=T&message=M&uri=", r#"{"title":"T","body":"M"}"#),
            ("title=T&message=M", r#"{"title":"T","body":"M"}"#),
            ("title=T&message=&uri=https://a/b", r#"{"title":"T","body":"","url":"https://a/b"}"#),
            ("title=T&message=M&uri=tel:123", r#"{"title":"T","body":"M","url":"tel:123"}"#),
            ("title=T&message=M&uri=None", r#"{"title":"T","body":"M","data":{"uri":"None"}}"#),
            ("title=T&message=M&uri=javascript:x", r#"{"title":"T","body":"M","data":{"uri":"javascript:x"}}"#),
            ("title=T&message=M&uri=http://%E4%BD%A0/", r#"{"title":"T","body":"M","data":{"uri":"http://你/"}}"#),
            ("title=&message=&uri=", r#"{"title":"","body":"","data":{"uri":""}}"#),
            ("title=T&message=M&imageUrl=+http://h/a.png", r#"{"title":"T","body":"M","image":"http://h/a.png"}"#),
            ("title=%26%3C%3E%22'&message=a%0D%0Ab%09%F0%9F%98%80&uri=", r#"{"title":"&<>\"'","body":"a\r\nb\t😀"}"#),
        ] {
            assert_eq!(payload(query).as_deref(), Ok(expected), "{query}");
        }
    }

    #[test]
    fn what_is_missing_or_cannot_be_sent_is_a_400_that_names_it() {
        for (query, field) in [
            ("message=M&uri=", "title"),
            ("title=T&uri=", "message"),
            ("title=%01&message=M", "title"),
            ("title=T&message=a%01", "message"),
            ("title=T&message=M&uri=%01", "uri"),
            ("title=T&message=%FF", "message"),
            ("title=T&message=M&imageUrl=/upload/a.png", "imageUrl"),
            ("title=T&message=M&imageUrl=tel:1", "image"),
        ] {
            assert_eq!(payload(query), Err((400, Some(field.to_owned()))), "{query}");
        }
    }

    #[test]
    fn texts_are_measured_at_the_limit_and_one_above() {
        let of = |length: usize| payload(&format!("title=&message={}", "x".repeat(length)));
        assert!(of(NOTIFICATION_BYTES_MAX).is_ok());
        assert_eq!(of(NOTIFICATION_BYTES_MAX + 1).map_err(|(status, _)| status), Err(413));
    }

    #[test]
    fn by_hand_nothing_goes_to_everybody_by_oversight() {
        let refused = |query: &str, target: Target| {
            let checked = check_by_hand(&Form::of(query), &target);
            checked.err().and_then(|problem| problem.field().map(str::to_owned))
        };
        let user = || Target::User("u".to_owned());
        assert_eq!(refused("title=T&username=u", Target::All).as_deref(), Some("username"));
        assert_eq!(refused("title=+&message=&username=", Target::All).as_deref(), Some("title"));
        assert_eq!(refused("title=&message=M&username=+", Target::All), None);
        assert_eq!(refused("title=T&message=&username=u", user()), None);
    }
}
