//! Longwire: the release binary with its limits per address lifted where they are not what is measured, on a store on disk with `synchronous=FULL`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use longwire_test_support::Client;
use longwire_test_support::process::{binary, longwire, printed};
use serde_json::Value;

use super::Place;
use crate::client::Poster;
use crate::machine::said;

/// The server's data directory, and a copy of it, in the folder of the target.
const DATA: &str = "data";
const SAVED: &str = "saved";
/// Limits that keep one address or key from taking everything; here all devices have few, and all posts one.
const LIFTED: [&str; 2] = ["REGISTRATIONS_PER_MINUTE_MAX", "REQUESTS_PER_SECOND_MAX"];
/// Those of them that admit logins.
const ADMISSION: [&str; 3] = ["LOGINS_PER_SECOND_MAX", "CONNECTIONS_BEFORE_LOGIN_MAX", "SESSIONS_PER_ADDRESS_MAX"];

pub(super) fn file() -> Option<PathBuf> {
    binary("longwire").ok()
}

pub(super) fn version() -> Option<String> {
    let said = said(file()?.to_str()?, &["--version"]);
    said.split(' ').nth(1).map(str::to_owned)
}

pub(super) fn command(place: &Place) -> anyhow::Result<Command> {
    let Place { folder, ports, identity, manner } = place;
    let at = |port: u16| format!("127.0.0.1:{port}");
    let mut command = Command::new(binary("longwire")?);
    command.arg("serve").arg("--data-dir").arg(folder.join(DATA));
    command.args(["--http", &at(ports.http), "--c2s", &at(ports.plain), "--c2s-tls", &at(ports.tls)]);
    command.env("LONGWIRE_CERTIFICATE", &identity.certificate).env("LONGWIRE_CERTIFICATE_KEY", &identity.key);
    command.env("LONGWIRE_PLAINTEXT", "true").env("LONGWIRE_SESSION_BYTES_PER_SECOND_MAX", "0");
    command.env("LONGWIRE_LOG_FILTER", "error");
    let admission = ADMISSION.iter().filter(|_| !manner.is_capped);
    command.envs(LIFTED.iter().chain(admission).map(|limit| (format!("LONGWIRE_{limit}"), "1000000")));
    Ok(command)
}

/// Keeps what a server has stored that does not run.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn save(place: &Place) -> anyhow::Result<()> {
    copy(&place.folder.join(DATA), &place.folder.join(SAVED))
}

/// Puts what was kept in the place of what was stored since.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn restore(place: &Place) -> anyhow::Result<()> {
    copy(&place.folder.join(SAVED), &place.folder.join(DATA))
}

/// The files of a folder, which has no others in it, in the place of those of another.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir(to)?;
    // The server wants its folder for itself.
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for item in fs::read_dir(from)? {
        let item = item?;
        if item.file_type()?.is_file() {
            fs::copy(item.path(), to.join(item.file_name()))?;
        }
    }
    Ok(())
}

/// An API key of a server that runs.
///
/// # Errors
/// The command fails.
pub(super) fn make_key(place: &Place) -> anyhow::Result<String> {
    let made = longwire(&place.folder.join(DATA), &["key", "create", "--scope", "admin"])?;
    printed(&made).context("failed to make an API key")
}

/// Adds an account to a server that runs.
///
/// # Errors
/// It is refused.
pub(super) async fn register(poster: &mut Poster, key: &str, user: &str, password: &str) -> anyhow::Result<()> {
    let body = format!("{{\"name\":\"{user}\",\"password\":\"{password}\"}}");
    let request = format!(
        "POST /v1/accounts HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    poster.post(request.as_bytes()).await.map(drop)
}

/// The server's id of each device that is online, by its account; what the account used before over another carriage is not.
///
/// # Errors
/// They cannot be listed.
pub(crate) fn devices(port: u16, key: &str) -> anyhow::Result<HashMap<String, String>> {
    let client = Client::new(&format!("127.0.0.1:{port}"), Some(key));
    let mut found = HashMap::new();
    let mut page = "/v1/devices?limit=1000".to_owned();
    loop {
        let answer = client.get(&page)?;
        ensure!(answer.status == 200, "the devices cannot be listed: {}", answer.text());
        let answer = answer.json();
        let field = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let items = answer.get("items").and_then(Value::as_array).into_iter().flatten();
        for item in items.filter(|item| item.get("online") == Some(&Value::Bool(true))) {
            found.insert(field(item, "account"), field(item, "id"));
        }
        match answer.get("next").and_then(Value::as_str) {
            Some(next) => page = format!("/v1/devices?limit=1000&cursor={next}"),
            None => return Ok(found),
        }
    }
}
