//! `longwire send`.

use axum::http::Method;
use serde_json::Value;

use super::{call_once, looks};
use crate::cli::SendArgs;
use crate::control::Call;
use crate::output;

pub(crate) async fn run(args: SendArgs, variables: &[(String, String)]) -> anyhow::Result<()> {
    let key = args.idempotency_key.clone();
    let headers: Vec<(&str, &str)> = key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
    let place = args.place.clone();
    let call = Call { headers: &headers, body: Some(body(args)), ..Call::new(Method::POST, "/v1/notifications") };
    let answer = call_once(&place, variables, "send", call).await?;
    output::line(&answer.to_string());
    Ok(())
}

/// The body of the request: what was given and nothing else.
fn body(args: SendArgs) -> Value {
    let given = [
        ("to", Some(args.to.into())),
        ("title", args.title.map(Value::from)),
        ("body", args.body.map(Value::from)),
        ("data", looks::data(args.data)),
        ("ttl", args.ttl.map(Value::from)),
        ("collapse_key", args.collapse_key.map(Value::from)),
        ("lane", args.lane.map(Value::from)),
        ("filter", args.filter.map(Value::from)),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.chain(looks::fields(args.looks)).map(|(name, value)| (name.to_owned(), value)).collect()
}
