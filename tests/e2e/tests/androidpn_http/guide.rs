//! The examples of the migration guide, run as they stand.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use longwire_test_support::folder;
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

/// Runs a line where the world's files are; gives what it printed.
fn shell(world: &World, line: &str) -> anyhow::Result<String> {
    let line = line.replace("localhost:7070", &world.server.ready.http);
    let key = world.server.api_key.as_deref().unwrap_or_default();
    shell_in(world.place.path(), &line, |command| {
        command.env("LONGWIRE_DATA_DIR", world.server.data()).env("KEY", key).env("READ_KEY", key);
    })
}

/// Runs a line in a folder, with `longwire` as the tested binary.
fn shell_in(place: &Path, line: &str, prepare: impl FnOnce(&mut Command)) -> anyhow::Result<String> {
    let folder = binary("longwire")?.parent().context("the folder of the binaries")?.display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(place).env("PATH", path);
    prepare(&mut command);
    let output = command.output().context("failed to start sh")?;
    ensure!(output.status.success(), "`{line}` failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_requests_are_answered_as_it_says() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut phone = world.phone("bob")?;
    let lines = blocks("sh")?;
    let requests = || lines.iter().flat_map(|block| block.lines()).filter(|line| line.starts_with("curl "));
    let (mut sent, mut id) = (0, String::new());
    for line in requests().filter(|line| line.contains("notification.do")) {
        let answer = shell(&world, line)?;
        assert!(answer.starts_with("HTTP/1.1 302 Found\r\n"), "{line}: {answer}");
        assert!(
            answer.contains("longwire-audience: 1\r\n") && answer.contains("location: /notification.do\r\n"),
            "{answer}"
        );
        assert_eq!(phone.push()?["title"], "Door");
        let header = answer.lines().find_map(|line| line.strip_prefix("longwire-notification-id: "));
        id = header.context("an id")?.trim().to_owned();
        sent += 1;
    }
    assert!(sent >= 4, "the guide shows {sent} requests only");
    let status = requests().find(|line| line.contains("/deliveries")).context("how to look what became of it")?;
    let told = shell(&world, &status.replace("$ID", &id))?;
    assert!(told.contains("\"account\":\"bob\""), "{told}");
    Ok(())
}

#[test]
fn its_first_commands_work_where_nothing_is_yet() -> anyhow::Result<()> {
    let place = folder();
    let configuration = blocks("toml")?.into_iter().next().context("a configuration")?;
    std::fs::write(place.path().join("longwire.toml"), configuration)?;
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../server/daemon/tests/androidpn/apn_user.sql");
    std::fs::copy(dump, place.path().join("apn_user.sql"))?;
    let lines = blocks("sh")?.into_iter().next().context("commands")?;
    // The last one stays.
    let commands = lines.lines().filter(|line| line.contains("--check") || line.contains("import-androidpn"));
    let mut run = 0;
    for line in commands {
        // 3: the dump has rows that are refused.
        shell_in(place.path(), &format!("{line}; test $? -eq 0 -o $? -eq 3"), |command| {
            command.env_remove("LONGWIRE_DATA_DIR");
        })?;
        run += 1;
    }
    assert_eq!(run, 3, "{lines}");
    assert!(place.path().join("data/longwire.db").exists(), "the import has made the data directory");
    Ok(())
}

#[test]
fn the_configuration_is_one() -> anyhow::Result<()> {
    let world = World::new()?;
    let shown = blocks("toml")?;
    assert_eq!(shown.len(), 2, "{shown:?}");
    for configuration in shown {
        std::fs::write(world.place.path().join("longwire.toml"), configuration)?;
        shell(&world, "longwire serve --androidpn --config longwire.toml --check")?;
    }
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
