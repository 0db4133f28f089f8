//! The data directory: what is in it, made readable by its owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::backup::LIST;
use crate::unfinished;

/// A directory that exists.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// The name of the lock.
    pub(crate) const LOCK: &str = "longwire.lock";

    /// The directory at `path`, made (0700) where there is none.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        refuse_backup(path)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("the data directory {} cannot be made", path.display()))?;
        let made = Self::at(path).map_err(|error| explain(path, error.into()))?;
        anyhow::ensure!(made.0.is_dir(), "{} is no directory", path.display());
        Ok(made)
    }

    /// The directory at `path`, which a command expects to be there with a store in it.
    pub(crate) fn find(path: &Path) -> anyhow::Result<Self> {
        let advice = "name it with --data-dir (`longwire serve` makes one)";
        Self::with_store(path)?.ok_or_else(|| {
            let shown = path.display();
            if path.exists() {
                anyhow::anyhow!("{shown} is no data directory of longwire: {advice}")
            } else {
                anyhow::anyhow!("there is no data directory {shown}: {advice}")
            }
        })
    }

    /// The directory at `path`; none when there is none, or none with a store in it.
    pub(crate) fn with_store(path: &Path) -> anyhow::Result<Option<Self>> {
        let none = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(explain(path, error.into())) }
        };
        let found = match Self::at(path) {
            Ok(found) => found,
            Err(error) => return none(error),
        };
        anyhow::ensure!(found.0.is_dir(), "{} is no directory", path.display());
        refuse_backup(path)?;
        unfinished::refuse(&found)?;
        match fs::metadata(found.store()) {
            Ok(_) => Ok(Some(found)),
            Err(error) => none(error),
        }
    }

    fn at(path: &Path) -> io::Result<Self> {
        fs::canonicalize(path).map(Self)
    }

    /// Whether somebody else on this host may look into it.
    pub(crate) fn is_open_to_others(&self) -> bool {
        fs::metadata(&self.0).is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The embedded store.
    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("longwire.db")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join(Self::LOCK)
    }

    pub(crate) fn control_socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.0.join("certificate.pem")
    }

    pub(crate) fn certificate_key(&self) -> PathBuf {
        self.0.join("certificate.key")
    }

    /// The secret that FAST tokens are derived from; outside the store on purpose (DESIGN §3).
    pub(crate) fn server_key(&self) -> PathBuf {
        self.0.join("server.key")
    }

    /// The key under which passwords of original androidpn clients are kept; outside the store on purpose (DESIGN §3).
    pub(crate) fn androidpn_key(&self) -> PathBuf {
        self.0.join("androidpn.key")
    }

    /// There while the store failed in the server's last life: the whole database is checked then, whatever its size.
    fn failure(&self) -> PathBuf {
        self.0.join("store-failed")
    }

    /// Notes that the store has failed, as far as the disk takes it.
    pub(crate) fn note_failure(&self, why: &str) {
        if let Err(error) = fs::write(self.failure(), why) {
            tracing::warn!(%error, "that the store has failed could not be noted: the next start checks a large database less");
        }
    }

    /// Whether the store has failed since it was checked last.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure().exists()
    }

    /// The store was checked.
    pub(crate) fn forget_failure(&self) {
        match fs::remove_file(self.failure()) {
            Ok(()) => {
                tracing::info!(
                    "the store failed in the last life of the server: its database was checked and is whole"
                );
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "the note that the store had failed could not be removed"),
        }
    }

    /// Writes a file (0600) that is either whole or not there, also after a power cut.
    pub(crate) fn write_private(&self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        let new = path.with_added_extension("new");
        self.write_through(&new, path, bytes).with_context(|| format!("{} cannot be written", path.display()))
    }

    fn write_through(&self, new: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(new, path)?;
        File::open(&self.0)?.sync_all()
    }
}

/// A backup is no data directory: whoever opened its store would change it, and its list would be that of another.
fn refuse_backup(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    anyhow::ensure!(
        fs::symlink_metadata(path.join(LIST)).is_err(),
        "{shown} is a backup (it has a {LIST}), which stays as it is: make a data directory of it with `longwire restore {shown} \
         --data-dir NEW`, or name another --data-dir"
    );
    Ok(())
}

