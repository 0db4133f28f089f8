//! `make run` as a new user meets it: the printed curl line works as it stands, and a killed server comes back.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::process::{ended, kill, signal};
use longwire_test_support::{TempDir, folder, until};
use serde_json::Value;

const BUILD_AND_START: Duration = Duration::from_secs(240);

/// `scripts/run` on its own folder and free ports, with everything that it prints.
struct Run {
    child: Child,
    output: PathBuf,
    place: TempDir,
}

impl Run {
    fn start(place: TempDir) -> anyhow::Result<Self> {
        let root =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the root of the tree")?;
        let output = place.path().join("output");
        // Where the tests themselves run in the background, Ctrl-C is ignored, and what is ignored is inherited.
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(root.join("scripts/run"));
        command.env("LONGWIRE_DATA_DIR", place.path().join("data"));
        for port in ["LONGWIRE_HTTP", "LONGWIRE_C2S", "LONGWIRE_C2S_TLS"] {
            command.env(port, "127.0.0.1:0");
        }
        // What cargo tells the tests that it runs would make the build scripts of dependencies run again, and all that follows.
        let told_by_cargo = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for name in told_by_cargo.filter(|name| name.starts_with("CARGO_") && !is_of_the_user(name)) {
            command.env_remove(name);
        }
        let file = File::create(&output)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        Ok(Self { child: command.spawn().context("failed to start scripts/run")?, output, place })
    }

    fn printed(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Waits for a line that holds `wanted`, after the first `skip` bytes.
    fn line(&self, wanted: &str, skip: usize, patience: Duration) -> anyhow::Result<String> {
        let found = until(&format!("`{wanted}` on the terminal"), patience, || {
            let printed = self.printed();
            let line = printed.get(skip..)?.lines().find(|line| line.contains(wanted))?;
            printed.ends_with('\n').then(|| line.to_owned())
        });
        found.with_context(|| self.printed())
    }

    /// Ctrl-C, as the terminal sends it to the script.
    fn stop(mut self) -> anyhow::Result<TempDir> {
        signal(&self.child, "INT")?;
        let status = ended(&mut self.child, Duration::from_secs(20))?;
        ensure!(status.success(), "it ended with {status}: {}", self.printed());
        let place = std::mem::replace(&mut self.place, folder());
        Ok(place)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Its own trap ends the server and the phone.
            drop(signal(&self.child, "TERM"));
            drop(ended(&mut self.child, Duration::from_secs(20)));
        }
        kill(&mut self.child);
    }
}

/// Whether a variable that begins like cargo's own comes from outside.
fn is_of_the_user(name: &str) -> bool {
    matches!(name, "CARGO_HOME" | "CARGO_TARGET_DIR")
        || name.starts_with("CARGO_TERM_")
        || name.starts_with("CARGO_HTTP_")
}

/// Runs a line of the terminal in a shell; gives what it printed as JSON.
fn paste(line: &str) -> anyhow::Result<Value> {
    let output = Command::new("sh").args(["-c", line.trim()]).output().context("failed to start sh")?;
    ensure!(output.status.success(), "`{line}` failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).with_context(|| format!("`{line}` printed no JSON"))
}

#[test]
fn the_printed_lines_can_be_pasted_and_a_killed_server_comes_back() -> anyhow::Result<()> {
    let run = Run::start(folder())?;
    let curl = run.line("curl -sS", 0, BUILD_AND_START)?;
    run.line("online", 0, BUILD_AND_START)?;
    let answer = paste(&curl)?;
    let id = answer.get("id").and_then(Value::as_str).with_context(|| format!("not accepted: {answer}"))?.to_owned();
    let status = run.line(&format!("{id}/deliveries"), 0, BUILD_AND_START)?;
    ensure!(run.printed().contains("Door · Bell"), "{}", run.printed());
    delivered(&status)?;
    // The hint that it prints, followed.
    let hint = run.line("kill -9", 0, BUILD_AND_START)?;
    let pid = hint.split("kill -9 ").nth(1).and_then(|rest| rest.split_whitespace().next()).context("a process id")?;
    let printed = run.printed().len();
    ensure!(Command::new("kill").args(["-9", pid]).status()?.success(), "the server was not there");
    run.line("listens again", printed, BUILD_AND_START)?;
    let again = paste(&curl)?;
    let id = again.get("id").and_then(Value::as_str).context("accepted again")?.to_owned();
    delivered(&run.line(&format!("{id}/deliveries"), 0, BUILD_AND_START)?)?;
    // A second run on the same data makes a key of its own and finds what was there.
    let run = Run::start(run.stop()?)?;
    let second = run.line("curl -sS", 0, BUILD_AND_START)?;
    ensure!(second != curl, "the second run shows another key or port");
    run.line("online", 0, BUILD_AND_START)?;
    let third = paste(&second)?;
    let id = third.get("id").and_then(Value::as_str).context("accepted in the second run")?.to_owned();
    delivered(&run.line(&format!("{id}/deliveries"), 0, BUILD_AND_START)?)?;
    run.stop()?;
    Ok(())
}

/// The printed line about the status says that the phone has it.
fn delivered(status: &str) -> anyhow::Result<()> {
    until("the status to be delivered", Duration::from_secs(20), || {
        let answer = paste(status).ok()?;
        let state = answer.pointer("/items/0/state").and_then(Value::as_str)?.to_owned();
        matches!(state.as_str(), "delivered" | "displayed").then_some(())
    })
}
