//! A world: one server, a few phones, the network between them, and the order in which everything happens.

mod health;
mod net;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::DefaultHasher;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use longwire_client::{Event, Failure, FailureKind, Network};
use longwire_model::{AudienceKey, DeviceId, Entry, EntryId, EntryKind, Seq, Timestamp};
use longwire_router::Now;
use tokio::sync::oneshot;

use crate::Mutation;
use crate::book::Book;
use crate::disk::{Copy, Disk};
use crate::host::EXPORTER;
use crate::phone::{Later, Phone, Wish};
use crate::rng::{Rng, Shared};
use crate::script::Acts;
use crate::server::{Answered, Effect, Hands, Server};
use crate::tally::{Fault, Tally};
pub(crate) use health::Health;
use net::{Air, Link, Parcel};
pub(crate) use service::{Requests, Shortage, unanswered};

/// The wall clock of the first instant.
const EPOCH_MS: i64 = 1_790_000_000_000;
/// A server that finds its store silent tries again after so long.
const START_AGAIN_MS: u64 = 5_000;

/// What happens at some instant.
enum Happening {
    Connected(u64),
    Refused(usize, u64),
    /// The next of what is under way arrives.
    Up(u64),
    Down(u64),
    ServerEnds(u64),
    PhoneEnds(u64),
    Phone(usize, u64, Later),
    Gate(oneshot::Sender<()>),
    StartServer,
    StartPhone(usize),
    /// The server's store works again, if this is its latest outage.
    Repair(u64),
    /// The phone's store takes what it is given again.
    Relief(usize),
    /// Memory is not short any more.
    Room,
    /// The process of this number ends, because its store has failed for good.
    Failed(u64),
}

/// A notification that was never stored.
#[derive(Clone, Debug)]
pub(crate) struct Flash {
    pub(crate) audience: Arc<[AudienceKey]>,
    pub(crate) as_of: Seq,
    pub(crate) taken: usize,
}

/// A world.
pub(crate) struct World {
    /// The network's and the phones' chance; steps have their own.
    pub(crate) rng: Rng,
    seed: u64,
    pub(crate) now_ms: u64,
    pub(crate) skew_ms: i64,
    /// The lowest and highest difference between the wall clock and the time that has passed.
    pub(crate) skews_ms: (i64, i64),
    hands: Arc<Hands>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) server: Option<Server>,
    starts: u64,
    outages: u64,
    pub(crate) phones: Vec<Phone>,
    pub(crate) airs: Vec<Air>,
    pub(crate) healths: Vec<Health>,
    pub(crate) links: BTreeMap<u64, Link>,
    next_link: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    next_happening: u64,
    pub(crate) mutation: Option<Mutation>,
    pub(crate) latency_ms: u64,
    pub(crate) is_calm: bool,
    /// Its users use actions; and how long its FAST tokens live.
    is_present: bool,
    token_ms: Option<i64>,
    /// Accounts that are kept out, and those that ever were; those of which it was answered that nobody is in them.
    pub(crate) disabled: BTreeSet<String>,
    ever_disabled: BTreeSet<String>,
    barred: BTreeSet<String>,
    /// Somebody was turned away in the present shortage of memory.
    pub(crate) has_shed: bool,
    /// The process is about to end; and since when its store has failed for good.
    is_ending: bool,
    failed_ms: Option<u64>,
    pub(crate) tally: Tally,
    /// What has happened, as lines of a script.
    pub(crate) acts: Acts,
    /// The present timeline, and those that a restored copy has ended.
    pub(crate) book: Book,
    pub(crate) ended: Vec<Book>,
    /// Ids that were answered with a 2xx; of those, what the log of a restored copy need not hold.
    pub(crate) accepted: BTreeSet<EntryId>,
    pub(crate) lost: BTreeSet<EntryId>,
    pub(crate) flashes: BTreeMap<EntryId, Flash>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) faults: Vec<String>,
    /// What was written towards which device, and when.
    pub(crate) sent: Vec<(DeviceId, EntryId, u64)>,
    pub(crate) is_traced: bool,
    pub(crate) trace: Vec<String>,
    /// How much of the log is in the trace.
    told: usize,
    /// Everything that was carried, and when.
    pub(crate) carried: DefaultHasher,
}

