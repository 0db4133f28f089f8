//! `longwire restore`: a new data directory from a backup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use longwire_core::Registration;
use longwire_store_sqlite::backup::{Mark, verify};

use crate::backup::{List, STORE, copy, sync};
use crate::cli::RestoreArgs;
use crate::configuration::{self, DeviceKeys, HeartbeatBounds};
use crate::data_dir::DataDir;
use crate::lock::{self, Attempt, Holder};
use crate::output;
use crate::system::{self, Engine};

/// The store while it is not known to be whole: nothing takes the directory for one with a store in it.
const UNCHECKED: &str = "longwire.db.unchecked";

pub(crate) async fn run(args: &RestoreArgs, variables: &[(String, String)]) -> anyhow::Result<()> {
    let list = List::read(&args.from)?;
    let path = configuration::data_dir(&args.place, variables)?;
    refuse_used(&path)?;
    let data_dir = DataDir::create(&path)?;
    let mut written = vec![data_dir.lock()];
    let restored = restore(&args.from, &list, &data_dir, &mut written).await;
    if restored.is_err() {
        // The directory is as empty as before, so that the command can be repeated.
        written.iter().for_each(|path| drop(fs::remove_file(path)));
    }
    restored?;
    output::note(&format!(
        "{} holds the backup of {}: start the server on it; what was accepted, made, revoked or removed since then is not in it",
        data_dir.path().display(),
        list.made_at
    ));
    Ok(())
}

/// Nothing is put over what is there.
fn refuse_used(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    match fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
        Ok(true) => {
            bail!(
                "{shown} is in use: a backup is restored into a new or an empty directory; move this one away, or name another"
            )
        }
        Ok(false) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{shown} cannot be used")),
    }
}

async fn restore(from: &Path, list: &List, data_dir: &DataDir, written: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let holder = Holder::new("restore", system::now());
    let _lock = match lock::attempt(&data_dir.lock(), &holder)? {
        Attempt::Held(lock) => lock,
        Attempt::Taken(other) => bail!(lock::refusal(data_dir.path(), other.as_ref())),
    };
    for held in &list.files {
        let name = if held.name == STORE { UNCHECKED } else { &held.name };
        let to = data_dir.path().join(name);
        written.push(to.clone());
        let copied = copy(&from.join(&held.name), &to, &held.name);
        let copied = copied.with_context(|| format!("{} cannot be copied to {}", held.name, to.display()))?;
        ensure!(copied == *held, "the backup is damaged: {} is not what was backed up", held.name);
    }
    let unchecked = data_dir.path().join(UNCHECKED);
    let Mark { schema, last, generation } = verify(&unchecked).await?;
    let found = (schema, last, format!("{:016x}", generation.0));
    ensure!(found == (list.schema, list.last, list.generation.clone()), "the backup's list is not that of its store");
    written.extend(["", "-wal", "-shm"].map(|end| data_dir.path().join(format!("{STORE}{end}"))));
    let moved = fs::rename(&unchecked, data_dir.store()).and_then(|()| sync(data_dir.path()));
    moved.context("the store cannot be put into its place")?;
    begin(data_dir).await
}

/// The log goes on in a new generation, since it may have forked: devices that know more of the former one forget its positions above this
/// end, and neither miss what comes nor show again what they have (DESIGN rule 6).
async fn begin(data_dir: &DataDir) -> anyhow::Result<()> {
    let engine = Engine::open(
        data_dir,
        "localhost",
        Registration::Closed,
        configuration::FAST_TOKEN_S,
        HeartbeatBounds::default(),
        DeviceKeys::default(),
        None,
    )
    .await?;
    let begun = engine.core.begin_generation().await;
    engine.close().await;
    Ok(begun?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_anything_in_it_is_used() {
        let folder = tempfile::tempdir().expect("a folder");
        refuse_used(folder.path()).expect("an empty one is not");
        refuse_used(&folder.path().join("none")).expect("one that is not there is not");
        fs::write(folder.path().join("longwire.lock"), b"").expect("written");
        assert!(refuse_used(folder.path()).expect_err("refused").to_string().contains("is in use"));
        refuse_used(&folder.path().join("longwire.lock")).expect_err("a file is no directory");
    }
}
