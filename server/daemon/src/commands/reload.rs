//! `longwire reload`.

use anyhow::Context as _;
use axum::http::Method;
use serde_json::Value;

use crate::cli::Place;
use crate::control::{Call, Control, RELOAD};
use crate::output;

pub(crate) async fn run(place: &Place, variables: &[(String, String)]) -> anyhow::Result<()> {
    let mut control = Control::open_running(place, variables).await.context("nothing was reloaded")?;
    let answer = control.call(Call::new(Method::POST, RELOAD)).await;
    control.close().await;
    let answer = answer?;
    let text = |key: &str| answer.get(key).and_then(Value::as_str);
    let sha256 = text("sha256").context("the answer has no sha256")?;
    let path = text("certificate").unwrap_or("-");
    let until = text("expires_at").map_or_else(String::new, |at| format!(", good until {at}"));
    output::note(&format!("new connections see the certificate in {path} with the SHA-256 {sha256}{until}"));
    if let Some(path) = text("client_ca") {
        output::note(&format!("new connections are held against the authorities in {path}; sessions go on"));
    }
    let warnings = answer.get("warnings").and_then(Value::as_array).into_iter().flatten();
    warnings.filter_map(Value::as_str).for_each(output::warn);
    Ok(())
}
