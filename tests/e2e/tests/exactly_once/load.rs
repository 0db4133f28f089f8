//! The senders: each notification is posted under an `Idempotency-Key` until it is answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use longwire_e2e::{Accepted, Ledger};
use longwire_test_support::wait::pause;
use longwire_test_support::{Client, Failure, until};
use serde_json::{Value, json};

const SENDERS: usize = 8;
/// Between two posts of one sender.
const BETWEEN: Duration = Duration::from_millis(8);
/// Before an unanswered or refused post is repeated.
const BEFORE_REPEATING: Duration = Duration::from_millis(25);

pub(crate) struct Load {
    api: Client,
    seed: u64,
    plan: Vec<String>,
    next: AtomicUsize,
    allowed: AtomicUsize,
    in_flight: AtomicUsize,
    kill: AtomicUsize,
    unanswered: Mutex<(usize, BTreeSet<usize>)>,
    accepted: Mutex<Vec<Accepted>>,
    senders: Mutex<Vec<JoinHandle<anyhow::Result<()>>>>,
}

impl Load {
    /// Starts the senders; nothing is posted before it is allowed.
    pub(crate) fn begin(api: &Client, seed: u64, plan: Vec<String>) -> Arc<Self> {
        let load = Arc::new(Self {
            api: api.clone(),
            seed,
            plan,
            next: AtomicUsize::new(0),
            allowed: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            kill: AtomicUsize::new(0),
            unanswered: Mutex::default(),
            accepted: Mutex::default(),
            senders: Mutex::default(),
        });
        let start = |_| {
            let load = Arc::clone(&load);
            std::thread::spawn(move || load.send())
        };
        let senders = (0..SENDERS).map(start).collect();
        *load.senders.lock().unwrap_or_else(PoisonError::into_inner) = senders;
        load
    }

    /// Allows the first `count` notifications of the plan to be posted.
    pub(crate) fn allow(&self, count: usize) {
        self.allowed.fetch_max(count.min(self.plan.len()), SeqCst);
    }

    /// How many posts are unanswered at this moment.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(SeqCst)
    }

    /// The server was killed: later posts belong to its next life.
    pub(crate) fn count_kill(&self) {
        self.kill.fetch_add(1, SeqCst);
    }

    /// Whether a post that began before the kill of this number was never answered.
    pub(crate) fn was_unanswered(&self, kill: usize) -> bool {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).1.contains(&kill)
    }

    /// How many posts were not answered and repeated.
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits until that many are accepted.
    pub(crate) fn wait_for_accepted(&self, count: usize) -> anyhow::Result<()> {
        until(&format!("{count} accepted notifications"), Duration::from_secs(60), || {
            let accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner).len();
            (accepted >= count || self.has_failed()).then_some(())
        })?;
        ensure!(!self.has_failed(), "a sender failed; the end tells why");
        Ok(())
    }

    fn has_failed(&self) -> bool {
        let senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        senders.iter().any(JoinHandle::is_finished) && self.next.load(SeqCst) < self.plan.len()
    }

    /// Waits for the senders; gives what was accepted.
    pub(crate) fn finish(&self) -> anyhow::Result<Vec<Accepted>> {
        let senders = std::mem::take(&mut *self.senders.lock().unwrap_or_else(PoisonError::into_inner));
        for sender in senders {
            sender.join().ok().context("a sender panicked")??;
        }
        Ok(std::mem::take(&mut *self.accepted.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn send(&self) -> anyhow::Result<()> {
        loop {
            let number = self.next.fetch_add(1, SeqCst);
            let Some(to) = self.plan.get(number) else { return Ok(()) };
            until("leave to go on", Duration::from_secs(120), || (number < self.allowed.load(SeqCst)).then_some(()))?;
            let id = self.post(number, to)?;
            let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
            accepted.push(Accepted { id, to: to.clone() });
            drop(accepted);
            pause(BETWEEN);
        }
    }

    /// Posts one notification until a 2xx answers.
    fn post(&self, number: usize, to: &str) -> anyhow::Result<String> {
        let key = format!("exactly-once-{}-{number}", self.seed);
        let body = json!({ "to": to, "title": format!("Number {number}"), "body": "Bell" });
        for _ in 0..2_000 {
            let kill = self.kill.load(SeqCst);
            self.in_flight.fetch_add(1, SeqCst);
            let answer = self.api.notify_once(&key, &body);
            self.in_flight.fetch_sub(1, SeqCst);
            match answer {
                Ok(answer) if answer.status == 202 => return Ok(answer.field("id")),
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => bail!("notification {number} was refused: {} {}", answer.status, answer.text()),
                Err(Failure::NotConnected(..)) => {}
                Err(Failure::Unanswered(_) | Failure::Malformed(_)) => {
                    let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
                    unanswered.0 += 1;
                    unanswered.1.insert(kill);
                }
            }
            pause(BEFORE_REPEATING);
        }
        bail!("notification {number} was never answered")
    }
}

/// What the API says of each accepted notification: state by device, and counts that must agree with it.
pub(crate) fn statuses(api: &Client, ledger: &Ledger) -> anyhow::Result<BTreeMap<String, BTreeMap<String, String>>> {
    let ids: Vec<&str> = ledger.accepted().iter().map(|accepted| accepted.id.as_str()).collect();
    let chunk = ids.len().div_ceil(4).max(1);
    std::thread::scope(|scope| {
        let read = |part: &[&str]| -> anyhow::Result<BTreeMap<String, BTreeMap<String, String>>> {
            part.iter().map(|&id| Ok((id.to_owned(), status(api, id)?))).collect()
        };
        let readers: Vec<_> = ids.chunks(chunk).map(|part| scope.spawn(move || read(part))).collect();
        let mut told = BTreeMap::new();
        for reader in readers {
            told.extend(reader.join().ok().context("a reader panicked")??);
        }
        Ok(told)
    })
}

/// State by device of one notification, from `/deliveries`; an error when the counts of the notification itself differ.
fn status(api: &Client, id: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut states = BTreeMap::new();
    let mut page = format!("/v1/notifications/{id}/deliveries?limit=1000");
    loop {
        let answer = api.get(&page)?;
        ensure!(answer.status == 200, "deliveries of {id}: {} {}", answer.status, answer.text());
        let answer = answer.json();
        for item in answer.get("items").and_then(Value::as_array).into_iter().flatten() {
            let field = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            ensure!(states.insert(field("device"), field("state")).is_none(), "{id}: a device is told of twice");
        }
        match answer.get("next").and_then(Value::as_str) {
            Some(next) => page = format!("/v1/notifications/{id}/deliveries?limit=1000&cursor={next}"),
            None => break,
        }
    }
    let record = api.get(&format!("/v1/notifications/{id}"))?.json();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for state in states.values() {
        *counts.entry(state.clone()).or_default() += 1;
    }
    let told = record.get("counts").cloned().unwrap_or_default();
    ensure!(told == json!(counts), "{id}: counts {told} differ from the deliveries {counts:?}");
    Ok(states)
}
