//! A world: one server, a few phones, the network between them, and the order in which everything happens.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use longwire_client::{Event, Failure, FailureKind, Network};
use longwire_model::{DeviceId, Entry, EntryId, Timestamp};
use longwire_router::Now;
use longwire_store::memory::Snapshot;
use tokio::sync::oneshot;

use crate::disk::{Disk, memberships};
use crate::host::EXPORTER;
use crate::phone::{Later, Phone, Wish};
use crate::rng::{Rng, Shared};
use crate::server::{Answered, Effect, Hands, Server};
use crate::{Mutation, Tally};

/// The wall clock of the first instant.
const EPOCH_MS: i64 = 1_790_000_000_000;

/// What happens at some instant.
enum Happening {
    Connected(u64),
    Refused(usize, u64),
    ToServer(u64, Vec<u8>),
    ToPhone(u64, Vec<u8>),
    ServerEnds(u64),
    PhoneEnds(u64),
    Phone(usize, u64, Later),
    Gate(oneshot::Sender<()>),
    StartServer,
    StartPhone(usize),
}

/// A connection as the network sees it.
struct Link {
    phone: usize,
    life: u64,
    /// When the last of what is under way arrives, in each direction.
    to_server_ms: u64,
    to_phone_ms: u64,
    /// Nothing passes any more, and nobody is told.
    is_dead: bool,
}

/// A world.
pub(crate) struct World {
    pub(crate) rng: Rng,
    seed: u64,
    pub(crate) now_ms: u64,
    pub(crate) skew_ms: i64,
    hands: Arc<Hands>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) server: Option<Server>,
    starts: u64,
    pub(crate) phones: Vec<Phone>,
    links: BTreeMap<u64, Link>,
    next_link: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    next_happening: u64,
    pub(crate) mutation: Option<Mutation>,
    pub(crate) latency_ms: u64,
    pub(crate) is_calm: bool,
    pub(crate) tally: Tally,
    /// Ids that were answered with a 2xx.
    pub(crate) accepted: BTreeSet<EntryId>,
    pub(crate) recalled: BTreeSet<EntryId>,
    pub(crate) copies: Vec<(Snapshot, usize)>,
    /// Entries of timelines that a restored copy has ended.
    pub(crate) lost: Vec<Arc<Entry>>,
    /// Whole logs as they were when a copy took their place.
    pub(crate) timelines: Vec<Vec<Arc<Entry>>>,
    pub(crate) faults: Vec<String>,
    pub(crate) trace: Vec<String>,
    /// Everything that was carried, and when.
    pub(crate) carried: DefaultHasher,
    /// The latest instant of the wall clock so far.
    pub(crate) latest: Timestamp,
}

