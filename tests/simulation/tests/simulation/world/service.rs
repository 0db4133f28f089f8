//! What operators, apps and memory do to a world: accounts that are kept out, requests of devices, shortage of
//! memory, a store that fails for good or is lost.

use std::collections::BTreeMap;

use longwire_client::{Event, Refusal, Reply, Request};
use longwire_core::pressure::Level;
use longwire_model::{DeviceId, Seq};

use super::{Happening, World};
use crate::Mutation;
use crate::disk::Outage;
use crate::phone::Phone;
use crate::server::key;
use crate::tally::{Fault, Traffic};

/// How soon a process whose store has failed for good has ended.
const END_MS: u64 = 500;
/// So long after that it must not go on.
const GOES_ON_MS: u64 = 10_000;
/// How soon another process begins.
const BEGIN_MS: u64 = 2_000;

/// How short memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// Who comes is told to come later.
    High,
    /// Who comes is turned away.
    Full,
}

/// A request that awaits its answer.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    request: Request,
    device: Option<DeviceId>,
    at_ms: u64,
}

/// What a device has asked for, and what it was answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    pub(crate) waiting: BTreeMap<u64, Asked>,
    pub(crate) answers: Vec<(u64, Result<Reply, Refusal>)>,
    last: u64,
}

impl Requests {
    /// What a dead process has asked for, nobody answers.
    pub(crate) fn after_death(&self) -> Self {
        Self { last: self.last, ..Self::default() }
    }
}

impl World {
    /// The app on a phone asks the server for something.
    pub(crate) fn ask_phone(&mut self, phone: usize, request: Request) {
        if self.phones[phone].machine.is_none() || self.phones[phone].is_gone {
            return;
        }
        self.note(|| format!("the app on phone {phone} asks: {request:?}"));
        let own = &mut self.phones[phone];
        own.requests.last += 1;
        let (number, device) = (own.requests.last, own.device());
        let asked = Asked { request: request.clone(), device, at_ms: self.now_ms };
        own.requests.waiting.insert(number, asked);
        let wishes = own.event(Event::Request { number, request }, self.now_ms);
        self.grant(phone, wishes);
    }

    /// Holds what a device was answered against the log.
    pub(super) fn hear_answers(&mut self, phone: usize) {
        for (number, answer) in std::mem::take(&mut self.phones[phone].requests.answers) {
            let Some(asked) = self.phones[phone].requests.waiting.remove(&number) else {
                self.faults.push(format!("request {number} of phone {phone} was answered twice"));
                continue;
            };
            let Ok(reply) = answer else {
                self.tally.traffic(Traffic::RequestRefused);
                continue;
            };
            self.book.follow(&self.disk);
            self.tally.traffic(match asked.request {
                Request::Login(_) | Request::Logout => Traffic::OwnUser,
                Request::Join(_) | Request::Leave(_) => Traffic::OwnTopicOrTag,
                Request::Memberships => Traffic::Memberships,
            });
            let own = &self.phones[phone];
            let Some(device) = own.device().filter(|device| asked.device == Some(*device)) else { continue };
            // What a restored copy has forgotten, the log cannot tell.
            if self.book.since_ms > asked.at_ms || !self.is_so(device, &asked, &reply) {
                if self.book.since_ms <= asked.at_ms {
                    let name = &own.name;
                    self.faults.push(format!("{name} was told {reply:?} of {:?}, and it never was so", asked.request));
                }
                continue;
            }
        }
    }

    /// Whether the log has been at what the answer says, at any position since it was asked for.
    fn is_so(&self, device: DeviceId, asked: &Asked, reply: &Reply) -> bool {
        let (first, last) = (self.book.position(asked.at_ms.saturating_sub(1)), self.book.last());
        let changes = self.book.changes(device).iter().copied().filter(|at| *at > first && *at <= last);
        let mut positions = [first].into_iter().chain(changes);
        let user = |at: Seq| self.book.open(device, at).into_iter().find(|key| key.starts_with("user:"));
        positions.any(|at| match (&asked.request, reply) {
            (Request::Join(name), Reply::Done) => self.book.holds(device, &key(name), at),
            (Request::Leave(name), Reply::Done) => !self.book.holds(device, &key(name), at),
            (Request::Logout, Reply::Done) => user(at).is_none(),
            (Request::Login(_), Reply::User(name)) => user(at).is_some_and(|own| own["user:".len()..] == **name),
            (Request::Memberships, Reply::Memberships(told)) => *told == self.book.open(device, at),
            (_, Reply::Done | Reply::User(_) | Reply::Memberships(_)) => false,
        })
    }

