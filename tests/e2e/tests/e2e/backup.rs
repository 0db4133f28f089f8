//! A backup beside a server that goes on accepting, and what is made of it on an empty directory.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail, ensure};
use longwire_test_support::process::{binary, longwire, printed};
use longwire_test_support::{Client, SOON, Server, ServerOptions, until};
use serde_json::{Value, json};

use crate::world::{World, id_of};

/// Notifications that are accepted before, and after, the backup at least.
const SENT: usize = 40;
/// What changes a file system, and what opens files: the steps of a restore.
const CALLS: [&str; 7] = ["mkdir", "openat", "write", "ftruncate", "fsync", "rename", "unlink"];
/// More calls of one kind than a restore makes.
const CALLS_MAX: u32 = 100;

/// The ids in the order in which they were accepted, while somebody sends.
struct Accepted(Mutex<Vec<String>>);

impl Accepted {
    fn count(&self) -> usize {
        self.0.lock().map_or(0, |ids| ids.len())
    }

    fn wait(&self, count: usize) -> anyhow::Result<()> {
        until("more to be accepted", SOON, || (self.count() >= count).then_some(()))
    }
}

/// Sends while `work` runs; gives what was accepted, and what `work` gave.
fn beside_load<T>(api: &Client, work: impl FnOnce(&Accepted) -> anyhow::Result<T>) -> anyhow::Result<(Vec<String>, T)> {
    let accepted = Accepted(Mutex::new(Vec::new()));
    let is_over = AtomicBool::new(false);
    let done = std::thread::scope(|scope| {
        let sender = scope.spawn(|| -> anyhow::Result<()> {
            while !is_over.load(Ordering::Relaxed) {
                let answer = api.post("/v1/notifications", &json!({ "to": "all", "title": "load" }))?;
                ensure!(answer.status == 202, "{}", answer.text());
                accepted.0.lock().map_err(|_| anyhow::anyhow!("a thread panicked"))?.push(answer.field("id"));
            }
            Ok(())
        });
        let done = work(&accepted);
        is_over.store(true, Ordering::Relaxed);
        sender.join().map_err(|_| anyhow::anyhow!("the sender panicked"))??;
        done
    })?;
    let ids = accepted.0.into_inner().map_err(|_| anyhow::anyhow!("a thread panicked"))?;
    Ok((ids, done))
}

#[test]
fn f27_a_backup_holds_what_was_accepted_before_it_and_a_restore_repeats_nothing() -> anyhow::Result<()> {
    let mut world = World::new()?;
    let phone = world.phone("phone")?;
    let backup = world.place.path().join("backup");
    let path = backup.to_str().context("a path of text")?.to_owned();
    let data = world.server.data().to_owned();
    let (ids, (before, after)) = beside_load(&world.api, |accepted| {
        accepted.wait(SENT)?;
        let before = accepted.count();
        let list: Value = serde_json::from_str(&printed(&longwire(&data, &["backup", &path, "--json"])?)?)?;
        let names = list.get("files").and_then(Value::as_array).context("files")?;
        let names: Vec<&str> = names.iter().filter_map(|held| held.get("name")?.as_str()).collect();
        ensure!(names == ["longwire.db", "server.key", "certificate.pem", "certificate.key"], "{list}");
        let after = accepted.count();
        accepted.wait(after + SENT)?;
        Ok((before, after))
    })?;
    phone.shown(ids.last().context("something was accepted")?)?;
    let is_told = |line: &str| line.contains("a backup was made by=\"operator\"") && line.contains(&path);
    world.server.logged("the backup", is_told)?;
    let again = longwire(&data, &["backup", &path])?;
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("there already"));
    let used = longwire(&data, &["restore", &path])?;
    assert!(!used.status.success() && String::from_utf8_lossy(&used.stderr).contains("is in use"));
    world.server.kill();
    std::fs::rename(&data, data.with_extension("old"))?;
    let restored = longwire(&data, &["restore", &path])?;
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    world.server.start_again()?;
    for (number, id) in ids.iter().enumerate() {
        let status = world.api.get(&format!("/v1/notifications/{id}"))?.status;
        // One was under way when the backup was done.
        let may = if number < before {
            &[200][..]
        } else if number <= after {
            &[200, 404][..]
        } else {
            &[404][..]
        };
        ensure!(may.contains(&status), "number {number} of {before}, {after}: {status}");
    }
    let new = id_of(&world.notify("all", "new")?);
    phone.shown(&new)?;
    let mut shown = phone.all_shown();
    shown.sort_unstable();
    let mut expected = ids;
    expected.push(new);
    expected.sort_unstable();
    assert_eq!(shown, expected, "each once, and none missing");
    Ok(())
}

