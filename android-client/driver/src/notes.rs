//! Whose payload each device parses just now: written without a sync, since it has to outlive the process and no more.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes of one device's note: the length of an id, and the id.
const SLOT: usize = 128;

/// The notes of all devices of this process.
#[derive(Debug)]
pub struct Notes {
    file: File,
}

impl Notes {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// When it can be neither.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self { file })
    }

    /// Notes an id, or that there is none. An id that is too long to be ours is not noted.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, device: u32, id: Option<&str>) -> io::Result<()> {
        let id = id.unwrap_or_default().as_bytes();
        let mut slot = Vec::with_capacity(SLOT);
        slot.push(u8::try_from(id.len()).ok().filter(|length| usize::from(*length) < SLOT).unwrap_or_default());
        slot.extend(id.iter().take(SLOT - 1));
        self.file.write_all_at(&slot, place(device))
    }

    /// What a device noted last.
    #[must_use]
    pub fn read(&self, device: u32) -> Option<String> {
        let mut slot = [0; SLOT];
        let mut filled = 0;
        while let Some(rest) = slot.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, place(device) + u64::try_from(filled).ok()?) {
                Ok(0) | Err(_) => break, // the last slot may be short
                Ok(length) => filled += length,
            }
        }
        let (length, id) = slot.split_first()?;
        let id = id.get(..usize::from(*length)).filter(|id| !id.is_empty())?;
        String::from_utf8(id.to_vec()).ok()
    }
}

fn place(device: u32) -> u64 {
    u64::from(device) * 128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_devices_stand_apart_and_outlive_the_process() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = directory.path().join("notes");
        let notes = Notes::open(&path).expect("opens");
        notes.write(0, Some("a")).expect("writes");
        notes.write(7, Some("0192-b")).expect("writes");
        let next = Notes::open(&path).expect("opens");
        assert_eq!(
            (next.read(0), next.read(3), next.read(7), next.read(9)),
            (Some("a".into()), None, Some("0192-b".into()), None)
        );
        next.write(7, None).expect("writes");
        next.write(0, Some(&"x".repeat(SLOT))).expect("writes");
        assert_eq!((notes.read(0), notes.read(7)), (None, None));
        next.write(0, Some(&"y".repeat(SLOT - 1))).expect("writes");
        assert_eq!(notes.read(0), Some("y".repeat(SLOT - 1)));
    }
}