impl World {
    pub(crate) fn new(seed: u64, phones: usize, mutation: Option<Mutation>, is_traced: bool) -> Self {
        crate::PLAYED.fetch_add(1, Ordering::Relaxed);
        let mut rng = Rng::new(seed, 1);
        let hands: Arc<Hands> = Arc::default();
        let mut world = Self {
            latency_ms: [5, 100, 2_000][rng.index(3)],
            rng,
            seed,
            now_ms: 1_000,
            skew_ms: 0,
            skews_ms: (0, 0),
            disk: Disk::new(Rng::new(seed, 2), Arc::clone(&hands), mutation),
            hands,
            server: None,
            starts: 0,
            outages: 0,
            phones: Vec::new(),
            airs: Vec::new(),
            healths: Vec::new(),
            links: BTreeMap::new(),
            next_link: 0,
            queue: BTreeMap::new(),
            next_happening: 0,
            mutation,
            is_calm: false,
            is_present: false,
            token_ms: None,
            disabled: BTreeSet::new(),
            ever_disabled: BTreeSet::new(),
            barred: BTreeSet::new(),
            has_shed: false,
            is_ending: false,
            failed_ms: None,
            tally: Tally::default(),
            acts: Acts::default(),
            book: Book::default(),
            ended: Vec::new(),
            accepted: BTreeSet::new(),
            lost: BTreeSet::new(),
            flashes: BTreeMap::new(),
            copies: Vec::new(),
            faults: Vec::new(),
            sent: Vec::new(),
            is_traced,
            trace: Vec::new(),
            told: 0,
            carried: DefaultHasher::new(),
        };
        world.set_clock(1_000);
        world.start_server();
        for _ in 0..phones {
            world.add_phone();
        }
        world
    }

