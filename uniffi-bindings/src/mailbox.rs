//! What the driver's thread is still to be told, by whoever calls; never waits, so that a callback may call too.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use longwire_client::{Event, Reply};
use longwire_protocol::push::Request;
use tokio::sync::{Notify, oneshot};

use crate::PushError;

/// Letters that wait; what an app has under way at a time is far less.
const LETTERS_MAX: usize = 4_096;

/// Something for the driver's thread.
#[derive(Debug)]
pub(crate) enum Letter {
    /// Tell the machine.
    Event(Event),
    /// Tell the machine, and answer when what follows is on disk.
    Durable(Event, oneshot::Sender<Result<(), PushError>>),
    /// Ask the server.
    Request(Request, oneshot::Sender<Result<Reply, PushError>>),
    /// The alarm rang; answer when what it was for is settled.
    Alarm(oneshot::Sender<()>),
    /// End politely.
    Stop,
}

#[derive(Debug, Default)]
struct Letters {
    waiting: VecDeque<Letter>,
    /// The end is under way: who wants to go on needs another driver.
    is_ending: bool,
    is_closed: bool,
}

/// The letters of one driver.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    letters: Mutex<Letters>,
    bell: Notify,
}

impl Mailbox {
    /// Puts a letter in; it comes back when nobody will read it, or when too many wait.
    pub(crate) fn post(&self, letter: Letter) -> Result<(), Letter> {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stop = matches!(letter, Letter::Stop);
        let is_late = letters.is_ending && matches!(letter, Letter::Event(Event::Start));
        if letters.is_closed || is_late || (letters.waiting.len() >= LETTERS_MAX && !is_stop) {
            return Err(letter);
        }
        letters.is_ending |= is_stop;
        letters.waiting.push_back(letter);
        self.bell.notify_one();
        Ok(())
    }

    /// The next letter. Dropped at any time it loses none.
    pub(crate) async fn next(&self) -> Letter {
        loop {
            if let Some(letter) = self.take() {
                return letter;
            }
            self.bell.notified().await;
        }
    }

    /// Waits until somebody wants the end; the letter stays.
    pub(crate) async fn is_to_stop(&self) {
        loop {
            if self.has_stop() {
                return;
            }
            self.bell.notified().await;
        }
    }

    fn has_stop(&self) -> bool {
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.waiting.iter().any(|letter| matches!(letter, Letter::Stop))
    }

    fn take(&self) -> Option<Letter> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).waiting.pop_front()
    }

    /// Nobody reads any more: what was not read.
    pub(crate) fn close(&self) -> VecDeque<Letter> {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.is_closed = true;
        std::mem::take(&mut letters.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_its_limit_it_takes_no_more_but_the_stop_and_closed_none_at_all() {
        let mailbox = Mailbox::default();
        for _ in 0..LETTERS_MAX {
            assert!(mailbox.post(Letter::Event(Event::Start)).is_ok());
        }
        assert!(mailbox.post(Letter::Event(Event::Start)).is_err());
        assert!(mailbox.post(Letter::Stop).is_ok());
        assert_eq!(mailbox.close().len(), LETTERS_MAX + 1);
        assert!(mailbox.post(Letter::Stop).is_err());
    }

    #[test]
    fn after_a_stop_it_takes_what_happened_but_no_start() {
        let mailbox = Mailbox::default();
        assert!(mailbox.post(Letter::Stop).is_ok() && mailbox.take().is_some());
        assert!(mailbox.post(Letter::Event(Event::Start)).is_err());
        assert!(mailbox.post(Letter::Event(Event::Finished { id: "n".to_owned(), is_displayed: false })).is_ok());
    }
}