#[test]
fn f27_a_damaged_backup_is_refused_and_leaves_nothing() -> anyhow::Result<()> {
    let world = World::new()?;
    world.notify("all", "kept")?;
    let backup = world.place.path().join("backup");
    let path = backup.to_str().context("a path of text")?;
    printed(&longwire(world.server.data(), &["backup", path])?)?;
    let key = backup.join("server.key");
    let mut bytes = std::fs::read(&key)?;
    bytes.reverse();
    std::fs::write(&key, bytes)?;
    let target = world.place.path().join("target");
    let refused = longwire(&target, &["restore", path])?;
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("server.key"));
    assert_eq!(std::fs::read_dir(&target)?.count(), 0, "something is left of it");
    let none = longwire(&target, &["restore", world.place.path().to_str().context("a path of text")?])?;
    assert!(!none.status.success() && String::from_utf8_lossy(&none.stderr).contains("is no backup"));
    // The server goes on, and a message for it is still accepted.
    let answer = world.api.post("/v1/notifications", &json!({ "to": "all", "title": "on" }))?;
    assert_eq!(answer.status, 202);
    Ok(())
}

/// A server with one notification, its id, and the path of a backup.
fn backed_up() -> anyhow::Result<(World, String, String)> {
    let world = World::new()?;
    let id = id_of(&world.notify("all", "kept")?);
    let backup = world.place.path().join("backup").to_str().context("a path of text")?.to_owned();
    printed(&longwire(world.server.data(), &["backup", &backup])?)?;
    Ok((world, id, backup))
}

/// Restores under a tracer that kills it as it begins its `count`th `call` in the directory; false when it makes no so many.
fn is_killed(backup: &str, target: &Path, call: &str, count: u32) -> anyhow::Result<bool> {
    let mut command = Command::new("strace");
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=KILL:when={count}"));
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject, "-P"]).arg(target);
    let own = ["restore-begun", "longwire.lock", "longwire.db.unchecked", "longwire.db"];
    for name in own.iter().chain(&["server.key", "certificate.pem", "certificate.key"]) {
        command.arg("-P").arg(target.join(name));
    }
    command.arg(binary("longwire")?).args(["restore", backup, "--data-dir"]).arg(target).stdin(Stdio::null());
    let output = command.output().context("failed to start strace (scripts/setup installs it)")?;
    match (output.status.signal(), output.status.success()) {
        (Some(9), _) => Ok(true),
        (None, true) => Ok(false),
        (Some(_) | None, _) => bail!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
    }
}

/// A server on the directory has the notification.
fn serves(target: &Path, id: &str) -> anyhow::Result<()> {
    let mut server = Server::start(target)?;
    ensure!(!server.is_key_shown(), "it is a new server");
    let answer = server.admin()?.get(&format!("/v1/notifications/{id}"))?;
    ensure!(answer.status == 200, "{}", answer.text());
    Ok(())
}

/// What a restore that was killed left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    /// The directory is as it was: no server would know that there was a restore.
    Nothing,
    Half,
    /// All of it, and the note that it is being put there.
    Whole,
    Finished,
}

fn left(target: &Path) -> Left {
    let is_there = |name: &str| target.join(name).exists();
    match (is_there("longwire.db"), is_there("restore-begun")) {
        (true, true) => Left::Whole,
        (true, false) => Left::Finished,
        (false, true) => Left::Half,
        (false, false) => Left::Nothing,
    }
}

/// Whoever comes next finds the whole of it or is refused, and the same restore again makes it whole.
fn holds(left: Left, target: &Path, backup: &str, id: &str) -> anyhow::Result<()> {
    if left == Left::Nothing {
        let is_empty = std::fs::read_dir(target).map_or(true, |mut entries| entries.next().is_none());
        ensure!(is_empty, "there is something without a note of what it is");
    }
    if left == Left::Half {
        let (status, said) = ServerOptions::new(target).refusal()?;
        ensure!(!status.success() && said.contains("begun and not finished"), "{said}");
        let listed = longwire(target, &["account", "list"])?;
        ensure!(!listed.status.success(), "a command takes it for a data directory");
    }
    let again = longwire(target, &["restore", backup])?;
    let is_done = again.status.success();
    ensure!(is_done == (left != Left::Finished), "{}", String::from_utf8_lossy(&again.stderr));
    serves(target, id)?;
    ensure!(!target.join("restore-begun").exists(), "its note is left");
    let used = longwire(target, &["restore", backup])?;
    ensure!(String::from_utf8_lossy(&used.stderr).contains("is in use"), "what was served is written over");
    Ok(())
}

