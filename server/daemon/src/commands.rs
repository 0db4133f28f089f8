//! The commands beside `serve`: most are a call of the HTTP API, printed.

pub(crate) mod account;
pub(crate) mod app_key;
pub(crate) mod backup;
pub(crate) mod device;
pub(crate) mod import_androidpn;
pub(crate) mod key;
mod looks;
pub(crate) mod reload;
pub(crate) mod restore;
pub(crate) mod send;
pub(crate) mod update;
pub(crate) mod user_key;

use axum::http::Method;
use serde_json::Value;

use crate::cli::Place;
use crate::control::{Call, Control};

/// One call, and nothing after it.
async fn call_once(
    place: &Place,
    variables: &[(String, String)],
    command: &str,
    call: Call<'_>,
) -> anyhow::Result<Value> {
    let mut control = Control::open(place, variables, command).await?;
    let answer = control.call(call).await;
    control.close().await;
    answer
}

/// Every item of a list, page by page.
async fn call_list(
    place: &Place,
    variables: &[(String, String)],
    command: &str,
    path: &str,
) -> anyhow::Result<Vec<Value>> {
    let mut control = Control::open(place, variables, command).await?;
    let items = every_page(&mut control, path).await;
    control.close().await;
    items
}

async fn every_page(control: &mut Control, path: &str) -> anyhow::Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut page_path = format!("{path}?limit=1000");
    loop {
        let mut page = control.call(Call::new(Method::GET, &page_path)).await?;
        if let Some(Value::Array(own)) = page.get_mut("items").map(Value::take) {
            items.extend(own);
        }
        match page.get("next").and_then(Value::as_str) {
            Some(next) => page_path = format!("{path}?limit=1000&cursor={next}"),
            None => return Ok(items),
        }
    }
}

/// A member of an item, for a cell of a table.
fn cell(item: &Value, key: &str) -> String {
    let text = text(item, key);
    if text.is_empty() { "-".to_owned() } else { text }
}

fn text(item: &Value, key: &str) -> String {
    match item.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Object(_)) | None => String::new(),
    }
}

/// Prints a list: as JSON, or as a table of the keys in capitals.
fn show(items: Vec<Value>, keys: &[&str], as_json: bool) {
    if as_json {
        crate::output::line(&Value::Array(items).to_string());
        return;
    }
    let headings: Vec<String> = keys.iter().map(|key| key.replace('_', " ").to_uppercase()).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = items.iter().map(|item| keys.iter().map(|key| cell(item, key)).collect()).collect();
    crate::output::line(&crate::output::table(&headings, &rows));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_has_nothing_to_say_is_a_dash() {
        let item = serde_json::json!({"account": "", "user": null, "tags": [], "topics": ["a", "b"], "online": true});
        let cells = ["account", "user", "tags", "last_seen", "topics", "online"].map(|key| cell(&item, key));
        assert_eq!(cells, ["-", "-", "-", "-", "a,b", "yes"]);
    }
}
