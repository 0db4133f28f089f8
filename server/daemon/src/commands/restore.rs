//! `longwire restore`: a new data directory from a backup.
//!
//! A note of it is the first thing on disk and the last that goes, and the store gets its name when everything is there and checked. So
//! whoever comes after a restore that was killed finds nothing, half a backup that says so, or the whole of it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use longwire_store_sqlite::backup::{Mark, verify};

use crate::backup::{BESIDE, List, STORE, copy, measure, sync};
use crate::cli::RestoreArgs;
use crate::configuration;
use crate::data_dir::DataDir;
use crate::lock::{self, Attempt, Holder, Lock};
use crate::output;
use crate::system;
use crate::unfinished::{self, MARKER, UNCHECKED};

pub(crate) async fn run(args: &RestoreArgs, variables: &[(String, String)]) -> anyhow::Result<()> {
    let list = List::read(&args.from)?;
    list.ensure_complete(&args.from)?;
    let path = configuration::data_dir(&args.place, variables)?;
    refuse_used(&path)?;
    let data_dir = prepare(&path, &args.from)?;
    let _lock = take_lock(&data_dir)?;
    // Somebody else may have been faster: from here on nobody is.
    refuse_used(data_dir.path()).inspect_err(|_| drop(unfinished::end(data_dir.path())))?;
    let restored = restore(&args.from, &list, &data_dir).await;
    if restored.is_err() && !data_dir.store().exists() {
        // The directory is as empty as before. Where that cannot be, its note stays, and the next restore clears it.
        let cleared = clear(data_dir.path()).and_then(|()| remove(&data_dir.lock()));
        drop(cleared.and_then(|()| unfinished::end(data_dir.path())));
    }
    restored?;
    output::note(&format!(
        "{} holds the backup of {}: start the server on it; what was accepted, made, revoked or removed since then is not in it",
        data_dir.path().display(),
        list.made_at
    ));
    Ok(())
}

/// Nothing is put over what is there, but for what an earlier restore has left.
fn refuse_used(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let names: io::Result<Vec<OsString>> =
        fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
    let names = match names {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be used")),
    };
    // What a new file system has in it is nobody's.
    let names: Vec<OsString> = names.into_iter().filter(|name| name != "lost+found").collect();
    let ours = BESIDE.map(|(name, _)| name);
    let is_ours = |name: &OsString| {
        ours.iter().chain(&[MARKER, UNCHECKED, STORE, DataDir::LOCK]).any(|known| name.as_os_str() == *known)
    };
    if names.is_empty() || unfinished::is_begun(path) && names.iter().all(is_ours) {
        return Ok(());
    }
    let why = if names.iter().any(|name| name == STORE) { "is in use: it holds a store" } else { "is not empty" };
    bail!("{shown} {why}; a backup is restored into a new or an empty directory: move this one away, or name another")
}

/// The directory, which says from now on what it is to become.
fn prepare(path: &Path, from: &Path) -> anyhow::Result<DataDir> {
    let is_new = !path.exists();
    let data_dir = DataDir::create(path)?;
    let noted = unfinished::begin(data_dir.path(), from);
    noted.with_context(|| format!("nothing can be written in {}", data_dir.path().display()))?;
    if let Some(above) = data_dir.path().parent().filter(|_| is_new) {
        sync(above).with_context(|| format!("the name of {} cannot be kept", data_dir.path().display()))?;
    }
    Ok(data_dir)
}

fn take_lock(data_dir: &DataDir) -> anyhow::Result<Lock> {
    match lock::attempt(&data_dir.lock(), &Holder::new("restore", system::now()))? {
        Attempt::Held(lock) => Ok(lock),
        Attempt::Taken(other) => bail!(lock::refusal(data_dir.path(), other.as_ref())),
    }
}

/// Removes what a restore has copied; its note and a store in its place stay.
fn clear(path: &Path) -> io::Result<()> {
    BESIDE.map(|(name, _)| name).into_iter().chain([UNCHECKED]).try_for_each(|name| remove(&path.join(name)))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn restore(from: &Path, list: &List, data_dir: &DataDir) -> anyhow::Result<()> {
    let path = data_dir.path();
    if data_dir.store().exists() {
        ensure_same(list, path)?;
    } else {
        clear(path).with_context(|| format!("what an earlier restore left in {} cannot be removed", path.display()))?;
        put(from, list, data_dir).await?;
    }
    unfinished::end(path).with_context(|| format!("{} cannot be removed", path.join(MARKER).display()))
}

/// An earlier restore came as far as the store's name; nobody has used it since, or its note would be gone.
fn ensure_same(list: &List, path: &Path) -> anyhow::Result<()> {
    for held in &list.files {
        let found = measure(&path.join(&held.name), &held.name).ok();
        ensure!(
            found.as_ref() == Some(held),
            "{} is in use: it holds another backup, whose restore was not waited for; move it away, or name another directory",
            path.display()
        );
    }
    Ok(())
}

async fn put(from: &Path, list: &List, data_dir: &DataDir) -> anyhow::Result<()> {
    let path = data_dir.path();
    for held in &list.files {
        let name = if held.name == STORE { UNCHECKED } else { &held.name };
        let to = path.join(name);
        let copied = copy(&from.join(&held.name), &to, &held.name);
        let copied = copied.with_context(|| format!("{} cannot be copied to {}", held.name, to.display()))?;
        ensure!(copied == *held, "the backup is damaged: {} is not what was backed up", held.name);
    }
    let unchecked = path.join(UNCHECKED);
    let Mark { schema, last, generation } = verify(&unchecked).await?;
    let found = (schema, last, format!("{:016x}", generation.0));
    ensure!(found == (list.schema, list.last, list.generation.clone()), "the backup's list is not that of its store");
    // Every other name is on disk before the one that makes it a data directory.
    let moved = sync(path).and_then(|()| fs::rename(&unchecked, data_dir.store())).and_then(|()| sync(path));
    moved.context("the store cannot be put into its place")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_anything_in_it_is_used_but_for_what_a_restore_left() {
        let folder = tempfile::tempdir().expect("a folder");
        refuse_used(folder.path()).expect("an empty one is not");
        refuse_used(&folder.path().join("none")).expect("one that is not there is not");
        fs::write(folder.path().join("longwire.lock"), b"").expect("written");
        assert!(refuse_used(folder.path()).expect_err("refused").to_string().contains("is not empty"));
        refuse_used(&folder.path().join("longwire.lock")).expect_err("a file is no directory");
        for name in [MARKER, UNCHECKED, "server.key", "longwire.db"] {
            fs::write(folder.path().join(name), b"").expect("written");
        }
        refuse_used(folder.path()).expect("it is what a restore left");
        fs::write(folder.path().join("other"), b"").expect("written");
        refuse_used(folder.path()).expect_err("something else is there");
        fs::remove_file(folder.path().join("other")).expect("removed");
        fs::remove_file(folder.path().join(MARKER)).expect("removed");
        fs::remove_file(folder.path().join(UNCHECKED)).expect("removed");
        refuse_used(folder.path()).expect_err("nothing says that it is a restore's");
    }
}
