//! Small disks: one in memory that is soon full, and one on a loop device whose image is what a power cut leaves.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::shell::command;

/// A file system that is unmounted when dropped.
#[derive(Debug)]
pub struct Mounted(PathBuf);

impl Mounted {
    /// A file system in memory of so many MiB, made at `place`.
    ///
    /// # Errors
    /// It may not be mounted.
    pub fn in_memory(place: &Path, mib: u32) -> anyhow::Result<Self> {
        fs::create_dir_all(place)?;
        let (size, place_text) = (format!("size={mib}m"), place.to_string_lossy().into_owned());
        command("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &place_text])?;
        Ok(Self(place.to_owned()))
    }

    /// The ext4 of an image, at `place`. What nobody has synced stays off the image for as long as can be said.
    ///
    /// # Errors
    /// There is no loop device.
    pub fn image(image: &Path, place: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(place)?;
        let (image, place_text) = (image.to_string_lossy(), place.to_string_lossy());
        command("mount", &["-o", "loop,commit=300", &image, &place_text])?;
        Ok(Self(place.to_owned()))
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.0
    }

    /// Takes what room there is, but for `left` bytes.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn fill(&self, left: usize) -> anyhow::Result<()> {
        let mut spare = File::create(self.0.join("spare"))?;
        // Nothing depends on how much of it fits.
        drop(spare.write_all(&vec![0; left]));
        let mut file = File::create(self.0.join("filler"))?;
        while file.write_all(&[0; 4_096]).is_ok() {}
        drop(spare);
        fs::remove_file(self.0.join("spare")).context("failed to leave some room")
    }

    /// Gives the room back.
    ///
    /// # Errors
    /// Nothing was taken.
    pub fn free(&self) -> anyhow::Result<()> {
        fs::remove_file(self.0.join("filler")).context("failed to give the room back")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a process that is being killed may still hold a file.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Makes an image with an empty ext4 of so many MiB.
///
/// # Errors
/// There is no room, or no mkfs.ext4.
pub fn make_image(image: &Path, mib: u64) -> anyhow::Result<()> {
    File::create(image)?.set_len(mib * 1024 * 1024)?;
    command("mkfs.ext4", &["-q", "-F", &image.to_string_lossy()]).map(drop)
}

/// The image as the disk holds it at this moment: what a power cut would leave. Whoever writes should be stopped meanwhile.
///
/// # Errors
/// There is no room.
pub fn cut_power(image: &Path, copy: &Path) -> anyhow::Result<()> {
    command("cp", &["--sparse=always", &image.to_string_lossy(), &copy.to_string_lossy()]).map(drop)
}
