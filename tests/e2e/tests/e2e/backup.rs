//! A backup beside a server that goes on accepting, and what is made of it on an empty directory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, ensure};
use longwire_test_support::process::{longwire, printed};
use longwire_test_support::{Client, SOON, until};
use serde_json::{Value, json};

use crate::world::{World, id_of};

/// Notifications that are accepted before, and after, the backup at least.
const SENT: usize = 40;

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
