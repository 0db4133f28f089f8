//! The examples of the migration guide, run as they stand.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use longwire_test_support::process::binary;

use crate::world::World;

/// The fenced blocks of the guide in one language.
fn blocks(language: &str) -> anyhow::Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the root of the tree")?;
    let text = std::fs::read_to_string(root.join("docs/androidpn.md"))?;
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    Ok(blocks.map(str::to_owned).collect())
}

/// Runs a line where the world's files are, with `longwire` as the tested binary; gives what it printed.
fn shell(world: &World, line: &str) -> anyhow::Result<String> {
    let line = line.replace("localhost:7070", &world.server.ready.http);
    let folder = binary("longwire")?.parent().context("the folder of the binaries")?.display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(world.place.path()).env("PATH", path);
    command
        .env("LONGWIRE_DATA_DIR", world.server.data())
        .env("KEY", world.server.api_key.as_deref().unwrap_or_default());
    let output = command.output().context("failed to start sh")?;
    ensure!(output.status.success(), "`{line}` failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_requests_are_answered_as_it_says() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut phone = world.phone("bob")?;
    let lines = blocks("sh")?;
    let requests = lines.iter().flat_map(|block| block.lines()).filter(|line| line.starts_with("curl "));
    let mut sent = 0;
    for line in requests {
        let answer = shell(&world, line)?;
        assert!(answer.starts_with("HTTP/1.1 302 Found\r\n"), "{line}: {answer}");
        assert!(
            answer.contains("longwire-audience: 1\r\n") && answer.contains("location: /notification.do\r\n"),
            "{answer}"
        );
        assert_eq!(phone.push()?["title"], "Door");
        sent += 1;
    }
    assert!(sent >= 4, "the guide shows {sent} requests only");
    Ok(())
}

#[test]
fn the_configuration_is_one() -> anyhow::Result<()> {
    let world = World::new()?;
    let shown = blocks("toml")?;
    let [configuration] = shown.as_slice() else { anyhow::bail!("one configuration: {shown:?}") };
    std::fs::write(world.place.path().join("longwire.toml"), configuration)?;
    shell(&world, "longwire serve --config longwire.toml --check")?;
    Ok(())
}

#[test]
fn the_table_is_one() -> anyhow::Result<()> {
    let world = World::new()?;
    let shown = blocks("csv")?;
    std::fs::write(world.place.path().join("users.csv"), shown.first().context("a table")?)?;
    let said = shell(&world, "longwire import-androidpn users.csv")?;
    assert!(said.contains("1  would be added") && said.contains("--apply"), "{said}");
    Ok(())
}