impl World {
    pub(crate) fn new(seed: u64, phones: usize, mutation: Option<Mutation>) -> Self {
        let mut rng = Rng::new(seed, 1);
        let mut world = Self {
            latency_ms: [5, 100, 2_000][rng.index(3)],
            rng,
            seed,
            now_ms: 1_000,
            skew_ms: 0,
            hands: Arc::default(),
            disk: Disk::new(Rng::new(seed, 2), mutation),
            server: None,
            starts: 0,
            phones: Vec::new(),
            links: BTreeMap::new(),
            next_link: 0,
            queue: BTreeMap::new(),
            next_happening: 0,
            mutation,
            is_calm: false,
            tally: Tally::default(),
            accepted: BTreeSet::new(),
            recalled: BTreeSet::new(),
            copies: Vec::new(),
            lost: Vec::new(),
            timelines: Vec::new(),
            faults: Vec::new(),
            trace: Vec::new(),
            carried: DefaultHasher::new(),
            latest: Timestamp::default(),
        };
        world.set_clock(1_000);
        world.start_server();
        for _ in 0..phones {
            world.add_phone();
        }
        world
    }

    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        let line = format!("{:>9} {}", self.now_ms, what());
        self.trace.push(line);
    }

    pub(crate) fn add_phone(&mut self) -> usize {
        let index = self.phones.len();
        let rng = Rng::new(self.seed, 100 + index as u64);
        self.phones.push(Phone::new(format!("phone {index}"), rng, self.mutation));
        self.start_phone(index);
        index
    }

    pub(crate) fn wall(&self) -> Timestamp {
        Timestamp::from_millis(EPOCH_MS + i64::try_from(self.now_ms).expect("a short world") + self.skew_ms)
    }

    pub(crate) fn set_clock(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        let wall = self.wall();
        self.latest = self.latest.max(wall);
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

    fn latency(&mut self) -> u64 {
        if self.is_calm { 5 } else { self.rng.below(self.latency_ms) }
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

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Connected(link) => self.connected(link),
            Happening::Refused(phone, life) => {
                if self.phones[phone].life == life {
                    let failure = Failure { kind: FailureKind::Refused, text: "refused".into() };
                    let wishes = self.phones[phone].event(Event::ConnectFailed(failure), self.now_ms);
                    self.grant(phone, wishes);
                }
            }
            Happening::ToServer(link, bytes) => {
                if let Some(server) = self.server.as_mut().filter(|server| server.has(link)) {
                    server.input(link, &bytes);
                    self.settle();
                }
            }
            Happening::ToPhone(link, bytes) => {
                if let Some(phone) = self.phone_of(link) {
                    let wishes = self.phones[phone].input(&bytes, self.now_ms);
                    self.grant(phone, wishes);
                }
            }
            Happening::ServerEnds(link) => {
                if let Some(server) = &mut self.server {
                    server.gone(link);
                    self.settle();
                }
            }
            Happening::PhoneEnds(link) => {
                if let Some(phone) = self.phone_of(link) {
                    self.phones[phone].conn = None;
                    self.end(link, true);
                    let wishes = self.phones[phone].event(Event::Closed, self.now_ms);
                    self.grant(phone, wishes);
                }
            }
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
        let Some(server) = &mut self.server else {
            self.phones[phone].conn = None;
            let life = self.phones[phone].life;
            return self.happen(Happening::Refused(phone, life));
        };
        server.connected(link);
        let wishes = self.phones[phone].event(Event::Secured { exporter: Some(EXPORTER) }, self.now_ms);
        self.grant(phone, wishes);
    }

    /// Gives a phone what it wishes.
    fn grant(&mut self, phone: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Connect => {
                    self.next_link += 1;
                    let (link, life) = (self.next_link, self.phones[phone].life);
                    self.phones[phone].conn = Some(link);
                    let known =
                        Link { phone, life, to_server_ms: self.now_ms, to_phone_ms: self.now_ms, is_dead: false };
                    self.links.insert(link, known);
                    let wait_ms = self.latency() + 1;
                    self.after(wait_ms, Happening::Connected(link));
                }
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
            }
        }
    }

    /// Carries bytes, in order, sometimes cut in two.
    fn carry(&mut self, link: u64, to_server: bool, bytes: Vec<u8>) {
        let cut = if !self.is_calm && bytes.len() > 1 && self.rng.chance(10) { self.rng.index(bytes.len()) } else { 0 };
        let mut parts = vec![bytes];
        if cut > 0 {
            let rest = parts[0].split_off(cut);
            parts.push(rest);
        }
        for part in parts {
            let wait_ms = self.latency();
            let Some(known) = self.links.get_mut(&link).filter(|known| !known.is_dead) else { return };
            let last = if to_server { &mut known.to_server_ms } else { &mut known.to_phone_ms };
            *last = (*last).max(self.now_ms + wait_ms);
            let at_ms = *last;
            (link, to_server, at_ms, &part).hash(&mut self.carried);
            let happening = if to_server { Happening::ToServer(link, part) } else { Happening::ToPhone(link, part) };
            self.at(at_ms, happening);
        }
    }

    /// From here on the server's side of a connection takes so many bytes more; any number for none.
    pub(crate) fn set_room(&mut self, link: u64, bytes: Option<usize>) {
        if let Some(server) = &mut self.server {
            server.set_room(link, bytes);
            self.settle();
        }
    }

    /// One side has closed: the other hears of it behind what is under way.
    fn end(&mut self, link: u64, by_phone: bool) {
        let wait_ms = self.latency();
        let Some(known) = self.links.get(&link).filter(|known| !known.is_dead) else { return };
        let last_ms = if by_phone { known.to_server_ms } else { known.to_phone_ms };
        let at_ms = last_ms.max(self.now_ms + wait_ms);
        self.at(at_ms, if by_phone { Happening::ServerEnds(link) } else { Happening::PhoneEnds(link) });
    }

    /// Lets the server do what is to be done, and the world hear of it.
    pub(crate) fn settle(&mut self) {
        let Some(server) = &mut self.server else { return };
        server.settle();
        let effects = std::mem::take(&mut server.effects);
        self.faults.append(&mut server.faults);
        for gate in self.disk.take_gates() {
            let wait_ms = if self.is_calm { 0 } else { gate.wait_ms };
            self.after(wait_ms, Happening::Gate(gate.open));
        }
        for effect in effects {
            match effect {
                Effect::Bytes(link, bytes) => self.carry(link, false, bytes),
                Effect::Close(link) => self.end(link, false),
                Effect::Answered(Answered::Accepted(id)) => {
                    self.accepted.insert(id);
                    self.tally.accepted += 1;
                }
                Effect::Answered(Answered::Recalled(id)) => {
                    self.recalled.insert(id);
                }
                Effect::Answered(Answered::Changed(_)) => {}
            }
        }
    }

    pub(crate) fn start_server(&mut self) {
        if self.server.is_some() {
            return;
        }
        self.starts += 1;
        let random = Shared(Mutex::new(Rng::new(self.seed, 1_000 + self.starts)));
        self.server = Some(Server::start(&self.disk, &self.hands, random, self.mutation));
        self.note(|| "the server starts".into());
        let now_ms = self.now_ms;
        self.set_clock(now_ms);
    }

    /// The server's process dies; its connections end with a word, or without.
    pub(crate) fn crash_server(&mut self, is_silent: bool) {
        let Some(server) = self.server.take() else { return };
        let links: Vec<u64> = server.links();
        drop(server);
        self.disk.crash();
        drop(self.disk.take_gates());
        for link in links {
            if is_silent {
                self.cut(link);
            } else {
                self.end(link, false);
            }
        }
        self.forget_unsynced();
    }

    fn forget_unsynced(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.disk.settle_ledger());
    }

    pub(crate) fn start_server_after(&mut self, wait_ms: u64) {
        self.after(wait_ms, Happening::StartServer);
    }

    /// Puts an old copy in place of the disk; the server is down.
    pub(crate) fn restore(&mut self, copy: usize) {
        let before = self.disk.ledger();
        self.disk.restore(&self.copies[copy]);
        self.lost.extend(before[self.copies[copy].1..].iter().cloned());
        self.timelines.push(before);
        self.copies.truncate(copy + 1);
    }

    /// A connection on which nothing passes any more.
    pub(crate) fn cut(&mut self, link: u64) {
        if let Some(known) = self.links.get_mut(&link) {
            known.is_dead = true;
        }
        self.queue.retain(|_, happening| match happening {
            Happening::ToServer(own, _) | Happening::ToPhone(own, _) => *own != link,
            Happening::ServerEnds(own) | Happening::PhoneEnds(own) => *own != link,
            Happening::Connected(_)
            | Happening::Refused(..)
            | Happening::Phone(..)
            | Happening::Gate(_)
            | Happening::StartServer
            | Happening::StartPhone(_) => true,
        });
    }

    /// A connection ends for both sides, and what was under way is gone.
    pub(crate) fn reset(&mut self, link: u64) {
        self.cut(link);
        self.after(1, Happening::ServerEnds(link));
        self.after(1, Happening::PhoneEnds(link));
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
        self.after(restart_after_ms, Happening::StartPhone(phone));
    }

    pub(crate) fn network(&mut self, phone: usize, network: Network) {
        let wishes = self.phones[phone].event(Event::Network(network), self.now_ms);
        self.grant(phone, wishes);
    }

    /// Faults end, everybody is up, and there is time for everything to arrive.
    pub(crate) fn heal(&mut self) {
        self.is_calm = true;
        self.start_server();
        self.settle();
        for phone in 0..self.phones.len() {
            self.start_phone(phone);
            self.network(phone, Network::Usable);
        }
        for _ in 0..8 {
            let until_ms = self.now_ms + 20 * 60_000;
            self.run_until(until_ms);
            if self.phones.iter().all(|phone| phone.is_gone || phone.is_online()) {
                break;
            }
        }
        let until_ms = self.now_ms + 20 * 60_000;
        self.run_until(until_ms);
    }

    pub(crate) fn device(&self, phone: usize) -> Option<DeviceId> {
        self.phones[phone].record().record.device.and_then(|device| device.parse().ok())
    }

    /// Whether something accepted is on its way: a phone in its audience has not stored it.
    pub(crate) fn in_flight(&self) -> bool {
        let ledger = self.disk.ledger();
        let last = ledger.last().map_or(0, |entry| entry.seq);
        let recent: Vec<&Arc<Entry>> =
            ledger.iter().rev().filter(|entry| self.accepted.contains(&entry.id)).take(8).collect();
        (0..self.phones.len()).any(|phone| {
            let Some(device) = self.device(phone) else { return false };
            let own = memberships(&ledger, device);
            recent.iter().any(|entry| {
                let audience = &entry.kind.routing().expect("a notification").audience;
                let standing = longwire_model::membership::standing(&own, audience, entry.seq, last);
                standing.is_some() && self.phones[phone].store.state(&entry.id.to_string()).is_none()
            })
        })
    }
}
