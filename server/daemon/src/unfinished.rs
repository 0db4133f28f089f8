//! A restore that was begun: what tells of it until it is finished, so that half of one is never taken for an empty directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::backup::sync;
use crate::data_dir::DataDir;

/// There from before the first file of a backup is put into a directory until after the last: it names the backup.
pub(crate) const MARKER: &str = "restore-begun";
/// The store while it is not known to be whole: nothing takes the directory for one with a store in it.
pub(crate) const UNCHECKED: &str = "longwire.db.unchecked";

/// Notes in a directory, on disk when this returns, that the backup `from` is being put there.
pub(crate) fn begin(directory: &Path, from: &Path) -> io::Result<()> {
    let from = fs::canonicalize(from)?;
    let path = directory.join(MARKER);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{}", from.display())?;
    file.sync_all()?;
    sync(directory)
}

/// Whether a restore into the directory was begun and has not said that it is finished.
pub(crate) fn is_begun(directory: &Path) -> bool {
    [MARKER, UNCHECKED].iter().any(|name| fs::symlink_metadata(directory.join(name)).is_ok())
}

/// Takes the note away, also for whoever looks after a power cut.
pub(crate) fn end(directory: &Path) -> io::Result<()> {
    match fs::remove_file(directory.join(MARKER)) {
        Ok(()) => sync(directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Refuses a directory with half a backup in it and no store yet: whoever opened it would make an empty one.
pub(crate) fn refuse(data_dir: &DataDir) -> anyhow::Result<()> {
    let directory = data_dir.path();
    if fs::symlink_metadata(data_dir.store()).is_ok() || !is_begun(directory) {
        return Ok(());
    }
    let shown = directory.display();
    let from = fs::read_to_string(directory.join(MARKER)).unwrap_or_default();
    let from = if from.trim().is_empty() { "BACKUP" } else { from.trim() };
    bail!(
        "{shown} holds half a backup: a restore was begun and not finished; run `longwire restore {from} --data-dir {shown}` again, which \
         begins anew, or remove the directory"
    )
}

/// For whoever is about to open the store, and holds the lock: half a backup is refused. One whose store is in its place is whole, and only
/// its note was left.
pub(crate) fn settle(data_dir: &DataDir) -> anyhow::Result<()> {
    refuse(data_dir)?;
    end(data_dir.path()).with_context(|| format!("{} cannot be removed", data_dir.path().join(MARKER).display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_backup_is_refused_until_its_store_is_in_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let backup = folder.path().join("backup");
        fs::create_dir(&backup).expect("made");
        let data_dir = DataDir::create(&folder.path().join("data")).expect("made");
        settle(&data_dir).expect("nothing was begun");
        begin(data_dir.path(), &backup).expect("noted");
        let refused = settle(&data_dir).expect_err("half a backup").to_string();
        let advice = format!("longwire restore {} --data-dir", backup.display());
        assert!(refused.contains("begun and not finished") && refused.contains(&advice), "{refused}");
        // The note was cut short.
        fs::write(data_dir.path().join(MARKER), b"").expect("written");
        settle(&data_dir).expect_err("half a backup");
        // An older program left no note.
        fs::rename(data_dir.path().join(MARKER), data_dir.path().join(UNCHECKED)).expect("moved");
        settle(&data_dir).expect_err("half a backup");
        begin(data_dir.path(), &backup).expect("noted");
        fs::rename(data_dir.path().join(UNCHECKED), data_dir.store()).expect("moved");
        settle(&data_dir).expect("a whole one");
        assert!(!is_begun(data_dir.path()));
    }
}