/// An error about a data directory, with what to do where another user's rights are needed.
pub(crate) fn explain(path: &Path, error: anyhow::Error) -> anyhow::Error {
    let is_denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    if !error.chain().filter_map(|cause| cause.downcast_ref()).any(is_denied) {
        return error.context(format!("the data directory {} cannot be used", path.display()));
    }
    let own = rustix::process::geteuid().as_raw();
    let owner = fs::metadata(path).map(|metadata| metadata.uid()).ok().filter(|owner| *owner != own);
    error.context(denial(path, own, owner))
}

fn denial(path: &Path, own: u32, owner: Option<u32>) -> String {
    let shown = path.display();
    match owner {
        Some(owner) => format!(
            "user {own} may not use the data directory {shown}, which belongs to user {owner}: run the command as that user"
        ),
        None => format!(
            "user {own} may not use the data directory {shown}: run the command as the user that the server runs as"
        ),
    }
}

/// What it means that another server key was made beside a database that is there.
const NEW_SERVER_KEY: &str = "server.key was missing beside a database that is there: another was made, so every FAST token is \
     void and each device logs in once by its password; that costs logins and nothing else (stop the server and put the file back from a \
     backup to undo it)";

/// What it means that another store was made beside a server key that is there.
const NEW_STORE: &str = "longwire.db was missing or empty beside server.key: a new store was made, without accounts, devices, \
     notifications and API keys (if this is not the first start: stop the server and restore a backup)";

/// What it means that something is missing of a data directory that was in use, and is about to be made anew.
pub(crate) fn loss(data_dir: &DataDir) -> Option<&'static str> {
    let has_key = fs::symlink_metadata(data_dir.server_key()).is_ok();
    let store = fs::metadata(data_dir.store()).map(|store| store.len()).ok();
    match (has_key, store) {
        (true, None | Some(0)) => Some(NEW_STORE),
        (false, Some(_)) => Some(NEW_SERVER_KEY),
        (true, Some(_)) | (false, None) => None,
    }
}

/// The 32 bytes of the server key, made at the first start.
pub(crate) fn server_key(data_dir: &DataDir, random: impl FnOnce(&mut [u8])) -> anyhow::Result<[u8; 32]> {
    let path = data_dir.server_key();
    key_at(&path, "restore it, or remove it (devices then log in by password)", || {
        made_key(data_dir, &path, true, random)
    })
}

/// The 32 bytes of the key for the passwords of original androidpn clients, made when none is kept yet: another key would open none of
/// those that are. One that is not to be kept is for looking alone.
pub(crate) fn androidpn_key(
    data_dir: &DataDir,
    is_in_use: bool,
    is_kept: bool,
    random: impl FnOnce(&mut [u8]),
) -> anyhow::Result<[u8; 32]> {
    let path = data_dir.androidpn_key();
    let advice = "restore it: without it no original androidpn client can log in";
    key_at(&path, advice, || {
        if is_in_use {
            anyhow::bail!("{} is missing, and the store has accounts that need it: {advice}", path.display());
        }
        made_key(data_dir, &path, is_kept, random)
    })
}

