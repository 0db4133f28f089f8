//! A phone: the real client machine on its store in memory, driven as the virtual phone's driver does, with a screen of its own.

use std::collections::BTreeMap;

use longwire_client::heartbeat::Fixed;
use longwire_client::inbox::{Change, MemoryStore, Outcome, Snapshot, Store as _, Transaction, Verb};
use longwire_client::{Action, Actions, Config, Event, HandOver, Machine, State, Target, TlsMode};
use longwire_protocol::Jid;
use longwire_protocol::push::SeqSet;

use crate::rng::Rng;
use crate::{DOMAIN, Mutation};

/// What a phone asks of its world.
pub(crate) enum Wish {
    Connect,
    Send(Vec<u8>),
    Close,
    /// This event comes after so many milliseconds, unless the process dies before.
    Later(u64, Later),
}

/// What comes later to a phone.
pub(crate) enum Later {
    Event(Box<Event>),
    Loaded,
    /// The transaction that was applied is synced.
    Synced(Vec<Outcome>),
    /// Of the mutation that stores the cursor first: the entries are synced too.
    Owed,
    Shown(HandOver),
    Removed(String),
}

/// One line of a screen.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) what: What,
    pub(crate) device: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Shown,
    Updated,
    Removed,
}

/// A phone.
pub(crate) struct Phone {
    pub(crate) name: String,
    pub(crate) store: MemoryStore,
    pub(crate) machine: Option<Machine>,
    /// Counts processes: what was meant for an earlier one is dropped.
    pub(crate) life: u64,
    pub(crate) conn: Option<u64>,
    pub(crate) screen: Vec<Line>,
    screen_ms: u64,
    pub(crate) opens: bool,
    pub(crate) is_gone: bool,
    /// It was cloned, or is a clone.
    pub(crate) is_twin: bool,
    rng: Rng,
    boot: u64,
    heartbeat_ms: u64,
    mutation: Option<Mutation>,
    /// Of the mutation that stores the cursor first: the disk without the entries, and how many steps owe theirs.
    early: Option<MemoryStore>,
    owed: u32,
}

impl Phone {
    pub(crate) fn new(name: String, mut rng: Rng, mutation: Option<Mutation>) -> Self {
        let heartbeat_ms = [30_000, 60_000, 240_000][rng.index(3)];
        Self {
            name,
            store: MemoryStore::new(),
            machine: None,
            life: 0,
            conn: None,
            screen: Vec::new(),
            screen_ms: 0,
            opens: rng.chance(30),
            is_gone: false,
            is_twin: false,
            rng,
            boot: 0,
            heartbeat_ms,
            mutation,
            early: None,
            owed: 0,
        }
    }

    /// A copy of the phone as it lies on its disk.
    pub(crate) fn cloned(&mut self, name: String, rng: Rng) -> Self {
        let mut store = self.store.clone();
        store.crash();
        self.is_twin = true;
        let heartbeat_ms = self.heartbeat_ms;
        Self { store, screen: self.screen.clone(), is_twin: true, heartbeat_ms, ..Self::new(name, rng, self.mutation) }
    }

