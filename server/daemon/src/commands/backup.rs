//! `longwire backup`: a whole copy of the data directory's content, beside a running server or without one.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use longwire_store_sqlite::backup::copy as copy_store;
use serde_json::json;

use crate::backup::{BESIDE, Held, LIST, List, STORE, copy, describe, measure, sync, write};
use crate::cli::BackupArgs;
use crate::configuration;
use crate::control::{BACKED_UP, Control};
use crate::data_dir::DataDir;
use crate::{output, system};

pub(crate) async fn run(args: &BackupArgs, variables: &[(String, String)]) -> anyhow::Result<()> {
    let data_dir = DataDir::find(&configuration::data_dir(&args.place, variables)?)?;
    let (part, _held) = prepare(&args.to)?;
    let made = make(&data_dir, &part, &args.to).await;
    if made.is_err() {
        // What is left of it is taken away by the next backup of the name.
        drop(clear(&part));
    }
    let made = made?;
    let to = std::path::absolute(&args.to).unwrap_or_else(|_| args.to.clone());
    if let Err(error) = Control::tell(&data_dir, BACKED_UP, json!({ "to": to.to_string_lossy() })).await {
        output::warn(&format!("the backup is whole, and not in the server's log: {error:#}"));
    }
    show(&made, &args.to, args.json)
}

/// Where it is made: beside its place, so that it is either whole or not there. Nobody else makes one of the name while the file is open.
fn prepare(to: &Path) -> anyhow::Result<(PathBuf, File)> {
    let is_taken = match fs::read_dir(to) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => true,
        Err(error) => return Err(error).with_context(|| format!("{} cannot be looked into", to.display())),
    };
    if is_taken {
        bail!("{} is there already: choose another name for the backup", to.display());
    }
    let part = to.with_added_extension("part");
    // Whoever is at work there goes on.
    let _left = if part.exists() { Some(hold(&part)?) } else { None };
    clear(&part).with_context(|| format!("{}, left of an earlier backup, cannot be removed", part.display()))?;
    let made = DirBuilder::new().mode(0o700).create(&part);
    made.with_context(|| format!("{} cannot be made", part.display()))?;
    let held = hold(&part)?;
    Ok((part, held))
}

/// Keeps others from a directory, until the file is closed or the process ends.
fn hold(part: &Path) -> anyhow::Result<File> {
    let file = File::open(part).with_context(|| format!("{} cannot be opened", part.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another backup is being made in {}: wait for it, or choose another name", part.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("{} cannot be locked", part.display())),
    }
}

/// Removes what a backup has made, and nothing else.
fn clear(part: &Path) -> io::Result<()> {
    let names = BESIDE.into_iter().map(|(name, _)| name).chain([STORE, LIST]);
    let absent = |error: io::Error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) };
    for name in names.map(str::to_owned).chain([format!("{STORE}-journal")]) {
        fs::remove_file(part.join(name)).or_else(absent)?;
    }
    fs::remove_dir(part).or_else(absent)
}

async fn make(data_dir: &DataDir, part: &Path, to: &Path) -> anyhow::Result<List> {
    let made_at = system::now();
    let mark = copy_store(data_dir.path(), &part.join(STORE)).await?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let mut list = List::new(version, made_at, mark.schema, mark.last, format!("{:016x}", mark.generation.0));
    let wrong = |name: &str| format!("{name} cannot be copied to {}", part.display());
    list.files.push(measure(&part.join(STORE), STORE).with_context(|| wrong(STORE))?);
    for (name, _) in BESIDE {
        match copy(&data_dir.path().join(name), &part.join(name), name) {
            Ok(held) => list.files.push(held),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| wrong(name)),
        }
    }
    let finish = || -> anyhow::Result<()> {
        write(&part.join(LIST), serde_json::to_string_pretty(&list)?.as_bytes())?;
        sync(part)?;
        fs::rename(part, to)?;
        let above = to.parent().filter(|above| !above.as_os_str().is_empty());
        Ok(sync(above.unwrap_or_else(|| Path::new(".")))?)
    };
    finish().with_context(|| format!("the backup {} cannot be finished", to.display()))?;
    Ok(list)
}

fn show(list: &List, to: &Path, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        output::line(&serde_json::to_string(list)?);
        return Ok(());
    }
    let row = |held: &Held| {
        vec![held.name.clone(), held.bytes.to_string(), describe(&held.name).unwrap_or_default().to_owned()]
    };
    let rows: Vec<Vec<String>> = list.files.iter().map(row).collect();
    output::line(&output::table(&["FILE", "BYTES", "WHAT IT IS"], &rows));
    output::note(&format!(
        "the backup {} holds what was accepted up to {} (position {} of the log); it holds neither the configuration file nor a certificate \
         that it names",
        to.display(),
        list.made_at,
        list.last
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_written_over_and_what_is_left_of_a_backup_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let to = folder.path().join("backup");
        let (part, held) = prepare(&to).expect("a place");
        fs::write(part.join(STORE), b"half").expect("written");
        assert!(prepare(&to).expect_err("refused").to_string().contains("another backup is being made"));
        assert!(part.join(STORE).exists(), "whoever is at work there goes on");
        drop(held);
        assert_eq!(prepare(&to).expect("a place again").0, part);
        assert!(!part.join(STORE).exists());
        fs::create_dir(&to).expect("made");
        prepare(&to).expect("an empty directory is as good as none");
        fs::write(to.join("other"), b"x").expect("written");
        assert!(prepare(&to).expect_err("refused").to_string().contains("there already"));
        fs::remove_file(to.join("other")).expect("removed");
        fs::write(part.join("other"), b"x").expect("written");
        prepare(&to).expect_err("refused");
        assert!(part.join("other").exists(), "what is not of a backup stays");
    }
}
