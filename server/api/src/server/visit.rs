//! The stay of one connection: what became of its requests, and when it is let go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::places::Place;
use super::{HEAD_TIME_MAX, IDLE_TIME_MAX, Talk};

/// How long a stranger's connection may be idle after a refusal: long enough to try again by it.
const REFUSED_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a known one may be: over HTTP/2, where nothing else ends it, and while it does not read an answer.
const KNOWN_TIME_MAX: Duration = Duration::from_secs(300);

/// A connection that was accepted.
pub(super) struct Visit {
    pub(super) place: Place,
    pub(super) talk: Arc<Talk>,
    /// One of its requests has shown that who is behind it may be here.
    pub(super) is_known: Arc<AtomicBool>,
    silence: Mutex<Silence>,
    /// Its end comes before the moment that is waited for.
    sooner: Notify,
}

/// How long a connection may say nothing. Requests only note it: whoever waits looks at it when its moment has come, and sets no timer
/// for each of them.
#[derive(Debug, Default)]
struct Silence {
    /// None while a request is worked on.
    until: Option<Instant>,
    /// What the end is waited for by now; none is a word of another end.
    waits_until: Option<Instant>,
}

/// A request of it that is worked on.
pub(super) struct Asked {
    visit: Arc<Visit>,
    was_refused: bool,
    /// There is no room for its work, or its connection has made room for another just before it came: what is not begun is not lost.
    pub(super) is_crowded: bool,
}

impl Visit {
    pub(super) fn new(place: Place) -> Arc<Self> {
        let visit = Self {
            place,
            talk: Talk::new(),
            is_known: Arc::default(),
            silence: Mutex::default(),
            sooner: Notify::new(),
        };
        visit.awaits(HEAD_TIME_MAX);
        Arc::new(visit)
    }

    /// It has this long for what it has to say next.
    pub(super) fn awaits(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        let mut silence = self.silence();
        silence.until = Some(until);
        if silence.waits_until.is_none_or(|waits_until| until < waits_until) {
            self.sooner.notify_one();
        }
    }

    /// Every change of it is one assignment.
    fn silence(&self) -> MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when is to be waited before its silence is looked at again.
    fn wait(&self) -> Option<Instant> {
        let mut silence = self.silence();
        silence.waits_until = silence.until;
        silence.until
    }

    /// Waits until it is let go; gives why.
    pub(super) async fn end(&self) -> &'static str {
        loop {
            let until = self.wait();
            if until.is_some_and(|until| until <= Instant::now()) {
                return "said nothing for too long";
            }
            let over = async {
                match until {
                    Some(until) => tokio::select! {
                        () = self.sooner.notified() => {}
                        () = sleep_until(until) => {}
                    },
                    None => self.sooner.notified().await,
                }
            };
            tokio::select! {
                () = self.place.is_let_go() => return "made room for another",
                () = over => {}
            }
        }
    }

    /// A request has begun.
    pub(super) fn begin(self: &Arc<Self>) -> Asked {
        let has_place = self.place.begin();
        self.silence().until = None;
        Asked { visit: Arc::clone(self), was_refused: true, is_crowded: !has_place || self.place.is_reserved() }
    }
}

impl Asked {
    /// It was answered.
    pub(super) fn answered(mut self, was_refused: bool) {
        self.was_refused = was_refused;
    }
}

/// Also when its client takes it back.
impl Drop for Asked {
    fn drop(&mut self) {
        let visit = &self.visit;
        visit.talk.was_refused.store(self.was_refused, Ordering::Relaxed);
        let is_known = visit.is_known.load(Ordering::Relaxed);
        if visit.place.end(is_known) {
            visit.awaits(match (is_known, self.was_refused) {
                (true, _) => KNOWN_TIME_MAX,
                (false, true) => REFUSED_TIME_MAX,
                (false, false) => IDLE_TIME_MAX,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::time::timeout;

    use super::super::places::{Limits, Places};
    use super::*;

    fn visit() -> Arc<Visit> {
        let places = Places::new(Limits { all: 9, reserved: 0, of_one: 9, strange_of_one: 9 });
        Visit::new(places.take(Some([192, 0, 2, 1].into())).expect("a place"))
    }

    /// Seconds after which it is let go; none when it stays for an hour.
    async fn stays_s(visit: &Visit) -> Option<u64> {
        let began = Instant::now();
        timeout(Duration::from_secs(3_600), visit.end()).await.ok().map(|_| began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_stays_for_a_moment_after_a_refusal_and_longer_after_an_answer() {
        let visit = visit();
        assert_eq!(stays_s(&visit).await, Some(10), "no request");
        visit.begin().answered(true);
        assert_eq!(stays_s(&visit).await, Some(5), "a refusal");
        drop(visit.begin());
        assert_eq!(stays_s(&visit).await, Some(5), "one that was taken back");
        visit.begin().answered(false);
        assert_eq!(stays_s(&visit).await, Some(75), "an answer");
        let asked = visit.begin();
        visit.begin().answered(true);
        assert_eq!(stays_s(&visit).await, None, "another request is worked on");
        asked.answered(true);
        assert_eq!(stays_s(&visit).await, Some(5));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_shown_a_key_stays() {
        let visit = visit();
        let asked = visit.begin();
        visit.is_known.store(true, Ordering::Relaxed);
        asked.answered(true);
        assert_eq!(stays_s(&visit).await, Some(300), "also where nothing but this ends it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_comes_as_the_time_is_over_is_worked_on() {
        // Which of two that are ready is taken could be chance.
        for _ in 0..32 {
            let visit = visit();
            let mut end = pin!(visit.end());
            assert!(timeout(Duration::ZERO, &mut end).await.is_err());
            tokio::time::advance(HEAD_TIME_MAX).await;
            let _asked = visit.begin();
            assert!(timeout(Duration::ZERO, &mut end).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_request_on_a_connection_that_has_made_room_is_no_work() {
        let places = Places::new(Limits { all: 1, reserved: 0, of_one: 9, strange_of_one: 9 });
        let take = || Visit::new(places.take(Some([192, 0, 2, 1].into())).expect("a place"));
        let first = take();
        assert!(!first.begin().is_crowded);
        let second = take();
        assert!(first.begin().is_crowded && !second.begin().is_crowded);
        assert_eq!(first.end().await, "made room for another");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_ends_the_patience_with_those_before_it() {
        let visit = visit();
        let ending = Arc::clone(&visit);
        let end = tokio::spawn(async move { ending.end().await });
        tokio::time::sleep(Duration::from_secs(9)).await;
        let asked = visit.begin();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!end.is_finished());
        asked.answered(true);
        assert_eq!(end.await.expect("no panic"), "said nothing for too long");
    }
}
