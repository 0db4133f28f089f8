//! The operator's commands, beside a running server and without one, and the configuration.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, ensure};
use longwire_test_support::keep::secret_of;
use longwire_test_support::process::{binary, longwire, printed};
use longwire_test_support::{SOON, Server, folder, until};
use serde_json::{Value, json};

use crate::raw::Raw;
use crate::world::{World, id_of};

#[test]
fn commands_work_beside_a_running_server() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let data = world.server.data();
    let key =
        printed(&longwire(data, &["key", "create", "--scope", "send", "--scope", "read", "--label", "back-end"])?)?;
    assert!(key.starts_with("lw_") && !key.contains(char::is_whitespace), "{key}");
    let by_key = world.server.client(Some(&key));
    assert_eq!(by_key.post("/v1/notifications", &json!({ "to": "user:nobody", "title": "x" }))?.status, 202);
    let keys = printed(&longwire(data, &["key", "list"])?)?;
    let id = key.split('_').nth(1).context("lw_<id>_<secret>")?;
    let secret = secret_of(&key);
    assert!(keys.contains(id) && keys.contains("back-end") && !keys.contains(secret), "{keys}");
    printed(&longwire(data, &["key", "revoke", id])?)?;
    assert_eq!(by_key.get("/v1/devices")?.status, 401);
    for act in ["an API key was made", "an API key was revoked"] {
        let line = format!("{act} by=\"operator\" what=\"{id}\"");
        until("what was done to be logged", SOON, || world.server.log().contains(&line).then_some(()))?;
    }
    let devices = printed(&longwire(data, &["device", "list"])?)?;
    assert!(devices.contains(&phone.id()?), "{devices}");
    let sent = printed(&longwire(data, &["send", "--to", "all", "--title", "Door", "--body", "Bell"])?)?;
    let answer: Value = serde_json::from_str(&sent).context("send prints JSON")?;
    let shown = phone.shown(&id_of(&answer))?;
    assert_eq!(shown.get("title"), Some(&json!("Door")));
    Ok(())
}

#[test]
fn accounts_can_be_added_and_removed_beside_a_running_server() -> anyhow::Result<()> {
    let world = World::with(&["--registration", "closed"])?;
    assert!(Raw::register(&world.server, "romeo", "secret-word").is_err(), "registration is closed");
    let data = world.server.data();
    let password = printed(&longwire(data, &["account", "add", "romeo"])?)?;
    assert!(password.len() >= 16, "a password is made");
    let mut session = Raw::logged_in(&world.server, "romeo", &password)?.bound("a")?;
    assert!(printed(&longwire(data, &["account", "list"])?)?.contains("romeo"));
    let twice = longwire(data, &["account", "add", "romeo"])?;
    assert!(!twice.status.success() && !twice.stderr.is_empty());
    printed(&longwire(data, &["account", "remove", "romeo"])?)?;
    session.wire.expect_close(SOON)?;
    assert!(Raw::logged_in(&world.server, "romeo", &password).is_err(), "a removed account logged in");
    assert!(!printed(&longwire(data, &["account", "list"])?)?.contains("romeo"));
    Ok(())
}

#[test]
fn a_removed_device_is_told_and_comes_back_as_nobodys() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let stolen = phone.id()?;
    world.change("PUT", &stolen, "user", &json!({ "user": "alice" }))?;
    printed(&longwire(world.server.data(), &["device", "remove", &stolen])?)?;
    let again = longwire(world.server.data(), &["device", "remove", &stolen])?;
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("no such device"));
    // The change of its user may be told late: it is back when it tells of another id.
    let id = |line: &Value| line.get("id").and_then(Value::as_str).filter(|id| *id != stolen).map(str::to_owned);
    let back = phone.wait("another id", SOON, |lines| lines.iter().find_map(id))?;
    let listed = world.api.get("/v1/devices")?.json();
    let [device] = listed.get("items").and_then(Value::as_array).context("items")?.as_slice() else {
        anyhow::bail!("one device: {listed}");
    };
    assert!(device.get("id") == Some(&json!(back)) && device.get("user") == Some(&Value::Null), "{device}");
    Ok(())
}

