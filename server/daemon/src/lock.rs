//! The lock of the data directory: one process at a time opens the store, and others can read which one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use longwire_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub pid: u32,
    /// `serve`, `key create`, ….
    pub command: String,
    pub started: Timestamp,
}

impl Holder {
    /// This process.
    pub(crate) fn new(command: &str, now: Timestamp) -> Self {
        Self { pid: std::process::id(), command: command.to_owned(), started: now }
    }

    pub(crate) fn is_server(&self) -> bool {
        self.command == "serve"
    }
}

/// The held lock; released when dropped, or when the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// What became of an attempt.
#[derive(Debug)]
pub(crate) enum Attempt {
    Held(Lock),
    /// Somebody else holds it; unknown in the moment between their locking and their writing.
    Taken(Option<Holder>),
}

/// Takes the lock at `path`, or says who holds it.
pub(crate) fn attempt(path: &Path, holder: &Holder) -> anyhow::Result<Attempt> {
    let wrong = || format!("the lock {} cannot be taken", path.display());
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .with_context(wrong)?;
    match file.try_lock() {
        Ok(()) => {
            let line = serde_json::to_string(holder).with_context(wrong)?;
            file.set_len(0).with_context(wrong)?;
            file.rewind().with_context(wrong)?;
            writeln!(file, "{line}").with_context(wrong)?;
            Ok(Attempt::Held(Lock { _file: file }))
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            file.read_to_string(&mut text).with_context(wrong)?;
            Ok(Attempt::Taken(serde_json::from_str(&text).ok()))
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(wrong),
    }
}

/// The refusal of whoever cannot wait any longer.
pub(crate) fn refusal(data_dir: &Path, holder: Option<&Holder>) -> String {
    let by = holder.map_or_else(
        || "another process".to_owned(),
        |holder| format!("process {} (longwire {}, since {})", holder.pid, holder.command, holder.started),
    );
    format!("the data directory {} is in use by {by}: stop it, or choose another --data-dir", data_dir.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_learns_of_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("longwire.lock");
        let first = Holder { pid: 4711, command: "serve".to_owned(), started: Timestamp::from_millis(0) };
        let second = Holder { pid: 4712, command: "key list".to_owned(), started: Timestamp::from_millis(1) };
        let Attempt::Held(lock) = attempt(&path, &first).expect("an answer") else {
            panic!("nobody else holds it");
        };
        let Attempt::Taken(Some(seen)) = attempt(&path, &second).expect("an answer") else {
            panic!("the first holds it");
        };
        assert_eq!(seen, first);
        assert!(refusal(folder.path(), Some(&seen)).contains("process 4711 (longwire serve"));
        drop(lock);
        assert!(matches!(attempt(&path, &second).expect("an answer"), Attempt::Held(_)));
    }
}
