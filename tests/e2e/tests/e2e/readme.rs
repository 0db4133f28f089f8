//! The README's own commands, run as they stand.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use longwire_test_support::process::binary;
use serde_json::Value;

use crate::world::World;

/// The lines of the README's shell blocks.
fn commands() -> anyhow::Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the root of the tree")?;
    let text = std::fs::read_to_string(root.join("README.md"))?;
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    Ok(blocks.flat_map(str::lines).map(str::to_owned).collect())
}

/// Runs a line in a shell in which `target/release/` is where the tested binaries are.
fn shell(world: &World, line: &str) -> anyhow::Result<String> {
    let folder = binary("longwire")?.parent().context("the folder of the binaries")?.display().to_string();
    let line = line.replace("target/release", &folder).replace("127.0.0.1:9090", &world.server.ready.http);
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(world.place.path());
    // The data directory of the README's reader is the default one; a variable stands in for it here.
    command
        .env("LONGWIRE_DATA_DIR", world.server.data())
        .env("KEY", world.server.api_key.as_deref().unwrap_or_default());
    let output = command.output().context("failed to start sh")?;
    ensure!(output.status.success(), "`{line}` failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_operators_commands_work_as_they_stand() -> anyhow::Result<()> {
    let world = World::new()?;
    let all = commands()?;
    let mut run = 0;
    for line in all.iter().filter(|line| line.starts_with("target/release/longwire ")) {
        if line.contains("longwire.toml") {
            std::fs::write(world.place.path().join("longwire.toml"), "")?;
        }
        // The one that serves would be the second server on this directory.
        if line.contains(" serve ") && !line.contains("--check") {
            continue;
        }
        shell(&world, line)?;
        run += 1;
    }
    assert!(run >= 6, "the README names {run} commands only");
    Ok(())
}

#[test]
fn the_curl_line_works_as_it_stands() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let all = commands()?;
    let curl = all.iter().find(|line| line.starts_with("curl ")).context("the README has a curl line")?;
    let answer: Value = serde_json::from_str(&shell(&world, curl)?)?;
    let id = answer.get("id").and_then(Value::as_str).with_context(|| format!("not accepted: {answer}"))?;
    phone.shown(id)?;
    Ok(())
}

#[test]
fn the_virtual_phone_is_started_as_it_stands() -> anyhow::Result<()> {
    let all = commands()?;
    let line = all.iter().find(|line| line.contains("longwire-device")).context("the README starts a phone")?;
    let output = Command::new(binary("longwire-device")?).arg("--help").output()?;
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    for flag in line.split_whitespace().filter(|word| word.starts_with("--")) {
        assert!(help.contains(flag), "{flag} is no flag of longwire-device");
    }
    Ok(())
}