#[test]
fn a_password_is_read_from_standard_input() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut command = Command::new(binary("longwire")?);
    command.args(["account", "add", "juliet", "--password-stdin", "--data-dir"]).arg(world.server.data());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    std::io::Write::write_all(&mut child.stdin.take().context("a standard input")?, b"o romeo romeo\n")?;
    ensure!(child.wait()?.success(), "the account was not added");
    drop(Raw::logged_in(&world.server, "juliet", "o romeo romeo")?);
    Ok(())
}

#[test]
fn commands_work_without_a_server() -> anyhow::Result<()> {
    let place = folder();
    let data = place.path().join("server");
    let mut server = Server::start(&data)?;
    server.terminate(SOON)?;
    let key = printed(&longwire(&data, &["key", "create", "--scope", "admin"])?)?;
    let password = printed(&longwire(&data, &["account", "add", "romeo"])?)?;
    let sent = printed(&longwire(&data, &["send", "--to", "user:nobody", "--title", "x"])?)?;
    let id = id_of(&serde_json::from_str(&sent)?);
    server.start_again()?;
    let api = server.client(Some(&key));
    assert_eq!(api.get(&format!("/v1/notifications/{id}"))?.status, 200);
    drop(Raw::logged_in(&server, "romeo", &password)?);
    Ok(())
}

/// Runs `longwire serve --check` on a configuration.
fn check(place: &Path, text: &str) -> anyhow::Result<Output> {
    let file = place.join("longwire.toml");
    std::fs::write(&file, text)?;
    let mut command = Command::new(binary("longwire")?);
    command.args(["serve", "--check", "--config"]).arg(&file).current_dir(place);
    command.output().context("failed to run longwire serve --check")
}

#[test]
fn check_validates_a_configuration_and_starts_nothing() -> anyhow::Result<()> {
    let place = folder();
    let good = check(place.path(), "domain = \"example.com\"\nhttp = \"127.0.0.1:0\"\n")?;
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let example = Command::new(binary("longwire")?).args(["serve", "--check"]).current_dir(place.path()).output()?;
    assert!(example.status.success(), "{}", String::from_utf8_lossy(&example.stderr));
    assert!(!place.path().join("data").exists(), "--check made a data directory");
    for (text, named) in [
        ("domian = \"x\"\n", "domian"),
        ("domain = 7\n", "domain"),
        ("http = \"nowhere\"\n", "http"),
        ("registration = \"perhaps\"\n", "registration"),
        ("[server]\nport = 1\n", "server"),
        ("domain = \n", "longwire.toml"),
        ("client_ca = \"\"\n", "client_ca is empty"),
        ("logins_per_second_max = 0\n", "logins_per_second_max"),
        ("connections_before_login_max = 0\n", "connections_before_login_max"),
        ("registrations_per_minute_max = 0\n", "registrations_per_minute_max"),
    ] {
        let refused = check(place.path(), text)?;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(named), "{text}: {said}");
    }
    Ok(())
}

#[test]
fn an_unknown_variable_or_flag_is_named() -> anyhow::Result<()> {
    let place = folder();
    let run = |arguments: &[&str], variable: &str| {
        let mut command = Command::new(binary("longwire")?);
        command.args(arguments).env(variable, "1").current_dir(place.path());
        command.output().context("failed to run longwire")
    };
    let flag = run(&["serve", "--check", "--prot", "1"], "HARMLESS")?;
    assert!(!flag.status.success() && String::from_utf8_lossy(&flag.stderr).contains("--prot"));
    let variable = run(&["serve", "--check"], "LONGWIRE_PROT")?;
    assert!(!variable.status.success() && String::from_utf8_lossy(&variable.stderr).contains("LONGWIRE_PROT"));
    Ok(())
}
