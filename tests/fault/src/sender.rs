//! Senders: each notification is posted under an `Idempotency-Key` until it is answered with a 2xx, one after the other, as a
//! back-end does that must not lose one. What is in the ledger is what was answered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use longwire_test_support::wait::{now, pause};
use longwire_test_support::{Client, Failure, Response, until};
use serde_json::{Value, json};

use crate::bench::clock;
use crate::ledger::Posted;
use crate::mix::{Kind, Mix, entered, shape};

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
    /// Starts the senders; `name` makes their keys their own. Of a mix all kinds are sent in turn, and `terms` say whom those are for that
    /// are for nobody else.
    #[must_use]
    pub fn begin(api: &Client, name: &str, terms: &Terms, mix: Option<&Mix>) -> Self {
        let met = Arc::new(Met::default());
        let start = |number: usize| {
            let (api, terms, mix, met) = (api.clone(), terms.clone(), mix.cloned(), Arc::clone(&met));
            let sender = format!("{name}-{number}");
            std::thread::spawn(move || {
                send(&api, &sender, &terms, mix.as_ref(), &met).inspect_err(|error| {
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

fn send(api: &Client, sender: &str, terms: &Terms, mix: Option<&Mix>, met: &Met) -> anyhow::Result<()> {
    for order in 0.. {
        let number = met.next.fetch_add(1, SeqCst);
        let to = terms.to.get(number % terms.to.len().max(1)).context("nobody to send to")?;
        if number >= terms.count || met.is_over.load(SeqCst) {
            return Ok(());
        }
        let (kind, other) = mix.map_or((Kind::Plain, None), |mix| mix.at(number));
        let to = other.as_ref().unwrap_or(to);
        let mut body = json!({ "to": to, "title": format!("{sender} {order}"), "body": "Bell", "lane": terms.lane });
        shape(kind, &mut body);
        let (to, lane, sender) = (to.clone(), terms.lane.to_owned(), sender.to_owned());
        let id = post(api, &format!("{sender}-{order}"), &body, met)?;
        let mut posted = entered(kind, Posted { id, to, lane, sender, order, ..Posted::default() })?;
        if kind == Kind::Recalled {
            posted.recalled_at = Some(recall(api, &posted.id, met)?);
        }
        met.posted.lock().unwrap_or_else(PoisonError::into_inner).push(posted);
        pause(terms.between);
    }
    Ok(())
}

/// Posts one notification until a 2xx answers; gives its id.
fn post(api: &Client, key: &str, body: &Value, met: &Met) -> anyhow::Result<String> {
    let mut took = Duration::ZERO;
    let answer = persist(key, met, || {
        let began = now();
        let answer = api.notify_once(key, body);
        took = began.elapsed();
        answer
    })?;
    let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    met.answered_ms.lock().unwrap_or_else(PoisonError::into_inner).push(took);
    Ok(answer.field("id"))
}

/// Recalls one until a 2xx answers; gives when it did.
fn recall(api: &Client, id: &str, met: &Met) -> anyhow::Result<i64> {
    persist(&format!("the recall of {id}"), met, || api.delete(&format!("/v1/notifications/{id}")))?;
    Ok(clock().as_millis())
}

/// Asks until a 2xx answers.
fn persist(what: &str, met: &Met, mut ask: impl FnMut() -> Result<Response, Failure>) -> anyhow::Result<Response> {
    let deadline = now() + PATIENCE;
    while now() < deadline {
        match ask() {
            Ok(answer) if answer.status / 100 == 2 => return Ok(answer),
            Ok(answer) if answer.status == 503 => {
                ensure!(answer.header("retry-after").is_some(), "a 503 without Retry-After: {}", answer.text());
                met.refused.fetch_add(1, SeqCst);
            }
            Ok(answer) => bail!("{what} was refused: {} {}", answer.status, answer.text()),
            Err(Failure::NotConnected(..)) => {}
            Err(Failure::Unanswered(_) | Failure::Malformed(_)) => {
                met.unanswered.fetch_add(1, SeqCst);
            }
        }
        pause(BEFORE_REPEATING);
    }
    bail!("{what} was never answered with a 2xx")
}
