//! `longwire reload`.

use anyhow::Context as _;
use axum::http::Method;
use serde_json::Value;

use crate::cli::Place;
use crate::control::{Call, Control, RELOAD};
use crate::output;

pub(crate) async fn run(place: &Place, variables: &[(String, String)]) -> anyhow::Result<()> {
    let mut control = Control::open_running(place, variables).await?;
    let answer = control.call(Call::new(Method::POST, RELOAD)).await;
    control.close().await;
    let answer = answer?;
    let sha256 = answer.get("sha256").and_then(Value::as_str).context("the answer has no sha256")?;
    output::note(&format!("new connections see the certificate with the SHA-256 {sha256}"));
    Ok(())
}
