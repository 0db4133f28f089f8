//! The data directory: what is in it, made readable by its owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A directory that exists.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// The directory at `path`, made (0700) where there is none.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("the data directory {} cannot be made", path.display()))?;
        Self::find(path)
    }

    /// The directory at `path`.
    pub(crate) fn find(path: &Path) -> anyhow::Result<Self> {
        let whole = fs::canonicalize(path).with_context(|| {
            format!(
                "there is no data directory {}: name it with --data-dir (`longwire serve` makes one)",
                path.display()
            )
        })?;
        anyhow::ensure!(whole.is_dir(), "{} is no directory", path.display());
        Ok(Self(whole))
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
        self.0.join("longwire.lock")
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

/// The 32 bytes of the server key, made at the first start.
pub(crate) fn server_key(data_dir: &DataDir, random: impl FnOnce(&mut [u8])) -> anyhow::Result<[u8; 32]> {
    let path = data_dir.server_key();
    match fs::read(&path) {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            anyhow::anyhow!("{} is damaged: restore it, or remove it (devices then log in by password)", path.display())
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            random(&mut key);
            data_dir.write_private(&path, &key)?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// The 32 bytes of the key for the passwords of original androidpn clients, made when none is kept yet: another key would open none of
/// those that are.
pub(crate) fn androidpn_key(
    data_dir: &DataDir,
    is_in_use: bool,
    random: impl FnOnce(&mut [u8]),
) -> anyhow::Result<[u8; 32]> {
    let path = data_dir.androidpn_key();
    let advice = "restore it: without it no original androidpn client can log in";
    match fs::read(&path) {
        Ok(bytes) => bytes.try_into().map_err(|_| anyhow::anyhow!("{} is damaged: {advice}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_in_use => {
            anyhow::bail!("{} is missing, and the store has accounts that need it: {advice}", path.display())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            random(&mut key);
            data_dir.write_private(&path, &key)?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
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
    fn the_key_of_kept_passwords_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::create(folder.path()).expect("there");
        let missing = androidpn_key(&data_dir, true, |_| ()).expect_err("refused").to_string();
        assert!(missing.contains("androidpn.key"), "{missing}");
        assert_eq!(androidpn_key(&data_dir, false, |bytes| bytes.fill(7)).expect("made"), [7; 32]);
        assert_eq!(fs::metadata(data_dir.androidpn_key()).expect("there").mode() & 0o777, 0o600);
        assert_eq!(androidpn_key(&data_dir, true, |bytes| bytes.fill(8)).expect("read"), [7; 32]);
        fs::write(data_dir.androidpn_key(), b"short").expect("written");
        androidpn_key(&data_dir, true, |_| ()).expect_err("damaged");
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