#[test]
fn f27_a_restore_killed_at_any_step_is_half_a_backup_that_says_so_or_a_whole_one() -> anyhow::Result<()> {
    let (world, id, backup) = backed_up()?;
    let mut all = Vec::new();
    for call in CALLS {
        let mut last = Left::Nothing;
        for count in 1..CALLS_MAX {
            let target = world.place.path().join(format!("{call}-{count}"));
            let is_killed = is_killed(&backup, &target, call, count)?;
            let left = left(&target);
            ensure!(left >= last, "{call} {count}: {left:?} behind {last:?}");
            ensure!(is_killed || left == Left::Finished, "{call} {count}: {left:?} is said to be finished");
            holds(left, &target, &backup, &id).with_context(|| format!("{call} {count}"))?;
            std::fs::remove_dir_all(&target)?;
            if !is_killed {
                break;
            }
            all.push(left);
            last = left;
        }
    }
    let count = |what: Left| all.iter().filter(|left| **left == what).count();
    // The directory, and its first look into it; the note; the files; the name of the store.
    assert!((1..=3).contains(&count(Left::Nothing)), "{all:?}");
    assert!(count(Left::Half) >= 25 && count(Left::Whole) >= 2, "{all:?}");
    Ok(())
}

/// A whole one whose note was left is served as it is.
#[test]
fn f27_a_whole_backup_whose_note_was_left_is_served() -> anyhow::Result<()> {
    let (world, id, backup) = backed_up()?;
    let target = world.place.path().join("target");
    // Each time it begins anew on what the one before has left, until one is killed as it takes its note away.
    let unlinked = (1..CALLS_MAX).find_map(|count| match is_killed(&backup, &target, "unlink", count) {
        Ok(true) if left(&target) == Left::Whole => Some(Ok(())),
        Ok(true) => None,
        Ok(false) => Some(Err(anyhow::anyhow!("its note was never taken away"))),
        Err(error) => Some(Err(error)),
    });
    unlinked.context("no end")??;
    serves(&target, &id)?;
    assert!(!target.join("restore-begun").exists());
    Ok(())
}

#[test]
fn a_backup_that_lacks_a_file_says_so_and_none_is_served_itself() -> anyhow::Result<()> {
    let world = World::new()?;
    let backup = world.place.path().join("backup");
    let path = backup.to_str().context("a path of text")?;
    printed(&longwire(world.server.data(), &["backup", path])?)?;
    let names = || -> anyhow::Result<Vec<_>> {
        let mut names =
            std::fs::read_dir(&backup)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    };
    let before = names()?;
    let (status, said) = ServerOptions::new(&backup).refusal()?;
    assert!(!status.success() && said.contains("is a backup") && said.contains("longwire restore"), "{said}");
    let listed = longwire(&backup, &["account", "list"])?;
    assert!(!listed.status.success() && String::from_utf8_lossy(&listed.stderr).contains("is a backup"));
    assert_eq!(names()?, before, "something was put into it");
    std::fs::remove_file(backup.join("server.key"))?;
    let target = world.place.path().join("target");
    let refused = longwire(&target, &["restore", path])?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("lacks server.key"), "{said}");
    assert!(!target.exists(), "it was looked at before anything was made");
    Ok(())
}

#[test]
fn a_server_key_that_is_gone_is_told_of_with_what_it_costs() -> anyhow::Result<()> {
    let mut world = World::new()?;
    let phone = world.phone("phone")?;
    assert!(!world.server.log().contains("server.key was missing"), "{}", world.server.log());
    world.server.kill();
    std::fs::remove_file(world.server.data().join("server.key"))?;
    world.server.start_again()?;
    let line = world.server.logged("the lost key", |line| line.contains("server.key was missing"))?;
    assert!(line.contains("FAST token"), "{line}");
    let id = id_of(&world.notify("all", "by password")?);
    phone.shown(&id).map(drop)
}
