//! What a device has to write on its screen, and what is being written.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::io;

use longwire_client::{Event, HandOver};
use longwire_protocol::DateTime;
use tokio::sync::oneshot;

use super::Shared;
use crate::output::{self, Printer};
use crate::rim::wall_clock_ms;
use crate::screen::{Line, Screens, What};

/// The pause after a screen could not be written.
const RETRY_MS: u64 = 1_000;

/// One line to come.
enum Note {
    Handed(Box<HandOver>),
    Done(String),
    Removed(String),
}

/// Lines that wait, and those under way to the disk.
pub(super) struct ScreenQueue {
    device: u32,
    process: String,
    report_displayed: bool,
    waiting: VecDeque<Note>,
    under_way: VecDeque<Note>,
    answer: Option<oneshot::Receiver<io::Result<()>>>,
    attempts: HashMap<String, u32>,
    retry_at_ms: Option<u64>,
}

impl ScreenQueue {
    pub(super) fn new(device: u32, shared: &Shared) -> Self {
        Self {
            device,
            process: shared.process.clone(),
            report_displayed: shared.options.behaviour.report_displayed,
            waiting: VecDeque::new(),
            under_way: VecDeque::new(),
            answer: None,
            attempts: HashMap::new(),
            retry_at_ms: None,
        }
    }

    pub(super) fn hand_over(&mut self, shown: HandOver) {
        let (id, is_once) = (shown.id.clone(), shown.is_once);
        self.waiting.push_back(Note::Handed(Box::new(shown)));
        if is_once {
            self.waiting.push_back(Note::Done(id)); // it is done already
        }
    }

    pub(super) fn finish(&mut self, id: String) {
        self.waiting.push_back(Note::Done(id));
    }

    pub(super) fn remove(&mut self, id: String) {
        self.waiting.push_back(Note::Removed(id));
    }

    pub(super) fn is_busy(&self) -> bool {
        self.answer.is_some() || !self.waiting.is_empty()
    }

    pub(super) const fn retry_at_ms(&self) -> Option<u64> {
        self.retry_at_ms
    }

    /// Sends what waits to the disk, unless something is on its way.
    pub(super) fn flush(&mut self, screens: &Screens) {
        if self.answer.is_some() || self.retry_at_ms.is_some() || self.waiting.is_empty() {
            return;
        }
        self.under_way = std::mem::take(&mut self.waiting);
        let time = DateTime(wall_clock_ms()).to_string();
        let notes = std::mem::take(&mut self.under_way);
        let lines: Vec<Line> = notes.iter().map(|note| self.line(note, &time)).collect();
        self.under_way = notes;
        self.answer = Some(screens.append(self.device, &lines));
    }

    fn line(&mut self, note: &Note, time: &str) -> Line {
        let (id, attempt, what) = match note {
            Note::Handed(shown) => {
                self.attempts.insert(shown.id.clone(), shown.attempt);
                (&shown.id, shown.attempt, if shown.is_update { What::Updated } else { What::Handed })
            }
            Note::Done(id) => (id, self.attempts.get(id).copied().unwrap_or_default(), What::Done),
            Note::Removed(id) => (id, self.attempts.get(id).copied().unwrap_or_default(), What::Removed),
        };
        Line { id: id.clone(), attempt, process: self.process.clone(), time: time.to_owned(), what }
    }

    /// Ends when the lines under way are on disk, or could not be written.
    pub(super) async fn shown(&mut self) -> io::Result<()> {
        let Some(answer) = &mut self.answer else { return pending().await };
        let shown = answer.await.unwrap_or_else(|_| Err(io::Error::other("the screen's writer is gone")));
        self.answer = None;
        shown
    }

    /// The lines under way are on disk: prints them, and tells what the machine is to learn.
    pub(super) async fn synced(&mut self, printer: &Printer) -> Vec<Event> {
        let mut events = Vec::new();
        for note in std::mem::take(&mut self.under_way) {
            match note {
                Note::Handed(shown) => {
                    printer.print(&output::Line::notification(self.device, &shown)).await;
                    if self.report_displayed && !shown.is_update {
                        events.push(Event::Displayed { id: shown.id.clone() });
                    }
                    if !shown.is_update && !shown.is_once {
                        events.push(Event::Finished { id: shown.id });
                    }
                }
                Note::Done(id) => {
                    self.attempts.remove(&id);
                }
                Note::Removed(id) => {
                    self.attempts.remove(&id);
                    printer.print(&output::Line::removed(self.device, &id)).await;
                }
            }
        }
        events
    }

    /// The lines under way could not be written: they come first when it is tried again.
    pub(super) fn try_again(&mut self, now_ms: u64) {
        let later = std::mem::take(&mut self.waiting);
        self.waiting = std::mem::take(&mut self.under_way);
        self.waiting.extend(later);
        self.retry_at_ms = Some(now_ms + RETRY_MS);
    }

    pub(super) fn retry(&mut self, now_ms: u64) {
        if self.retry_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            self.retry_at_ms = None;
        }
    }
}
