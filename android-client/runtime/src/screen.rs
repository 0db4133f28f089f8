//! The screen of a virtual phone: an append-only file per device, one synced line per hand-over and per done or removal.

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// Threads that sync: a disk merges syncs that come together, so several wait at a time.
const WRITERS: u32 = 8;
/// Lines that wait for one writer, in batches of one device each.
const QUEUE: usize = 1_024;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It was put on the screen.
    Handed,
    /// Its content on the screen was replaced.
    Updated,
    /// The device will not hand it over again.
    Done,
    /// It was taken from the screen.
    Removed,
}

/// One line of a screen file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The notification.
    pub id: String,
    /// The how-manieth hand-over it is or belongs to, counted over processes; 0 when no hand-over is known.
    pub attempt: u32,
    /// Which life of the process wrote it.
    pub process: String,
    /// When, by the host's clock.
    pub time: String,
    /// What happened.
    pub what: What,
}

struct Batch {
    device: u32,
    bytes: Vec<u8>,
    answer: oneshot::Sender<io::Result<()>>,
}

/// The screens of all devices of this process. Clones share them.
#[derive(Clone)]
pub struct Screens {
    directory: Arc<PathBuf>,
    writers: Arc<Vec<SyncSender<Batch>>>,
}

impl Screens {
    /// Screens in `directory`, with the threads that write them.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(directory: &Path) -> io::Result<Self> {
        let directory = Arc::new(directory.to_owned());
        let mut writers = Vec::new();
        for number in 0..WRITERS {
            let (sender, batches) = sync_channel(QUEUE);
            let directory = Arc::clone(&directory);
            std::thread::Builder::new().name(format!("screen-{number}")).spawn(move || write(&directory, &batches))?;
            writers.push(sender);
        }
        Ok(Self { directory, writers: Arc::new(writers) })
    }

    /// Appends lines to a device's screen; the answer comes when they are on disk.
    ///
    /// # Panics
    /// Never: a line is always JSON.
    #[must_use]
    pub fn append(&self, device: u32, lines: &[Line]) -> oneshot::Receiver<io::Result<()>> {
        let mut bytes = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut bytes, line).expect("a line of strings and numbers is JSON");
            bytes.push(b'\n');
        }
        let (answer, receiver) = oneshot::channel();
        let writer = usize::try_from(device % WRITERS).expect("a small number");
        let batch = Batch { device, bytes, answer };
        let sent = self.writers.get(writer).map(|writer| writer.try_send(batch));
        if let Some(Err(error)) = sent {
            let (std::sync::mpsc::TrySendError::Full(batch) | std::sync::mpsc::TrySendError::Disconnected(batch)) =
                error;
            drop(batch.answer.send(Err(io::Error::new(io::ErrorKind::WouldBlock, "the screen's queue is full"))));
        }
        receiver
    }

    /// The ids that a device's screen calls done; a line that a crash cut is dropped from the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn done(&self, device: u32) -> io::Result<HashSet<String>> {
        let path = path(&self.directory, device);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
            Err(error) => return Err(error),
        };
        let mut done = HashSet::new();
        for line in BufReader::new(file).lines() {
            if let Ok(line) = serde_json::from_str::<Line>(&line?) {
                match line.what {
                    What::Done | What::Removed => done.insert(line.id),
                    What::Handed | What::Updated => continue,
                };
            }
        }
        Ok(done)
    }
}

fn path(directory: &Path, device: u32) -> PathBuf {
    directory.join(format!("screen-{device}.jsonl"))
}

/// One writer: what waits for the same file is written and synced once.
fn write(directory: &Path, batches: &Receiver<Batch>) {
    let mut repaired = HashSet::new();
    while let Ok(first) = batches.recv() {
        let mut by_device: BTreeMap<u32, Vec<Batch>> = BTreeMap::new();
        by_device.entry(first.device).or_default().push(first);
        for batch in batches.try_iter().take(64) {
            by_device.entry(batch.device).or_default().push(batch);
        }
        for (device, batches) in by_device {
            let path = path(directory, device);
            let is_new = repaired.insert(device);
            let written = if is_new { cut_torn_line(&path) } else { Ok(()) };
            let written = written.and_then(|()| append(&path, &batches));
            for batch in batches {
                let answer = written.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()));
                drop(batch.answer.send(answer.copied()));
            }
        }
    }
}

/// Appends and syncs; when that fails, nothing of it stays.
fn append(path: &Path, batches: &[Batch]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    let bytes: Vec<u8> = batches.iter().flat_map(|batch| batch.bytes.iter().copied()).collect();
    let written = file.write_all(&bytes).and_then(|()| file.sync_data());
    if written.is_err() {
        file.set_len(length)?;
    }
    written
}

/// What a crash cut in the middle was never synced, so it was never on the screen.
fn cut_torn_line(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::Start(length - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last == *b"\n" {
        return Ok(());
    }
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut text)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    file.set_len(u64::try_from(whole).unwrap_or(length))?;
    file.sync_data()
}
