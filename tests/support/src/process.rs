//! Programs under test: where they are, running them to their end, and stopping those that were started here.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::{keep, until};

/// The path of a built binary: in `BIN_DIR`, else beside the running test.
///
/// # Errors
/// It is not built.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let folder = match std::env::var_os("BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => beside_this_test().context("failed to find the build folder")?,
    };
    let path = folder.join(name);
    if !path.is_file() {
        bail!("{} is not built: run `make test`, or `cargo build --release --workspace --bins`", path.display());
    }
    Ok(path)
}

/// A command that starts `program` behind others, each of which becomes it in its turn (`ip netns exec …`, `unshare …`), so that the
/// child's id is the program's.
pub(crate) fn behind(prefix: &[String], program: &Path) -> Command {
    let Some((first, rest)) = prefix.split_first() else { return Command::new(program) };
    let mut command = Command::new(first);
    command.args(rest).arg(program);
    command
}

/// `target/release` of `target/release/deps/some-test`.
fn beside_this_test() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let folder = test.parent()?;
    if folder.file_name()? == "deps" { folder.parent().map(Path::to_owned) } else { Some(folder.to_owned()) }
}

/// Runs `longwire` with `arguments` against a data directory, to its end.
///
/// # Errors
/// It is not built or cannot be started.
pub fn longwire(data: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(binary("longwire")?);
    command.args(arguments).arg("--data-dir").arg(data).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("failed to run longwire {}", arguments.join(" ")))?;
    if matches!(arguments, ["key", "create", ..] | ["app", "key", "create", ..] | ["account", "add", ..]) {
        String::from_utf8_lossy(&output.stdout).lines().for_each(keep::key);
    }
    Ok(output)
}

/// Its standard output, trimmed, of a command that must succeed.
///
/// # Errors
/// It failed, or printed no text.
pub fn printed(output: &Output) -> anyhow::Result<String> {
    if !output.status.success() {
        bail!("the command failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout.clone()).context("the command printed no text")?;
    Ok(text.trim().to_owned())
}

/// Asks a child to end (SIGTERM).
///
/// # Errors
/// The signal cannot be sent.
pub fn terminate(child: &Child) -> anyhow::Result<()> {
    signal(child, "TERM")
}

/// Sends a signal by its name to a child that was not waited for yet, so that the id is still its own.
///
/// # Errors
/// The signal cannot be sent.
pub fn signal(child: &Child, name: &str) -> anyhow::Result<()> {
    let order = format!("kill -{name} {}", child.id());
    let status = Command::new("sh").args(["-c", &order]).status().context("failed to start sh")?;
    if !status.success() {
        bail!("`{order}` failed: {status}");
    }
    Ok(())
}

/// Waits for a child's end.
///
/// # Errors
/// It is still running after `patience`.
pub fn ended(child: &mut Child, patience: Duration) -> anyhow::Result<ExitStatus> {
    until("a process to end", patience, || child.try_wait().transpose())?.context("failed to wait for a process")
}

/// Kills a child (SIGKILL) and takes its end.
pub fn kill(child: &mut Child) {
    // Both fail only when it has ended and was waited for: then there is nothing left to do.
    drop(child.kill());
    drop(child.wait());
}