    pub(crate) fn is_online(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| matches!(machine.state(), State::Online(_)))
    }

    /// What its store says.
    pub(crate) fn record(&self) -> Snapshot {
        self.store.load().expect("a store in memory")
    }

    /// A process begins.
    pub(crate) fn start(&mut self, now_ms: u64) -> Vec<Wish> {
        let config = Config {
            domain: Jid::new(DOMAIN).expect("a domain"),
            server: Some(Target { host: DOMAIN.into(), port: 5223, tls: TlsMode::Direct }),
            srv: Vec::new(),
            app_key: None,
            software: "simulation".into(),
            boot_id: format!("{}-{}", self.name, self.boot),
        };
        self.life += 1;
        self.machine = Some(Machine::new(config, Box::new(Fixed { interval_ms: self.heartbeat_ms })));
        self.event(Event::Start, now_ms)
    }

    /// The process dies, and with it the power when `is_power`: then what was not synced is gone.
    pub(crate) fn die(&mut self, is_power: bool) {
        self.machine = None;
        self.life += 1;
        self.owed = 0;
        if is_power {
            self.store.crash();
            self.store = self.early.take().unwrap_or_else(|| self.store.clone());
            self.boot += 1;
        } else {
            self.store.sync();
        }
    }

    pub(crate) fn event(&mut self, event: Event, now_ms: u64) -> Vec<Wish> {
        self.call(now_ms, |machine, actions| machine.handle_event(event, now_ms, actions))
    }

    pub(crate) fn input(&mut self, bytes: &[u8], now_ms: u64) -> Vec<Wish> {
        self.call(now_ms, |machine, actions| machine.handle_input(bytes, now_ms, actions))
    }

    pub(crate) fn timeout(&mut self, now_ms: u64) -> Vec<Wish> {
        self.call(now_ms, |machine, actions| machine.handle_timeout(now_ms, actions))
    }

    pub(crate) fn due_ms(&self) -> Option<u64> {
        self.machine.as_ref()?.poll_timeout().map(|(due_ms, _)| due_ms)
    }

    pub(crate) fn later(&mut self, later: Later, now_ms: u64) -> Vec<Wish> {
        match later {
            Later::Event(event) => self.event(*event, now_ms),
            Later::Loaded => {
                let snapshot = self.load();
                self.event(Event::Loaded(Ok(Box::new(snapshot))), now_ms)
            }
            Later::Synced(outcomes) => {
                self.store.sync();
                self.event(Event::Stored(Ok(outcomes)), now_ms)
            }
            Later::Owed => {
                self.owed -= 1;
                if self.owed == 0 {
                    self.early = None;
                    self.store.sync();
                }
                Vec::new()
            }
            Later::Shown(shown) => self.shown(&shown, now_ms),
            Later::Removed(id) => {
                self.line(&id, What::Removed);
                self.event(Event::Removed { id }, now_ms)
            }
        }
    }

    fn call(&mut self, now_ms: u64, call: impl FnOnce(&mut Machine, &mut Actions<'_>)) -> Vec<Wish> {
        let Some(machine) = &mut self.machine else { return Vec::new() };
        let mut random = self.rng.clone();
        self.rng.next();
        let mut actions = Actions::new(&mut random);
        call(machine, &mut actions);
        let list = actions.into_list();
        let mut wishes = Vec::new();
        for action in list {
            self.carry_out(action, now_ms, &mut wishes);
        }
        wishes
    }

    fn carry_out(&mut self, action: Action, now_ms: u64, wishes: &mut Vec<Wish>) {
        let wait_ms = if self.rng.chance(50) { 0 } else { self.rng.below(80) };
        match action {
            Action::Load => wishes.push(Wish::Later(wait_ms, Later::Loaded)),
            Action::Store(transaction) => self.apply(&transaction, wait_ms, wishes),
            Action::Connect { .. } => wishes.push(Wish::Connect),
            Action::Resolve { .. } | Action::StartTls | Action::State(_) | Action::Finished(_) => {}
            Action::Write(bytes) | Action::Acknowledge(bytes) => wishes.push(Wish::Send(bytes)),
            Action::Close => wishes.push(Wish::Close),
            Action::Note(id) => {
                self.store.note(id.clone());
                if id.is_some() {
                    wishes.push(Wish::Later(0, Later::Event(Box::new(Event::Noted))));
                }
            }
            Action::HandOver(shown) => {
                // The screen's writer works in order.
                self.screen_ms = self.screen_ms.max(now_ms + wait_ms);
                wishes.push(Wish::Later(self.screen_ms - now_ms, Later::Shown(shown)));
            }
            Action::Cancel { id, .. } => {
                // Behind what is on its way to the screen.
                self.screen_ms = self.screen_ms.max(now_ms + wait_ms);
                wishes.push(Wish::Later(self.screen_ms - now_ms, Later::Removed(id)));
            }
        }
    }

    fn line(&mut self, id: &str, what: What) {
        let device = self.record().record.device;
        self.screen.push(Line { id: id.to_owned(), what, device });
    }

    fn apply(&mut self, transaction: &Transaction, wait_ms: u64, wishes: &mut Vec<Wish>) {
        if self.mutation == Some(Mutation::CursorBeforeEntries) {
            // The cursor is on disk and told at once; the entries follow.
            let mut early = self.early.take().unwrap_or_else(|| self.store.clone());
            let is_entry = |change: &&Change| matches!(change, Change::Keep(_) | Change::Row(..));
            let changes = transaction.changes.iter().filter(|change| !is_entry(change)).cloned().collect();
            early.apply(&Transaction { at_ms: transaction.at_ms, changes }).expect("a store in memory");
            early.sync();
            self.early = Some(early);
            let outcomes = self.store.apply(transaction).expect("a store in memory");
            self.owed += 1;
            wishes.push(Wish::Later(0, Later::Event(Box::new(Event::Stored(Ok(outcomes))))));
            wishes.push(Wish::Later(1_000, Later::Owed));
            return;
        }
        let mut outcomes = self.store.apply(transaction).expect("nothing refuses");
        if self.mutation == Some(Mutation::NothingRestated) {
            for outcome in &mut outcomes {
                if let Outcome::Bound { normal, background } = outcome {
                    (*normal, *background) = (SeqSet::default(), SeqSet::default());
                }
            }
        }
        wishes.push(Wish::Later(wait_ms, Later::Synced(outcomes)));
    }

    /// What a process finds, after its store agrees with its screen: what the screen shows is done.
    fn load(&mut self) -> Snapshot {
        let snapshot = self.record();
        let shown = self.shown_ids();
        let on_screen = snapshot.rows.iter().filter(|row| row.state.is_open() && shown.contains_key(row.id.as_str()));
        let changes: Vec<_> = on_screen.map(|row| Change::Row(row.id.clone(), Verb::Finish)).collect();
        if !changes.is_empty() {
            self.store.apply(&Transaction { at_ms: 0, changes }).expect("a store in memory");
            self.store.sync();
        }
        let mut snapshot = self.record();
        if self.mutation == Some(Mutation::RowsNotHandedAgain) {
            snapshot.rows.clear();
        }
        snapshot
    }

    /// It is on the screen: the app is done with it, and sometimes its user opens or dismisses it.
    fn shown(&mut self, shown: &HandOver, now_ms: u64) -> Vec<Wish> {
        if shown.is_update {
            self.line(&shown.id, What::Updated);
            return self.event(Event::Updated { id: shown.id.clone(), revision: shown.revision }, now_ms);
        }
        self.line(&shown.id, What::Shown);
        let mut wishes = self.event(Event::Displayed { id: shown.id.clone() }, now_ms);
        wishes.extend(self.event(Event::Finished { id: shown.id.clone() }, now_ms));
        if self.opens && self.rng.chance(20) {
            let id = shown.id.clone();
            let event = if self.rng.chance(50) { Event::Opened { id } } else { Event::Dismissed { id } };
            let wait_ms = self.rng.below(20_000);
            wishes.push(Wish::Later(wait_ms, Later::Event(Box::new(event))));
        }
        wishes
    }

    /// How often each notification came to the screen.
    pub(crate) fn shown_ids(&self) -> BTreeMap<&str, u32> {
        let mut times = BTreeMap::new();
        for line in self.screen.iter().filter(|line| line.what == What::Shown) {
            *times.entry(line.id.as_str()).or_default() += 1;
        }
        times
    }

    /// Whether it is on the screen now.
    pub(crate) fn is_visible(&self, id: &str) -> bool {
        let last = self.screen.iter().rfind(|line| line.id == id && line.what != What::Updated);
        last.is_some_and(|line| line.what == What::Shown)
    }
}
