//! What the API tells: deliveries and counts of each notification, counters of the server.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use longwire_test_support::{Client, SOON, until};
use serde_json::Value;

use crate::check::Told;

/// Readers at once.
const READERS: usize = 4;

/// What the API tells of each of these notifications.
///
/// # Errors
/// One of them cannot be read.
pub fn told(api: &Client, ids: &[String]) -> anyhow::Result<BTreeMap<String, Told>> {
    let read = |part: &[String]| -> anyhow::Result<BTreeMap<String, Told>> {
        part.iter().map(|id| Ok((id.clone(), told_of(api, id)?))).collect()
    };
    let chunk = ids.len().div_ceil(READERS).max(1);
    std::thread::scope(|scope| {
        let readers: Vec<_> = ids.chunks(chunk).map(|part| scope.spawn(move || read(part))).collect();
        let mut told = BTreeMap::new();
        for reader in readers {
            told.extend(reader.join().ok().context("a reader panicked")??);
        }
        Ok(told)
    })
}

/// What the API tells of one notification.
///
/// # Errors
/// It cannot be read, or a device is told of twice.
pub fn told_of(api: &Client, id: &str) -> anyhow::Result<Told> {
    let mut states = BTreeMap::new();
    let mut page = format!("/v1/notifications/{id}/deliveries?limit=1000");
    loop {
        let answer = read(api, &page)?;
        for item in answer.get("items").and_then(Value::as_array).into_iter().flatten() {
            let field = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            ensure!(states.insert(field("device"), field("state")).is_none(), "{id}: a device is told of twice");
        }
        match answer.get("next").and_then(Value::as_str) {
            Some(next) => page = format!("/v1/notifications/{id}/deliveries?limit=1000&cursor={next}"),
            None => break,
        }
    }
    let record = read(api, &format!("/v1/notifications/{id}"))?;
    let counts = record.get("counts").and_then(Value::as_object).into_iter().flatten();
    let counts = counts.map(|(state, count)| (state.clone(), count.as_u64().unwrap_or_default())).collect();
    Ok(Told { states, counts, audience: record.get("audience").and_then(Value::as_u64).unwrap_or_default() })
}

/// As a caller should: who asks more than its key may waits for as long as it is told.
fn read(api: &Client, path: &str) -> anyhow::Result<Value> {
    let answer = until("an answer within the limit of the key", SOON * 3, || match api.get(path) {
        Ok(answer) if answer.status == 429 => None,
        other => Some(other),
    })??;
    ensure!(answer.status == 200, "GET {path}: {} {}", answer.status, answer.text());
    Ok(answer.json())
}

/// A counter or gauge of the server; none when it is not answered, or not there.
#[must_use]
pub fn metric(api: &Client, name: &str) -> Option<u64> {
    let text = api.get("/metrics").ok()?.text();
    let line = text.lines().find(|line| line.split([' ', '{']).next() == Some(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Whether the server says that a device is online.
#[must_use]
pub fn is_online(api: &Client, device: &str) -> Option<bool> {
    let answer = api.get(&format!("/v1/devices/{device}")).ok()?;
    answer.json().get("online").and_then(Value::as_bool)
}
