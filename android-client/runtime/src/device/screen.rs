//! What a device has to write on its screen, and what is being written.

use std::collections::VecDeque;
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
    Removed { id: String, attempt: u32 },
}

/// Lines that wait, and those under way to the disk.
pub(super) struct ScreenQueue {
    device: u32,
    process: String,
    report_displayed: bool,
    waiting: VecDeque<Note>,
    under_way: VecDeque<Note>,
    answer: Option<oneshot::Receiver<io::Result<()>>>,
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
            retry_at_ms: None,
        }
    }

    pub(super) fn hand_over(&mut self, shown: HandOver) {
        self.waiting.push_back(Note::Handed(Box::new(shown)));
    }

    pub(super) fn remove(&mut self, id: String, attempt: u32) {
        self.waiting.push_back(Note::Removed { id, attempt });
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
        let lines: Vec<Line> = self.under_way.iter().flat_map(|note| self.lines(note, &time)).collect();
        self.answer = Some(screens.append(self.device, &lines));
    }

    /// A virtual phone's app is done with a notification as soon as it is on the screen: both lines reach the disk together.
    fn lines(&self, note: &Note, time: &str) -> Vec<Line> {
        let line = |id: &str, attempt, what| {
            let (id, process, time) = (id.to_owned(), self.process.clone(), time.to_owned());
            Line { id, attempt, process, time, what }
        };
        match note {
            Note::Handed(shown) if shown.is_update => vec![line(&shown.id, shown.attempt, What::Updated)],
            Note::Handed(shown) => {
                vec![line(&shown.id, shown.attempt, What::Handed), line(&shown.id, shown.attempt, What::Done)]
            }
            Note::Removed { id, attempt } => vec![line(id, *attempt, What::Removed)],
        }
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
                    events.push(if shown.is_update {
                        Event::Updated { id: shown.id, revision: shown.revision }
                    } else {
                        Event::Finished { id: shown.id, is_displayed: self.report_displayed }
                    });
                }
                Note::Removed { id, .. } => {
                    printer.print(&output::Line::removed(self.device, &id)).await;
                    events.push(Event::Removed { id });
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
