//! The control socket: made readable by its owner only, found again where a server runs.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::net::{UnixListener, UnixStream};

use crate::data_dir::DataDir;

/// Bytes that the address of a Unix socket may have, with room to spare.
const ADDRESS_BYTES_MAX: usize = 100;

/// The socket's address, however long the path of the data directory is; the file keeps it good.
fn address(data_dir: &DataDir) -> io::Result<(PathBuf, Option<File>)> {
    let path = data_dir.control_socket();
    if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
        return Ok((path, None));
    }
    let directory = File::open(data_dir.path())?;
    let name = path.file_name().unwrap_or_default();
    Ok((PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name), Some(directory)))
}

/// Listens on the control socket. One that a killed server left behind goes: the caller holds the data directory's lock.
pub(crate) fn bind(data_dir: &DataDir) -> anyhow::Result<UnixListener> {
    let wrong = || format!("the control socket {} cannot be made", data_dir.control_socket().display());
    let (address, _directory) = address(data_dir).with_context(wrong)?;
    match fs::remove_file(&address) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).with_context(wrong),
        Ok(()) | Err(_) => (),
    }
    let listener = UnixListener::bind(&address).with_context(wrong)?;
    fs::set_permissions(&address, Permissions::from_mode(0o600)).with_context(wrong)?;
    Ok(listener)
}

/// The user that owns the data directory's socket: who may use it.
pub(crate) fn owner(data_dir: &DataDir) -> anyhow::Result<u32> {
    let path = data_dir.control_socket();
    Ok(fs::metadata(&path).with_context(|| format!("{} is gone", path.display()))?.uid())
}

/// Connects, where a server listens.
pub(crate) async fn connect(data_dir: &DataDir) -> Option<UnixStream> {
    let (address, _directory) = address(data_dir).ok()?;
    UnixStream::connect(&address).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_only_the_owner_may_open_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = DataDir::create(&folder.path().join("long".repeat(40))).expect("there");
        drop(bind(&data_dir).expect("bound"));
        assert!(data_dir.control_socket().exists());
        assert!(connect(&data_dir).await.is_none());
        let listener = bind(&data_dir).expect("bound again");
        assert!(connect(&data_dir).await.is_some());
        assert_eq!(fs::metadata(data_dir.control_socket()).expect("there").mode() & 0o777, 0o600);
        drop(listener);
    }
}