/// The key in a file, or what takes the place of one that is missing.
fn key_at(path: &Path, advice: &str, missing: impl FnOnce() -> anyhow::Result<[u8; 32]>) -> anyhow::Result<[u8; 32]> {
    match fs::read(path) {
        Ok(bytes) => bytes.try_into().map_err(|_| anyhow::anyhow!("{} is damaged: {advice}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => missing(),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

fn made_key(
    data_dir: &DataDir,
    path: &Path,
    is_kept: bool,
    random: impl FnOnce(&mut [u8]),
) -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    random(&mut key);
    if is_kept {
        data_dir.write_private(path, &key)?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_and_its_secrets_are_the_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::create(&folder.path().join("a/b")).expect("made");
        assert!(!data_dir.is_open_to_others());
        let key = server_key(&data_dir, |bytes| bytes.fill(7)).expect("made");
        assert_eq!(key, [7; 32]);
        assert_eq!(fs::metadata(data_dir.server_key()).expect("there").mode() & 0o777, 0o600);
        let again = server_key(&data_dir, |bytes| bytes.fill(8)).expect("read");
        assert_eq!(again, key);
    }

    #[test]
    fn a_directory_without_a_store_is_told_from_one_that_may_not_be_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        assert!(DataDir::with_store(&path).expect("an answer").is_none());
        let error = |path: &Path| DataDir::find(path).expect_err("none").to_string();
        assert!(error(&path).starts_with("there is no data directory"), "{}", error(&path));
        let made = DataDir::create(&path).expect("made");
        assert!(DataDir::with_store(&path).expect("an answer").is_none());
        assert!(error(&path).contains("is no data directory of longwire"), "{}", error(&path));
        fs::write(made.store(), b"").expect("written");
        assert!(DataDir::with_store(&path).expect("an answer").is_some());
        let told = |kind: io::ErrorKind| {
            format!(
                "{:#}",
                explain(&path, anyhow::Error::from(io::Error::from(kind)).context("the lock cannot be taken"))
            )
        };
        let denied = told(io::ErrorKind::PermissionDenied);
        assert!(denied.contains("run the command as") && denied.contains("the lock"), "{denied}");
        assert!(!told(io::ErrorKind::StorageFull).contains("run the command as"));
        assert!(
            denial(&path, 1, Some(2)).contains("user 1 may not")
                && denial(&path, 1, Some(2)).contains("belongs to user 2")
        );
    }

    #[test]
    fn a_backup_is_no_data_directory_and_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in [LIST, "longwire.db"] {
            fs::write(folder.path().join(name), b"").expect("written");
        }
        let refusals = [DataDir::create(folder.path()).err(), DataDir::find(folder.path()).err()];
        for refused in refusals {
            let refused = refused.expect("refused").to_string();
            assert!(refused.contains("is a backup") && refused.contains("longwire restore"), "{refused}");
        }
    }

    #[test]
    fn a_server_key_is_lost_where_there_is_a_database_without_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::create(folder.path()).expect("there");
        assert_eq!(loss(&data_dir), None, "a first start makes both");
        fs::write(data_dir.store(), b"store").expect("written");
        assert_eq!(loss(&data_dir), Some(NEW_SERVER_KEY));
        server_key(&data_dir, |bytes| bytes.fill(7)).expect("made");
        assert_eq!(loss(&data_dir), None);
        fs::write(data_dir.store(), b"").expect("written");
        assert_eq!(loss(&data_dir), Some(NEW_STORE));
        fs::remove_file(data_dir.store()).expect("removed");
        assert_eq!(loss(&data_dir), Some(NEW_STORE));
    }

    #[test]
    fn the_key_of_kept_passwords_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::create(folder.path()).expect("there");
        let missing = androidpn_key(&data_dir, true, true, |_| ()).expect_err("refused").to_string();
        assert!(missing.contains("androidpn.key"), "{missing}");
        assert_eq!(androidpn_key(&data_dir, false, false, |bytes| bytes.fill(6)).expect("made up"), [6; 32]);
        assert!(!data_dir.androidpn_key().exists(), "whoever only looks leaves nothing behind");
        assert_eq!(androidpn_key(&data_dir, false, true, |bytes| bytes.fill(7)).expect("made"), [7; 32]);
        assert_eq!(fs::metadata(data_dir.androidpn_key()).expect("there").mode() & 0o777, 0o600);
        assert_eq!(androidpn_key(&data_dir, true, true, |bytes| bytes.fill(8)).expect("read"), [7; 32]);
        fs::write(data_dir.androidpn_key(), b"short").expect("written");
        androidpn_key(&data_dir, true, true, |_| ()).expect_err("damaged");
    }

    #[test]
    fn a_damaged_server_key_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::create(folder.path()).expect("there");
        fs::write(data_dir.server_key(), b"short").expect("written");
        let error = server_key(&data_dir, |_| ()).expect_err("refused").to_string();
        assert!(error.contains("server.key"), "{error}");
    }
}
