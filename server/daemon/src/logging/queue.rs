//! Lines on their way to standard error: whoever logs never waits for whoever reads, and what finds no room is counted.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use longwire_core::metrics::Counter;

/// Bytes that wait at most; lines above that are dropped.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// The pause before what cannot be written is tried again: on a full disk there may be room by then.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How long the end waits for lines to be written.
const END_WAIT: Duration = Duration::from_secs(1);

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines dropped since this was last said.
    dropped: u64,
    is_ending: bool,
    has_ended: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Where dropped lines are counted, once there are metrics.
    count: OnceLock<Counter>,
}

impl Shared {
    /// Nothing that holds the lock leaves the state half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_dropped(&self) {
        if let Some(count) = self.count.get() {
            count.inc();
        }
    }

    /// Writes a line, however long that takes; whether it could. What nobody reads any more, or cannot be written before the end, cannot.
    fn put(&self, to: &mut impl Write, mut line: &[u8]) -> bool {
        while !line.is_empty() {
            match to.write(line) {
                Ok(written) if written > 0 => line = line.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return false,
                Ok(_) | Err(_) => {
                    let waited = self.changed.wait_timeout_while(self.lock(), RETRY_PAUSE, |state| !state.is_ending);
                    if waited.unwrap_or_else(PoisonError::into_inner).0.is_ending {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Everything that waits and how many lines were dropped; none at the end.
    fn take(&self) -> Option<(VecDeque<Vec<u8>>, u64)> {
        let is_idle = |state: &mut State| state.lines.is_empty() && !state.is_ending;
        let mut state = self.changed.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        if state.lines.is_empty() {
            return None;
        }
        state.bytes = 0;
        Some((std::mem::take(&mut state.lines), std::mem::take(&mut state.dropped)))
    }
}

/// Where lines are put; each `write` is a line.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.bytes.saturating_add(line.len()) > BYTES_MAX {
            state.dropped += 1;
            self.0.count_dropped();
        } else {
            state.bytes += line.len();
            state.lines.push_back(line.to_vec());
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what waits when it is dropped, as far as somebody reads.
pub(crate) struct Guard(Arc<Shared>);

impl Guard {
    /// Lines that are dropped from now on are counted there too.
    pub(crate) fn count(&self, counter: Counter) {
        self.0.count.get_or_init(|| counter);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_ending = true;
        self.0.changed.notify_all();
        // Whoever does not read by then has lost the rest.
        drop(self.0.changed.wait_timeout_while(state, END_WAIT, |state| !state.has_ended));
    }
}

/// Starts a thread that writes lines to `to`; it calls `on_dropped` with how many were dropped once it writes again.
pub(super) fn start(
    mut to: impl Write + Send + 'static,
    on_dropped: impl Fn(u64) + Send + 'static,
) -> io::Result<(Lines, Guard)> {
    let shared = Arc::new(Shared::default());
    let own = Arc::clone(&shared);
    thread::Builder::new().name("log".to_owned()).spawn(move || {
        while let Some((lines, dropped)) = own.take() {
            for line in lines {
                // A log that nobody can have is no reason to stop.
                if !own.put(&mut to, &line) {
                    own.count_dropped();
                }
            }
            if dropped > 0 {
                on_dropped(dropped);
            }
        }
        drop(to.flush());
        own.lock().has_ended = true;
        own.changed.notify_all();
    })?;
    Ok((Lines(Arc::clone(&shared)), Guard(shared)))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// What the channels of a test hold: more than it sends.
    const LINES: usize = 64;

    /// Takes a line for each permit, and says which.
    struct Slow {
        permits: Receiver<()>,
        written: SyncSender<Vec<u8>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.permits.recv().map_err(io::Error::other)?;
            self.written.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_costs_lines_and_no_time() {
        let (permit, permits) = sync_channel(LINES);
        let (written, lines_written) = sync_channel(LINES);
        let (dropped, lines_dropped) = sync_channel(LINES);
        let on_dropped = move |lines| dropped.send(lines).expect("it is listened to");
        let (mut lines, guard) = start(Slow { permits, written }, on_dropped).expect("a thread");
        let counter = Counter::default();
        guard.count(counter.clone());
        let line = vec![b'x'; BYTES_MAX / 4];
        // The thread holds up to four lines that it cannot write, and four more wait.
        for _ in 0..20 {
            lines.write_all(&line).expect("it never fails");
        }
        for _ in 0..20 {
            permit.send(()).expect("the thread reads");
        }
        let said = lines_dropped.recv().expect("it is said");
        assert!((12..=16).contains(&said) && counter.get() == said, "{said}");
        drop(guard);
        assert_eq!(lines_written.try_iter().count() as u64 + said, 20);
    }

    /// A disk that is full at first, and takes a few bytes at a time.
    struct Full {
        failures: u32,
        written: SyncSender<u8>,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.failures > 0 {
                self.failures -= 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            bytes.iter().take(2).try_for_each(|byte| self.written.send(*byte)).map_err(io::Error::other)?;
            Ok(bytes.len().min(2))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_written_once_there_is_room() {
        let (written, bytes_written) = sync_channel(LINES);
        let (mut lines, guard) = start(Full { failures: 1, written }, |_| ()).expect("a thread");
        lines.write_all(b"one line\n").expect("it never fails");
        let whole: Vec<u8> = (0..9).map(|_| bytes_written.recv().expect("it is written")).collect();
        assert_eq!(whole, b"one line\n");
        drop(guard);
    }

    /// A pipe without a reader.
    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_reads_any_more_is_counted() {
        let counter = Counter::default();
        let (mut lines, guard) = start(Broken, |_| ()).expect("a thread");
        guard.count(counter.clone());
        lines.write_all(b"one").expect("it never fails");
        drop(guard);
        assert_eq!(counter.get(), 1);
    }

    #[test]
    fn the_end_writes_what_waits() {
        let (permit, permits) = sync_channel(LINES);
        let (written, lines_written) = sync_channel(LINES);
        let (mut lines, guard) = start(Slow { permits, written }, |_| ()).expect("a thread");
        for line in [b"one", b"two"] {
            lines.write_all(line).expect("it never fails");
            permit.send(()).expect("the thread reads");
        }
        drop(guard);
        assert_eq!(lines_written.try_iter().collect::<Vec<_>>(), [b"one", b"two"]);
    }
}
