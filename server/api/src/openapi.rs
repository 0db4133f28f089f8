//! `/openapi.json`: the document that the handlers describe, completed by what all of them have in common.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, OpenApi, PathItem, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};

use crate::Api;
use crate::extract::{Asked, Nothing};
use crate::problem::{MEDIA_TYPE, ProblemDocument};
use crate::rate;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Longwire",
        description = "Self-hosted push notifications for Android.\n\nNothing but a 2xx means done. Every other answer is a problem \
            document (RFC 9457) whose `code` says what is wrong and whose `field` says where."
    ),
    components(schemas(ProblemDocument)),
    security(("bearer" = [])),
    modifiers(&Bearer),
    tags(
        (name = "notifications", description = "Send, recall, and learn what became of it"),
        (name = "devices", description = "Installations of the app, and whom they belong to"),
        (name = "keys", description = "API keys"),
        (name = "app keys", description = "What admits registrations of an app's devices"),
        (name = "user keys", description = "Public keys, by which the tokens are checked that bind a device to a user"),
        (name = "accounts", description = "XMPP logins"),
        (name = "operation", description = "For whoever runs the server"),
    )
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        if let Some(components) = &mut document.components {
            components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        }
    }
}

/// The document without the paths.
pub(crate) fn frame() -> OpenApi {
    Document::openapi()
}

/// Adds to each operation the refusals that it shares with others, and a problem document to every refusal.
pub(crate) fn complete(document: &mut OpenApi) {
    let paths = std::mem::take(&mut document.paths.paths);
    for (path, mut item) in paths {
        for operation in operations(&mut item) {
            add_refusals(&path, operation);
        }
        // A wildcard of the router is an ordinary parameter to clients.
        document.paths.paths.insert(path.replace("{*", "{"), item);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
}

fn add_refusals(path: &str, operation: &mut Operation) {
    let is_in = |place: ParameterIn| {
        let parameters = operation.parameters.iter().flatten();
        parameters.filter(|parameter| matches!(parameter, RefOr::T(own) if own.parameter_in == place)).count() > 0
    };
    let mut refusals: Vec<(&str, &str)> = Vec::new();
    if path.starts_with("/v1/") {
        refusals.push(("429", "The API key makes too many requests; `retry-after` says when to repeat this one"));
    }
    if path.starts_with("/v1/") || path == "/metrics" {
        refusals.extend([
            ("401", "No API key, or one that is unknown, revoked or expired"),
            ("403", "The API key lacks the scope"),
            ("503", "Not possible for now; nothing was done unless an earlier answer said so"),
        ]);
    }
    if operation.request_body.is_none() {
        refusals.push(("400", "A path, query or cursor that cannot be read"));
    }
    if is_in(ParameterIn::Path) {
        refusals.extend([("404", "There is no such thing"), ("422", "A name that is refused")]);
    }
    if operation.request_body.is_some() {
        refusals.extend([
            ("400", "The body is not JSON, or there is a query"),
            ("408", "The body came too slowly"),
            ("413", "The body is too large"),
            ("415", "The body has a Content-Encoding"),
            ("422", "A field is unknown, missing, or has a value that is refused"),
        ]);
    }
    refusals.push(("500", "The server failed"));
    let responses = &mut operation.responses.responses;
    for (status, description) in refusals {
        responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(ResponseBuilder::new().description(description).build()));
    }
    add_documents(responses);
    if path.starts_with("/v1/") {
        add_rate(responses);
    }
}

/// Every answer to a key that is proven tells how much the key may still do.
fn add_rate(responses: &mut BTreeMap<String, RefOr<Response>>) {
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status != "401"
        {
            for (name, description) in rate::HEADERS {
                let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
                let header = HeaderBuilder::new().schema(Some(number)).description(Some(description)).build();
                response.headers.insert(name.to_owned(), header.into());
            }
        }
    }
}

fn add_documents(responses: &mut BTreeMap<String, RefOr<Response>>) {
    for (status, response) in responses {
        let RefOr::T(response) = response else {
            continue;
        };
        if !status.starts_with('2') && response.content.is_empty() {
            let schema = Ref::from_schema_name("ProblemDocument");
            response.content.insert(MEDIA_TYPE.to_owned(), ContentBuilder::new().schema(Some(schema)).build().into());
        }
    }
}

/// This document
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operation",
    operation_id = "read_openapi",
    security(()),
    responses((status = 200, body = serde_json::Value, description = "OpenAPI 3.1"))
)]
pub(crate) async fn openapi(State(api): State<Arc<Api>>, _: Asked<Nothing>) -> impl IntoResponse {
    // The same bytes for all: anybody may ask for it, and leave it unread.
    ([(CONTENT_TYPE, "application/json")], api.openapi.clone())
}