    /// From the answer on nobody is in this account.
    pub(crate) fn disable(&mut self, name: String) {
        self.disabled.insert(name.clone());
        self.ever_disabled.insert(name.clone());
        if let Some(server) = &mut self.server {
            server.await_bar(&name);
            server.set_disabled(name, true);
        }
    }

    pub(crate) fn admit(&mut self, name: String) {
        self.barred.remove(&name);
        if let Some(server) = &mut self.server {
            self.disabled.remove(&name);
            server.unbar(&name);
            server.set_disabled(name, false);
        }
    }

    /// From the answer on nobody is in this account: no phone learns its new password.
    pub(crate) fn change_password(&mut self, name: String) {
        if let Some(server) = &mut self.server {
            server.await_bar(&name);
            server.change_password(name);
        }
    }

    /// Who was kept out is let in again; asked for until it is done.
    pub(super) fn admit_all(&mut self) {
        let names: Vec<String> = self.ever_disabled.iter().cloned().collect();
        for name in names {
            self.admit(name);
        }
    }

    /// Memory is short for a while.
    pub(crate) fn shorten(&mut self, level: Shortage, for_ms: u64) {
        self.has_shed = false;
        let Some(server) = &self.server else { return };
        server.core.pressure.set(match level {
            Shortage::High => Level::High,
            Shortage::Full => Level::Full,
        });
        if self.mutation != Some(Mutation::ShortageForever) {
            self.after(for_ms, Happening::Room);
        }
    }

    /// There is room again.
    pub(super) fn room(&self) {
        if let Some(server) = &self.server {
            server.core.pressure.set(Level::Calm);
        }
    }

    /// Whether a connection is turned away, as the listener does: with a word, or without.
    pub(super) fn shed(&mut self, phone: usize) -> Option<Shortage> {
        let level = match self.server.as_ref()?.core.pressure.level() {
            Level::Calm => return None,
            Level::High => Shortage::High,
            Level::Full => Shortage::Full,
        };
        self.has_shed = true;
        self.count(if level == Shortage::High { Fault::ToldToComeLater } else { Fault::TurnedAway }, Some(phone));
        Some(level)
    }

    /// A process ends when its store has failed for good.
    pub(super) fn notice_failure(&mut self) {
        self.watch_failure();
        let has_failed = self.server.as_ref().is_some_and(|server| server.core.failure().is_some());
        if has_failed && !self.is_ending && self.mutation != Some(Mutation::FailurePassedOver) {
            self.is_ending = true;
            self.server_trouble();
            self.after(END_MS, Happening::Failed(self.starts));
        }
    }

    /// No process goes on for long whose store has failed for good.
    fn watch_failure(&mut self) {
        if self.server.is_none() || !self.disk.has_failed() {
            return self.failed_ms = None;
        }
        let since_ms = *self.failed_ms.get_or_insert(self.now_ms);
        if self.now_ms > since_ms.saturating_add(GOES_ON_MS) {
            self.failed_ms = Some(u64::MAX);
            self.faults.push(format!("the store has failed for good at {since_ms}, and its process goes on"));
        }
    }

    pub(super) fn failed(&mut self, start: u64) {
        self.is_ending = false;
        if start == self.starts && self.server.is_some() {
            self.note(|| "the server ends: its store has failed".into());
            self.crash_server(false);
            self.start_server_after(BEGIN_MS);
        }
    }

    /// From the next write on the server's store answers this process nothing.
    pub(crate) fn fail_store(&mut self) {
        self.outages += 1;
        self.disk.set_outage(Some(Outage::ForGood));
        self.server_trouble();
    }

    /// An empty store takes the place of the server's; the server is down.
    pub(crate) fn lose_store(&mut self) {
        self.copies.clear();
        let blank = self.disk.blank();
        self.copies.push(blank);
        self.restore(0);
        self.copies.clear();
    }
}

/// Requests that a healed world has left without an answer.
pub(crate) fn unanswered(own: &Phone) -> Vec<String> {
    let waiting = own.requests.waiting.iter();
    waiting.map(|(number, asked)| format!("request {number} of {} has no answer: {asked:?}", own.name)).collect()
}