    /// Users use actions, the app's back end signs user tokens, and from the next process on FAST tokens live so long.
    pub(crate) fn begin_present(&mut self, token_ms: Option<i64>) {
        self.is_present = true;
        self.token_ms = token_ms;
        self.phones.iter_mut().for_each(|phone| phone.acts = true);
        if let Some(server) = &self.server {
            server.add_user_key();
        }
    }

    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if self.is_traced {
            let line = format!("{:>9} {}", self.now_ms, what());
            self.trace.push(line);
        }
    }

    pub(crate) fn add_phone(&mut self) -> usize {
        let index = self.phones.len();
        let rng = Rng::new(self.seed, 100 + index as u64);
        let mut phone = Phone::new(format!("phone {index}"), rng, self.mutation);
        phone.is_traced = self.is_traced;
        // One of three; no chance is used up, so that a world without it goes as before.
        phone.tells_displayed = !(self.seed + index as u64).is_multiple_of(3);
        phone.acts = self.is_present;
        self.put_phone(phone)
    }

    /// A phone comes into the world, and is switched on.
    pub(crate) fn put_phone(&mut self, phone: Phone) -> usize {
        self.phones.push(phone);
        self.airs.push(Air::default());
        self.healths.push(Health::default());
        self.start_phone(self.phones.len() - 1);
        self.phones.len() - 1
    }

    pub(crate) fn wall(&self) -> Timestamp {
        Timestamp::from_millis(EPOCH_MS + i64::try_from(self.now_ms).expect("a short world") + self.skew_ms)
    }

    /// The earliest and the latest that any wall clock of this world said, or will say, at an instant.
    pub(crate) fn walls(&self, at_ms: u64) -> (Timestamp, Timestamp) {
        let plain = EPOCH_MS + i64::try_from(at_ms).unwrap_or(i64::MAX / 4);
        (Timestamp::from_millis(plain + self.skews_ms.0), Timestamp::from_millis(plain + self.skews_ms.1))
    }

    pub(crate) fn set_clock(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.skews_ms = (self.skews_ms.0.min(self.skew_ms), self.skews_ms.1.max(self.skew_ms));
        let wall = self.wall();
        self.hands.mono_ms.store(now_ms, Ordering::Relaxed);
        self.hands.wall_ms.store(wall.as_millis(), Ordering::Relaxed);
        if let Some(server) = &mut self.server {
            server.now = Now { mono_ms: now_ms, wall };
        }
    }

    fn after(&mut self, wait_ms: u64, happening: Happening) {
        self.at(self.now_ms + wait_ms, happening);
    }

    fn at(&mut self, at_ms: u64, happening: Happening) {
        self.next_happening += 1;
        self.queue.insert((at_ms.max(self.now_ms), self.next_happening), happening);
    }

    /// Lets time pass until `until_ms`.
    pub(crate) fn run_until(&mut self, until_ms: u64) {
        loop {
            let timers =
                self.phones.iter().filter_map(Phone::due_ms).chain(self.server.as_mut().and_then(Server::due_ms));
            let timer = timers.min();
            let queued = self.queue.keys().next().map(|(at_ms, _)| *at_ms);
            let Some(next_ms) = timer.into_iter().chain(queued).min().filter(|at_ms| *at_ms <= until_ms) else { break };
            self.set_clock(next_ms.max(self.now_ms));
            if queued.is_some_and(|at_ms| at_ms <= self.now_ms) {
                let (_, happening) = self.queue.pop_first().expect("it was seen");
                self.happen(happening);
            } else {
                self.timeouts();
            }
        }
        self.set_clock(until_ms.max(self.now_ms));
    }

    pub(crate) fn run_for(&mut self, wait_ms: u64) {
        self.run_until(self.now_ms + wait_ms);
    }

    fn timeouts(&mut self) {
        for index in 0..self.phones.len() {
            if self.phones[index].due_ms().is_some_and(|due_ms| due_ms <= self.now_ms) {
                let wishes = self.phones[index].timeout(self.now_ms);
                self.grant(index, wishes);
            }
        }
        let now_ms = self.now_ms;
        if let Some(server) = &mut self.server
            && server.due_ms().is_some_and(|due_ms| due_ms <= now_ms)
        {
            server.timeouts();
            self.settle();
        }
    }

    /// What reaches a phone that sleeps, or stirs in it, waits until it wakes.
    fn sleeper(&self, happening: &Happening) -> Option<u64> {
        let phone = match happening {
            Happening::Connected(link) | Happening::Down(link) | Happening::PhoneEnds(link) => self.phone_of(*link)?,
            Happening::Phone(phone, ..) | Happening::Refused(phone, _) | Happening::StartPhone(phone) => *phone,
            Happening::Up(_)
            | Happening::ServerEnds(_)
            | Happening::Gate(_)
            | Happening::StartServer
            | Happening::Repair(_)
            | Happening::Relief(_)
            | Happening::Room
            | Happening::Failed(_) => return None,
        };
        self.phones[phone].sleeps_until(self.now_ms)
    }

    fn happen(&mut self, happening: Happening) {
        if let Some(wakes_ms) = self.sleeper(&happening) {
            return self.at(wakes_ms, happening);
        }
        match happening {
            Happening::Connected(link) => self.connected(link),
            Happening::Refused(phone, life) => {
                if self.phones[phone].life == life {
                    let failure = Failure { kind: FailureKind::Refused, text: "refused".into() };
                    let wishes = self.phones[phone].event(Event::ConnectFailed(failure), self.now_ms);
                    self.grant(phone, wishes);
                }
            }
            Happening::Up(link) => match self.arrival(link, true) {
                Some(Parcel::Bytes(bytes)) => self.arrive(link, &bytes),
                Some(Parcel::End) => self.server_ends(link),
                None => {}
            },
            Happening::Down(link) => match self.arrival(link, false) {
                Some(Parcel::Bytes(bytes)) => {
                    if let Some(phone) = self.phone_of(link) {
                        let wishes = self.phones[phone].input(&bytes, self.now_ms);
                        self.grant(phone, wishes);
                    }
                }
                Some(Parcel::End) => self.phone_ends(link),
                None => {}
            },
            Happening::ServerEnds(link) => self.server_ends(link),
            Happening::PhoneEnds(link) => self.phone_ends(link),
            Happening::Phone(phone, life, later) => {
                if self.phones[phone].life == life && self.phones[phone].machine.is_some() {
                    let wishes = self.phones[phone].later(later, self.now_ms);
                    self.grant(phone, wishes);
                }
            }
            Happening::Gate(open) => {
                // Nobody waits any more when the server has crashed.
                let _: Result<(), ()> = open.send(());
                self.settle();
            }
            Happening::StartServer => self.start_server(),
            Happening::StartPhone(phone) => self.start_phone(phone),
            Happening::Repair(outage) => self.repair(outage),
            Happening::Relief(phone) => self.phones[phone].is_full = false,
            Happening::Room => self.room(),
            Happening::Failed(start) => self.failed(start),
        }
    }

    fn arrive(&mut self, link: u64, bytes: &[u8]) {
        let Some(server) = &mut self.server else { return };
        if server.has(link) {
            server.input(link, bytes);
            self.settle();
        } else {
            // The machine knows nothing of such a connection any more, and says so.
            self.after(1, Happening::PhoneEnds(link));
        }
    }

    fn server_ends(&mut self, link: u64) {
        if let Some(server) = &mut self.server {
            server.gone(link);
            self.settle();
        }
    }

    fn phone_ends(&mut self, link: u64) {
        if let Some(phone) = self.phone_of(link) {
            self.phones[phone].conn = None;
            self.end(link, true);
            let wishes = self.phones[phone].event(Event::Closed, self.now_ms);
            self.grant(phone, wishes);
        }
    }

    /// The phone at the other end, while this is its connection.
    fn phone_of(&self, link: u64) -> Option<usize> {
        let known = self.links.get(&link)?;
        let phone = &self.phones[known.phone];
        (phone.life == known.life && phone.conn == Some(link)).then_some(known.phone)
    }

    fn connected(&mut self, link: u64) {
        let Some(phone) = self.phone_of(link) else { return };
        if self.links.get(&link).is_none_or(|known| known.is_dead) {
            return; // the attempt gets no answer
        }
        let shed = self.shed(phone);
        let Some(server) = self.server.as_mut().filter(|_| shed != Some(Shortage::Full)) else {
            self.phones[phone].conn = None;
            let life = self.phones[phone].life;
            return self.happen(Happening::Refused(phone, life));
        };
        let others = server.links();
        let has_older = others.iter().filter_map(|other| self.links.get(other)).any(|other| other.phone == phone);
        server.connected(link, shed.is_some());
        if has_older {
            self.count(Fault::Conflict, Some(phone));
        }
        let wishes = self.phones[phone].event(Event::Secured { exporter: Some(EXPORTER) }, self.now_ms);
        self.grant(phone, wishes);
    }

    /// Gives a phone what it wishes.
    pub(crate) fn grant(&mut self, phone: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Connect => self.open_link(phone),
                Wish::Send(bytes) => {
                    if let Some(link) = self.phones[phone].conn {
                        self.carry(link, true, bytes);
                    }
                }
                Wish::Close => {
                    if let Some(link) = self.phones[phone].conn.take() {
                        self.end(link, true);
                    }
                }
                Wish::Later(wait_ms, later) => {
                    let life = self.phones[phone].life;
                    self.after(wait_ms, Happening::Phone(phone, life, later));
                }
                Wish::Die => {
                    self.count(Fault::DeathWhileParsing, Some(phone));
                    self.note(|| format!("phone {phone} dies on a payload"));
                    let wait_ms = self.rng.below(20_000);
                    return self.kill_phone(phone, false, wait_ms);
                }
            }
        }
        let said = std::mem::take(&mut self.phones[phone].said);
        said.into_iter().for_each(|said| self.note(|| format!("  phone {phone} {said}")));
        self.hear_answers(phone);
        self.look_at(phone);
    }

    fn note_commits(&mut self) {
        if self.is_traced {
            self.book.follow(&self.disk);
            let end = self.book.commits.len();
            let from = std::mem::replace(&mut self.told, end);
            for index in from.min(end)..end {
                let entry = Arc::clone(&self.book.commits[index].entry);
                self.note(|| format!("  {}", told(&entry)));
            }
        }
    }

    /// Lets the server do what is to be done, and the world hear of it.
    pub(crate) fn settle(&mut self) {
        self.note_commits();
        let Some(server) = &mut self.server else { return };
        server.settle();
        let effects = server.said(self.now_ms, &mut self.faults, &mut self.sent);
        for gate in self.disk.take_gates() {
            let wait_ms = if self.is_calm { 0 } else { gate.wait_ms };
            self.after(wait_ms, Happening::Gate(gate.open));
        }
        self.carry_out(effects);
        self.notice_failure();
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Bytes(link, bytes) => self.carry(link, false, bytes),
                Effect::Close(link) => self.end(link, false),
                Effect::Answered(answered) => self.answered(answered),
            }
        }
    }

    fn answered(&mut self, answered: Answered) {
        match answered {
            Answered::Accepted(id) => {
                self.accepted.insert(id);
                self.tally.accepted += 1;
            }
            Answered::Now(id, flash) => {
                self.flashes.insert(id, flash);
            }
            Answered::Changed(device) => {
                if let Some(phone) = self.phones.iter().position(|phone| phone.device() == Some(device)) {
                    self.note(|| format!("phone {phone}'s change was answered"));
                }
            }
            Answered::Barred(name) => {
                self.note(|| format!("nobody will be in the account {name} any more"));
                self.barred = self.server.as_ref().map(|server| server.barred.clone()).unwrap_or_default();
            }
            Answered::Done => {}
        }
    }

    pub(crate) fn start_server(&mut self) {
        if self.server.is_some() {
            return;
        }
        self.disk.reopen();
        if self.disk.outage().is_some() {
            return self.after(START_AGAIN_MS, Happening::StartServer);
        }
        self.starts += 1;
        let random = Shared(Mutex::new(Rng::new(self.seed, 1_000 + self.starts)));
        let mut server = Server::start(&self.disk, &self.hands, random, self.mutation, self.token_ms);
        server.barred = self.barred.clone();
        self.server = Some(server);
        self.is_ending = false;
        self.note(|| "the server starts".into());
        if self.starts > 1 {
            self.count(Fault::Generation, None);
        }
        let now_ms = self.now_ms;
        self.set_clock(now_ms);
    }

    /// The server's process dies; its connections end with a word, or without.
    pub(crate) fn crash_server(&mut self, is_silent: bool) {
        let Some(server) = self.server.take() else { return };
        let links = server.links();
        drop(server);
        self.disk.crash();
        drop(self.disk.take_gates());
        self.lose(links, is_silent);
    }

    /// The server tells its clients to come back, finishes what was asked, and stops.
    pub(crate) fn stop_server(&mut self) {
        let Some(server) = &mut self.server else { return };
        server.drain();
        self.settle();
        while self.server.as_ref().is_some_and(|server| !server.is_drained()) {
            self.run_for(100);
        }
        let Some(mut server) = self.server.take() else { return };
        self.release_gates();
        server.close(&self.disk);
        let effects = server.said(self.now_ms, &mut self.faults, &mut self.sent);
        self.carry_out(effects);
        let links = server.links();
        drop(server);
        drop(self.disk.take_gates());
        self.lose(links, false);
    }

    /// A process that stops waits for its disk.
    fn release_gates(&mut self) {
        let gates = self.queue.extract_if(.., |_, happening| matches!(happening, Happening::Gate(_)));
        for (_, happening) in gates {
            if let Happening::Gate(open) = happening {
                let _: Result<(), ()> = open.send(());
            }
        }
    }

    fn lose(&mut self, links: Vec<u64>, is_silent: bool) {
        for link in links.into_iter().filter(|_| !is_silent) {
            self.end(link, false);
        }
        self.server_trouble();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.disk.settle_ledger());
    }

    pub(crate) fn start_server_after(&mut self, wait_ms: u64) {
        self.after(wait_ms, Happening::StartServer);
    }

    /// Puts an old copy in place of the disk; the server is down.
    pub(crate) fn restore(&mut self, copy: usize) {
        self.book.follow(&self.disk);
        let before = std::mem::take(&mut self.book);
        self.disk.restore(&self.copies[copy]);
        self.lost.extend(before.commits[self.copies[copy].length..].iter().map(|commit| commit.entry.id));
        self.ended.push(before);
        self.book.since_ms = self.now_ms;
        self.copies.truncate(copy + 1);
        // The copy knows other passwords.
        self.barred.clear();
    }

    pub(crate) fn start_phone(&mut self, phone: usize) {
        if self.phones[phone].machine.is_some() || self.phones[phone].is_gone {
            return;
        }
        let wishes = self.phones[phone].start(self.now_ms);
        self.grant(phone, wishes);
    }

    /// A phone's process dies; the server hears of it or not.
    pub(crate) fn kill_phone(&mut self, phone: usize, is_power: bool, restart_after_ms: u64) {
        if let Some(link) = self.phones[phone].conn.take() {
            if is_power {
                self.cut(link);
            } else {
                self.end(link, true);
            }
        }
        self.phones[phone].die(is_power);
        self.look_at(phone);
        self.after(restart_after_ms, Happening::StartPhone(phone));
    }

    pub(crate) fn network(&mut self, phone: usize, network: Network) {
        let wishes = self.phones[phone].event(Event::Network(network), self.now_ms);
        self.grant(phone, wishes);
    }

    /// From here on the server's side of a connection takes so many bytes more; any number for none.
    pub(crate) fn set_room(&mut self, link: u64, bytes: Option<usize>) {
        if let Some(server) = &mut self.server {
            server.set_room(link, bytes);
            self.settle();
        }
    }

    pub(crate) fn fill_phone(&mut self, phone: usize, wait_ms: u64) {
        self.phones[phone].is_full = true;
        self.look_at(phone);
        self.after(wait_ms, Happening::Relief(phone));
    }

    pub(crate) fn device(&self, phone: usize) -> Option<DeviceId> {
        self.phones[phone].device()
    }
}

/// An entry, for the trace.
fn told(entry: &Entry) -> String {
    let mut text = format!("{} {} {}", entry.seq, entry.id, entry.kind.as_str());
    let keys = |keys: &[AudienceKey]| keys.iter().map(AudienceKey::as_str).collect::<Vec<_>>().join(" ");
    if let Some(routing) = entry.kind.routing() {
        text += &format!(" to {} {} expires {}", keys(&routing.audience), routing.lane, routing.expires_at);
    }
    if let Some(content) = entry.kind.content() {
        let filter = content.filter.as_ref().map(ToString::to_string);
        text += &format!(" filter {filter:?} collapses {:?}", content.collapse_key);
    }
    if let EntryKind::Membership(change) = &entry.kind {
        text += &format!(" {} joins {} leaves {}", change.device, keys(&change.joined), keys(&change.left));
    }
    if let Some(target) = entry.kind.target() {
        text += &format!(" of {}", target.seq);
    }
    text
}
