//! `longwire update`.

use axum::http::Method;
use serde_json::Value;

use super::{call_once, looks};
use crate::cli::UpdateArgs;
use crate::control::{Call, segment};
use crate::output;

pub(crate) async fn run(args: UpdateArgs, variables: &[(String, String)]) -> anyhow::Result<()> {
    let key = args.idempotency_key.clone();
    let headers: Vec<(&str, &str)> = key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
    let place = args.place.clone();
    let path = format!("/v1/notifications/{}", segment(&args.id));
    let call = Call { headers: &headers, body: Some(body(args)), ..Call::new(Method::PATCH, &path) };
    let answer = call_once(&place, variables, "update", call).await?;
    output::line(&answer.to_string());
    Ok(())
}

/// The body of the request: what was given, and null for what is to go.
fn body(args: UpdateArgs) -> Value {
    let given = [
        ("title", args.title.map(Value::from)),
        ("body", args.body.map(Value::from)),
        ("data", looks::data(args.data)),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(looks::fields(args.looks));
    let given = given.map(|(name, value)| (name.to_owned(), value));
    args.remove.into_iter().map(|name| (name, Value::Null)).chain(given).collect()
}
