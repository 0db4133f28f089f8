//! Senders: each notification is posted under an `Idempotency-Key` until it is answered with a 2xx, one after the other, as a
//! back-end does that must not lose one. What is in the ledger is what was answered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use longwire_test_support::wait::{now, pause};
use longwire_test_support::{Client, Failure, until};
use serde_json::json;

use crate::ledger::Posted;

/// Before an unanswered or refused post is repeated.
const BEFORE_REPEATING: Duration = Duration::from_millis(25);
/// So long one notification is repeated.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is sent, and how.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Whom each is for, in turn.
    pub to: Vec<String>,
    /// How many in all.
    pub count: usize,
    /// Senders at once.
    pub senders: usize,
    /// Between two posts of one sender.
    pub between: Duration,
    /// The lane.
    pub lane: &'static str,
}

impl Default for Terms {
    fn default() -> Self {
        let between = Duration::from_millis(5);
        Self { to: vec!["all".to_owned()], count: 20, senders: 2, between, lane: "normal" }
    }
}

/// What the senders met with.
#[derive(Debug, Default)]
struct Met {
    next: AtomicUsize,
    refused: AtomicUsize,
    unanswered: AtomicUsize,
    is_over: AtomicBool,
    failure: Mutex<Option<String>>,
    posted: Mutex<Vec<Posted>>,
    answered_ms: Mutex<Vec<u64>>,
}

/// Senders at work.
#[derive(Debug)]
pub struct Sending {
    met: Arc<Met>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Sending {
    /// Starts the senders; `name` makes their keys their own.
    #[must_use]
    pub fn begin(api: &Client, name: &str, terms: &Terms) -> Self {
        let met = Arc::new(Met::default());
        let start = |number: usize| {
            let (api, terms, met) = (api.clone(), terms.clone(), Arc::clone(&met));
            let sender = format!("{name}-{number}");
            std::thread::spawn(move || {
                send(&api, &sender, &terms, &met).inspect_err(|error| {
                    let mut failure = met.failure.lock().unwrap_or_else(PoisonError::into_inner);
                    failure.get_or_insert_with(|| format!("{error:#}"));
                })
            })
        };
        let threads = (0..terms.senders).map(start).collect();
        Self { met, threads }
    }

    /// How many were answered with a 2xx so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.met.posted.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What was answered with a 2xx so far.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        self.met.posted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many posts were refused with 503, and how many were not answered.
    #[must_use]
    pub fn met(&self) -> (usize, usize) {
        (self.met.refused.load(SeqCst), self.met.unanswered.load(SeqCst))
    }

    /// Waits until that many are accepted.
    ///
    /// # Errors
    /// They are not in time, or a sender has failed.
    pub fn wait_for(&self, count: usize) -> anyhow::Result<()> {
        let failure = || self.met.failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        until(&format!("{count} accepted notifications"), PATIENCE, || {
            (self.accepted() >= count || failure().is_some()).then_some(())
        })?;
        ensure!(self.accepted() >= count, "a sender failed: {}", failure().unwrap_or_default());
        Ok(())
    }

    /// Begins nothing new; what is under way is repeated until it is answered.
    pub fn stop(&self) {
        self.met.is_over.store(true, SeqCst);
    }

    /// Waits for the senders; gives what was accepted, in the order of the answers, and how long each answer took in milliseconds,
    /// sorted.
    ///
    /// # Errors
    /// A sender was refused with anything but a 503, or was never answered.
    pub fn finish(self) -> anyhow::Result<(Vec<Posted>, Vec<u64>)> {
        for thread in self.threads {
            thread.join().ok().context("a sender panicked")??;
        }
        let posted = std::mem::take(&mut *self.met.posted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut times = std::mem::take(&mut *self.met.answered_ms.lock().unwrap_or_else(PoisonError::into_inner));
        times.sort_unstable();
        Ok((posted, times))
    }
}

fn send(api: &Client, sender: &str, terms: &Terms, met: &Met) -> anyhow::Result<()> {
    for order in 0.. {
        let number = met.next.fetch_add(1, SeqCst);
        let to = terms.to.get(number % terms.to.len().max(1)).context("nobody to send to")?;
        if number >= terms.count || met.is_over.load(SeqCst) {
            return Ok(());
        }
        let id = post(api, sender, order, to, terms.lane, met)?;
        let posted = Posted {
            id,
            to: to.clone(),
            lane: terms.lane.to_owned(),
            sender: sender.to_owned(),
            order,
            ..Posted::default()
        };
        met.posted.lock().unwrap_or_else(PoisonError::into_inner).push(posted);
        pause(terms.between);
    }
    Ok(())
}

/// Posts one notification until a 2xx answers.
fn post(api: &Client, sender: &str, order: usize, to: &str, lane: &str, met: &Met) -> anyhow::Result<String> {
    let body = json!({ "to": to, "title": format!("{sender} {order}"), "body": "Bell", "lane": lane });
    let deadline = now() + PATIENCE;
    while now() < deadline {
        let began = now();
        match api.notify_once(&format!("{sender}-{order}"), &body) {
            Ok(answer) if answer.status == 202 => {
                let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                met.answered_ms.lock().unwrap_or_else(PoisonError::into_inner).push(took);
                return Ok(answer.field("id"));
            }
            Ok(answer) if answer.status == 503 => {
                ensure!(answer.header("retry-after").is_some(), "a 503 without Retry-After: {}", answer.text());
                met.refused.fetch_add(1, SeqCst);
            }
            Ok(answer) => bail!("{sender} {order} was refused: {} {}", answer.status, answer.text()),
            Err(Failure::NotConnected(..)) => {}
            Err(Failure::Unanswered(_) | Failure::Malformed(_)) => {
                met.unanswered.fetch_add(1, SeqCst);
            }
        }
        pause(BEFORE_REPEATING);
    }
    bail!("{sender} {order} was never answered with a 2xx")
}
