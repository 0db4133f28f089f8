//! What a backup is: a directory with the store, the keys and the certificate, and a list of them with their hashes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use longwire_model::Timestamp;
use ring::digest::{self, SHA256};
use serde::{Deserialize, Serialize};

/// The name of the list.
pub(crate) const LIST: &str = "backup.json";
/// The store: in a backup one file, without a log beside it.
pub(crate) const STORE: &str = "longwire.db";
/// What is kept outside the store and belongs to it, each with what it is.
pub(crate) const BESIDE: [(&str, &str); 4] = [
    ("server.key", "the secret behind FAST tokens"),
    ("androidpn.key", "the key of the passwords of original androidpn clients"),
    ("certificate.pem", "the certificate that the server made for itself"),
    ("certificate.key", "its private key"),
];
/// The form of the list that this program writes and reads.
const FORMAT: u32 = 1;
const BUFFER_BYTES: usize = 64 * 1024;

/// The list of what a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct List {
    pub format: u32,
    /// The version of the program that made it.
    pub longwire: String,
    /// When it was begun: what was accepted before is in it.
    pub made_at: Timestamp,
    /// The version of the store's schema.
    pub schema: i64,
    /// The last position of the log.
    pub last: u64,
    /// The generation that this position belongs to, 16 hexadecimal digits.
    pub generation: String,
    pub files: Vec<Held>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

impl List {
    pub(crate) const fn new(longwire: String, made_at: Timestamp, schema: i64, last: u64, generation: String) -> Self {
        Self { format: FORMAT, longwire, made_at, schema, last, generation, files: Vec::new() }
    }

    /// The list in the backup `from`, which names nothing but files of ours.
    pub(crate) fn read(from: &Path) -> anyhow::Result<Self> {
        let path = from.join(LIST);
        let text = fs::read(&path).with_context(|| format!("{} is no backup: it has no {LIST}", from.display()))?;
        let list: Self = serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
        if list.format != FORMAT {
            bail!(
                "{} has the form {}, this program knows {FORMAT}: use the newer program",
                path.display(),
                list.format
            );
        }
        ensure!(list.files.iter().any(|held| held.name == STORE), "{} names no {STORE}", path.display());
        match list.files.iter().find(|held| describe(&held.name).is_none()) {
            Some(other) => bail!("{} names {:?}, which is no file of a backup", path.display(), other.name),
            None => Ok(list),
        }
    }

    /// Refuses a backup that lacks what the list names, before anything is made of it.
    pub(crate) fn ensure_complete(&self, from: &Path) -> anyhow::Result<()> {
        let shown = from.display();
        for Held { name, bytes, .. } in &self.files {
            let what = describe(name).unwrap_or_default();
            match fs::metadata(from.join(name)) {
                Ok(found) if found.len() == *bytes => {}
                Ok(found) => bail!("the backup is damaged: {name} has {} bytes, its {LIST} says {bytes}", found.len()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    bail!("the backup {shown} is incomplete: it lacks {name} ({what}), which its {LIST} names")
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("{name} of the backup {shown} cannot be read"));
                }
            }
        }
        Ok(())
    }
}

/// What a file of a backup is; none for another file.
pub(crate) fn describe(name: &str) -> Option<&'static str> {
    if name == STORE {
        return Some("the store: notifications, devices, accounts, keys");
    }
    BESIDE.iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
}

/// What a file holds.
pub(crate) fn measure(path: &Path, name: &str) -> io::Result<Held> {
    let mut file = File::open(path)?;
    sum(&mut file, &mut io::sink(), name)
}

/// Copies a file to a new one (0600) that is on disk when this returns.
pub(crate) fn copy(from: &Path, to: &Path, name: &str) -> io::Result<Held> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let held = sum(&mut source, &mut target, name)?;
    target.sync_all()?;
    Ok(held)
}

fn sum(source: &mut File, target: &mut impl io::Write, name: &str) -> io::Result<Held> {
    let mut context = digest::Context::new(&SHA256);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        let count = source.read(&mut buffer)?;
        let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else { break };
        context.update(part);
        target.write_all(part)?;
        bytes += part.len() as u64;
    }
    let sha256 = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Held { name: name.to_owned(), bytes, sha256 })
}

/// Writes a new file (0600) that is on disk when this returns.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the names in a directory outlive a power cut.
pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(files: &[&str]) -> List {
        let held = |name: &&str| Held { name: (*name).to_owned(), bytes: 1, sha256: "00".to_owned() };
        let own = List::new("0.1.0".to_owned(), Timestamp::from_millis(0), 2, 7, "0".repeat(16));
        List { files: files.iter().map(held).collect(), ..own }
    }

    fn read(folder: &Path, list: &List) -> anyhow::Result<List> {
        fs::write(folder.join(LIST), serde_json::to_vec(list).expect("JSON")).expect("written");
        List::read(folder)
    }

    #[test]
    fn a_list_names_files_of_ours_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(List::read(folder.path()).expect_err("nothing there").to_string().contains("is no backup"));
        let good = list(&[STORE, "server.key"]);
        assert_eq!(read(folder.path(), &good).expect("a list"), good);
        for wrong in [&["server.key"][..], &[STORE, "../x"], &[STORE, "longwire.lock"]] {
            read(folder.path(), &list(wrong)).expect_err("refused");
        }
        let newer = List { format: 2, ..good };
        assert!(read(folder.path(), &newer).expect_err("refused").to_string().contains("newer program"));
    }

    #[test]
    fn a_backup_that_lacks_a_file_says_which() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = list(&[STORE, "server.key"]);
        fs::write(folder.path().join(STORE), b"x").expect("written");
        let lacking = list.ensure_complete(folder.path()).expect_err("refused").to_string();
        assert!(lacking.contains("lacks server.key (the secret behind FAST tokens)"), "{lacking}");
        fs::write(folder.path().join("server.key"), b"").expect("written");
        assert!(list.ensure_complete(folder.path()).expect_err("refused").to_string().contains("has 0 bytes"));
        fs::write(folder.path().join("server.key"), b"x").expect("written");
        list.ensure_complete(folder.path()).expect("complete");
    }

    #[test]
    fn a_copy_is_measured_as_its_source_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        fs::write(&from, vec![7; BUFFER_BYTES + 1]).expect("written");
        let held = copy(&from, &to, STORE).expect("copied");
        assert_eq!(held.bytes, BUFFER_BYTES as u64 + 1);
        assert_eq!(measure(&to, STORE).expect("read"), held);
        copy(&from, &to, STORE).expect_err("nothing is written over");
    }
}
