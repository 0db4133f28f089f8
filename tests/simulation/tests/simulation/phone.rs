//! A phone: the real client machine on its store in memory, driven as the virtual phone's driver does, with a screen of its own.

use std::collections::{BTreeMap, HashMap};

use longwire_client::heartbeat::{Adaptive, Fixed, Interval};
use longwire_client::inbox::{Change, MemoryStore, Outcome, Row, Snapshot, Store as _, StoreError, Transaction};
use longwire_client::{Action, Actions, Config, Event, HandOver, Machine, State, Target, TlsMode};
use longwire_model::DeviceId;
use longwire_protocol::push::DeviceEvent;
use longwire_protocol::{DateTime, Jid};

use crate::mutate::phone::{self as mutant, PhoneMutant};
use crate::rng::Rng;
use crate::watch::Watch;
use crate::world::Requests;
use crate::{DOMAIN, Mutation};

/// What a phone asks of its world.
pub(crate) enum Wish {
    Connect,
    Send(Vec<u8>),
    Close,
    /// This event comes after so many milliseconds, unless the process dies before.
    Later(u64, Later),
    /// The payload that it was about to parse kills the process.
    Die,
}

/// What comes later to a phone.
pub(crate) enum Later {
    Event(Box<Event>),
    Loaded,
    /// What was noted is about to be parsed.
    Noted,
    /// The transaction that was applied is synced.
    Synced(Vec<Outcome>),
    /// Of the mutation that stores the cursor first: the entries are synced too.
    Owed,
    Shown(Box<HandOver>),
    Removed(String),
    /// The user opens or dismisses it, when it is still there.
    Touched(String, bool),
}

/// One line of a screen.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Shown,
    Updated,
    Removed,
}

/// What a screen has of one notification.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) times: u32,
    pub(crate) is_visible: bool,
    pub(crate) body: Option<String>,
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
    pub(crate) seen: HashMap<String, Seen>,
    /// Every device that it has been, the present one last.
    pub(crate) devices: Vec<DeviceId>,
    screen_ms: u64,
    pub(crate) opens: bool,
    pub(crate) is_gone: bool,
    /// It was cloned, or is a clone.
    pub(crate) is_twin: bool,
    rng: Rng,
    boots: u64,
    /// The world's time at which its clock began.
    booted_ms: u64,
    is_off: bool,
    /// Its heartbeat, or the longest that it may choose.
    pub(crate) heartbeat_ms: u64,
    /// It learns its heartbeat per network.
    pub(crate) is_adaptive: bool,
    /// Its app tells what is on the screen; without that, what it has stored is known from its lists alone.
    pub(crate) tells_displayed: bool,
    /// Its user uses actions, where others only open.
    pub(crate) acts: bool,
    pub(crate) requests: Requests,
    /// What its user has done with what, on which device: on disk, and not yet.
    pub(crate) told: Vec<(DeviceId, DeviceEvent)>,
    untold: Vec<(DeviceId, DeviceEvent)>,
    /// Its store refuses everything.
    pub(crate) is_full: bool,
    /// From when to when it sleeps, in the world's time, ascending.
    pub(crate) sleeps: Vec<(u64, u64)>,
    /// What is noted as about to be parsed, how often a process died on each, and how many deaths a payload means.
    noted: Option<String>,
    pub(crate) deaths: BTreeMap<String, u32>,
    deadly: HashMap<String, u32>,
    /// When it began to connect.
    pub(crate) connects: Vec<u64>,
    pub(crate) is_traced: bool,
    /// What happened on it, for the trace.
    pub(crate) said: Vec<String>,
    mutation: Option<Mutation>,
    mutant: PhoneMutant,
    pub(crate) watch: Watch,
    /// Of the mutation that stores the cursor first: the disk without the entries, and how many steps owe theirs.
    early: Option<MemoryStore>,
    owed: u32,
}

impl Phone {
    pub(crate) fn new(name: String, mut rng: Rng, mutation: Option<Mutation>) -> Self {
        let is_adaptive = rng.chance(50);
        let heartbeat_ms = if is_adaptive { 600_000 } else { [30_000, 60_000, 240_000, 600_000][rng.index(4)] };
        Self {
            name,
            store: MemoryStore::new(),
            machine: None,
            life: 0,
            conn: None,
            screen: Vec::new(),
            seen: HashMap::new(),
            devices: Vec::new(),
            screen_ms: 0,
            opens: rng.chance(30),
            is_gone: false,
            is_twin: false,
            rng,
            boots: 0,
            booted_ms: 0,
            is_off: true,
            heartbeat_ms,
            is_adaptive,
            tells_displayed: true,
            acts: false,
            requests: Requests::default(),
            told: Vec::new(),
            untold: Vec::new(),
            is_full: false,
            sleeps: Vec::new(),
            noted: None,
            deaths: BTreeMap::new(),
            deadly: HashMap::new(),
            connects: Vec::new(),
            is_traced: false,
            said: Vec::new(),
            mutation,
            mutant: PhoneMutant::default(),
            watch: Watch::default(),
            early: None,
            owed: 0,
        }
    }

    /// A copy of the phone as it lies on its disk.
    pub(crate) fn cloned(&mut self, name: String, rng: Rng) -> Self {
        let mut store = self.store.clone();
        store.crash();
        self.is_twin = true;
        Self {
            store,
            screen: self.screen.clone(),
            seen: self.seen.clone(),
            devices: self.devices.clone(),
            deaths: self.deaths.clone(),
            deadly: self.deadly.clone(),
            is_twin: true,
            heartbeat_ms: self.heartbeat_ms,
            is_adaptive: self.is_adaptive,
            tells_displayed: self.tells_displayed,
            acts: self.acts,
            is_traced: self.is_traced,
            ..Self::new(name, rng, self.mutation)
        }
    }

    pub(crate) fn is_online(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| matches!(machine.state(), State::Online(_)))
    }

    /// What its store says.
    pub(crate) fn record(&self) -> Snapshot {
        self.store.load().expect("a store in memory")
    }

    /// The device that it is.
    pub(crate) fn device(&self) -> Option<DeviceId> {
        self.devices.last().copied()
    }

    /// The end of the sleep that `at_ms` lies in.
    pub(crate) fn sleeps_until(&self, at_ms: u64) -> Option<u64> {
        self.sleeps.iter().find(|(from, to)| (*from..*to).contains(&at_ms)).map(|(_, to)| *to)
    }

    /// A process begins.
    pub(crate) fn start(&mut self, now_ms: u64) -> Vec<Wish> {
        if std::mem::take(&mut self.is_off) {
            self.boots += 1;
            self.booted_ms = now_ms - self.rng.below(now_ms.min(40_000));
        }
        let config = Config {
            domain: Jid::new(DOMAIN).expect("a domain"),
            server: Some(Target { host: DOMAIN.into(), port: 5223, tls: TlsMode::Direct }),
            srv: Vec::new(),
            app_key: None,
            software: "simulation".into(),
            boot_id: format!("{}-{}", self.name, self.boots),
        };
        self.life += 1;
        let interval: Box<dyn Interval> = if self.is_adaptive {
            Box::<Adaptive>::default()
        } else {
            Box::new(Fixed { interval_ms: self.heartbeat_ms })
        };
        self.machine = Some(Machine::new(config, interval));
        self.event(Event::Start, now_ms)
    }

    /// The process dies, and with it the power when `is_power`: then what was not synced is gone.
    pub(crate) fn die(&mut self, is_power: bool) {
        self.machine = None;
        self.life += 1;
        self.owed = 0;
        self.requests = self.requests.after_death();
        if let Some(id) = self.noted.take() {
            *self.deaths.entry(id).or_default() += 1;
        }
        if is_power {
            self.store.crash();
            self.store = self.early.take().unwrap_or_else(|| self.store.clone());
            self.is_off = true;
            self.watch.lost_power();
            self.untold.clear();
        } else {
            self.store.sync();
            self.told.append(&mut self.untold);
        }
        self.note_device();
    }

    pub(crate) fn event(&mut self, event: Event, now_ms: u64) -> Vec<Wish> {
        self.call(now_ms, |machine, own_ms, actions| machine.handle_event(event, own_ms, actions))
    }

    pub(crate) fn input(&mut self, bytes: &[u8], now_ms: u64) -> Vec<Wish> {
        self.watch.received(bytes);
        let changed = self.mutation.and_then(|mutation| mutant::heard(mutation, &self.record(), bytes));
        let bytes = changed.as_deref().unwrap_or(bytes);
        self.call(now_ms, |machine, own_ms, actions| machine.handle_input(bytes, own_ms, actions))
    }

    pub(crate) fn timeout(&mut self, now_ms: u64) -> Vec<Wish> {
        self.call(now_ms, |machine, own_ms, actions| machine.handle_timeout(own_ms, actions))
    }

    /// When its next timer fires; a sleeping phone's fire when it wakes.
    pub(crate) fn due_ms(&self) -> Option<u64> {
        let (due_ms, _) = self.machine.as_ref()?.poll_timeout()?;
        let due_ms = due_ms + self.booted_ms;
        Some(self.sleeps_until(due_ms).unwrap_or(due_ms))
    }

    pub(crate) fn later(&mut self, later: Later, now_ms: u64) -> Vec<Wish> {
        match later {
            Later::Event(event) => self.event(*event, now_ms),
            Later::Loaded => {
                let loaded =
                    if self.is_full { Err(StoreError("disk I/O error".into())) } else { Ok(self.load(now_ms)) };
                self.event(Event::Loaded(loaded.map(Box::new)), now_ms)
            }
            Later::Noted => {
                let deadly = self.noted.as_ref().and_then(|id| Some((id, self.deadly.get(id)?)));
                if deadly.is_some_and(|(id, kills)| self.deaths.get(id).is_none_or(|deaths| deaths < kills)) {
                    let id = self.noted.clone().unwrap_or_default();
                    let revision = self.store.row(&id).map_or(0, |row| row.revision);
                    self.watch.died_parsing(&id, revision);
                    return vec![Wish::Die];
                }
                self.event(Event::Noted, now_ms)
            }
            Later::Synced(outcomes) => {
                self.store.sync();
                self.told.append(&mut self.untold);
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
            Later::Touched(id, is_opened) if self.is_visible(&id) => {
                self.line(&id, What::Removed);
                let event = if !is_opened {
                    Event::Dismissed { id }
                } else if self.acts && id.ends_with(ACTS) {
                    Event::Acted { id, action: ACTION.into(), text: None }
                } else {
                    Event::Opened { id }
                };
                self.event(event, now_ms)
            }
            Later::Touched(..) => Vec::new(),
        }
    }

    fn call(&mut self, now_ms: u64, call: impl FnOnce(&mut Machine, u64, &mut Actions<'_>)) -> Vec<Wish> {
        let Some(machine) = &mut self.machine else { return Vec::new() };
        let mut random = self.rng.clone();
        self.rng.next();
        let mut actions = Actions::new(&mut random);
        call(machine, now_ms - self.booted_ms, &mut actions);
        let list = actions.into_list();
        let mut wishes = Vec::new();
        for action in list {
            self.carry_out(action, now_ms, &mut wishes);
        }
        wishes
    }

    fn say(&mut self, what: impl FnOnce() -> String) {
        if self.is_traced {
            self.said.push(what());
        }
    }

    fn trace(&mut self, action: &Action) {
        match action {
            Action::Answered { number, answer } => self.say(|| format!("is answered {number}: {answer:?}")),
            Action::State(state) => self.say(|| format!("is {state:?}")),
            Action::Write(bytes) => self.say(|| format!("writes {}", String::from_utf8_lossy(bytes))),
            Action::Acknowledge(bytes) => self.say(|| String::from_utf8_lossy(bytes).into_owned()),
            Action::Store(step) => {
                for change in &step.changes {
                    self.say(|| format!("stores {change:?}"));
                }
            }
            Action::Note(id) => self.say(|| format!("notes {id:?}")),
            Action::Cancel { id, .. } => self.say(|| format!("cancels {id}")),
            Action::HandOver(shown) => self.say(|| format!("hands {} over", shown.id)),
            Action::Load
            | Action::Resolve { .. }
            | Action::Connect { .. }
            | Action::StartTls
            | Action::Close
            | Action::Finished(_) => {}
        }
    }

    fn carry_out(&mut self, action: Action, now_ms: u64, wishes: &mut Vec<Wish>) {
        if self.is_traced {
            self.trace(&action);
        }
        let wait_ms = if self.rng.chance(50) { 0 } else { self.rng.below(80) };
        let action = match self.mutation {
            Some(mutation) => self.mutant.done(mutation, action),
            None => action,
        };
        match action {
            Action::Load => wishes.push(Wish::Later(wait_ms, Later::Loaded)),
            Action::Store(transaction) => self.apply(&transaction, wait_ms, wishes),
            Action::Connect { .. } => {
                self.connects.push(now_ms);
                self.watch.connected();
                wishes.push(Wish::Connect);
            }
            Action::Answered { number, answer } => self.requests.answers.push((number, answer)),
            Action::Resolve { .. } | Action::StartTls | Action::State(_) | Action::Finished(_) => {}
            Action::Write(bytes) | Action::Acknowledge(bytes) => {
                self.watch.wrote(&bytes);
                wishes.push(Wish::Send(bytes));
            }
            Action::Close => wishes.push(Wish::Close),
            Action::Note(id) => {
                if self.mutation != Some(Mutation::NoteDropped) {
                    self.store.note(id.clone());
                }
                self.noted.clone_from(&id);
                if id.is_some() {
                    wishes.push(Wish::Later(0, Later::Noted));
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
        self.say(|| format!("screen: {what:?} {id}"));
        self.screen.push(Line { id: id.to_owned(), what });
        let seen = self.seen.entry(id.to_owned()).or_default();
        match what {
            What::Shown => (seen.times, seen.is_visible) = (seen.times + 1, true),
            What::Removed => seen.is_visible = false,
            What::Updated => {}
        }
    }

    fn apply(&mut self, transaction: &Transaction, wait_ms: u64, wishes: &mut Vec<Wish>) {
        if self.is_full {
            let refused = Event::Stored(Err(StoreError("database or disk is full".into())));
            return wishes.push(Wish::Later(wait_ms, Later::Event(Box::new(refused))));
        }
        self.read(transaction);
        if self.mutation == Some(Mutation::AcknowledgedBeforeStored) {
            return self.apply_cursor_first(transaction, wishes);
        }
        let outcomes = self.applied(transaction);
        self.watch.applied(transaction, &outcomes);
        self.note_device();
        wishes.push(Wish::Later(wait_ms, Later::Synced(outcomes)));
    }

    fn applied(&mut self, transaction: &Transaction) -> Vec<Outcome> {
        self.note_reports(transaction);
        let Some(mutation) = self.mutation else { return self.store.apply(transaction).expect("nothing refuses") };
        let mut changed = transaction.clone();
        self.mutant.asked(mutation, &self.store, &mut changed);
        changed.changes.extend(PhoneMutant::added(mutation, &self.record(), &changed));
        let mut outcomes = self.store.apply(&changed).expect("nothing refuses");
        outcomes.truncate(transaction.changes.len());
        self.mutant.answered(mutation, &changed, &mut outcomes);
        outcomes
    }

    /// Learns what its user has done.
    fn note_reports(&mut self, transaction: &Transaction) {
        let Some(device) = self.device() else { return };
        for change in &transaction.changes {
            if let Change::Report(event) = change {
                self.untold.push((device, event.clone()));
            }
        }
    }

    /// The cursor is on disk and told at once; the entries follow.
    fn apply_cursor_first(&mut self, transaction: &Transaction, wishes: &mut Vec<Wish>) {
        let mut early = self.early.take().unwrap_or_else(|| self.store.clone());
        let is_entry = |change: &&Change| matches!(change, Change::Keep(_) | Change::Row(..));
        let changes = transaction.changes.iter().filter(|change| !is_entry(change)).cloned().collect();
        early.apply(&Transaction { at_ms: transaction.at_ms, changes }).expect("a store in memory");
        early.sync();
        self.early = Some(early);
        let outcomes = self.store.apply(transaction).expect("a store in memory");
        self.note_device();
        self.owed += 1;
        wishes.push(Wish::Later(0, Later::Event(Box::new(Event::Stored(Ok(outcomes))))));
        wishes.push(Wish::Later(1_000, Later::Owed));
    }

    /// Learns which payloads kill.
    fn read(&mut self, transaction: &Transaction) {
        for change in &transaction.changes {
            if let Change::Keep(entry) = change
                && let Some((_, rest)) = entry.payload.split_once(KILLS)
            {
                let kills = rest.chars().next().and_then(|digit| digit.to_digit(10)).expect("a digit");
                self.deadly.insert(entry.target.clone(), kills);
            }
        }
    }

    fn note_device(&mut self) {
        let device = self.store.device().and_then(|device| device.parse().ok());
        if let Some(device) = device
            && self.devices.last() != Some(&device)
        {
            self.devices.push(device);
        }
    }

    /// What a process finds, after its store agrees with its screen: what the screen shows is done.
    fn load(&mut self, now_ms: u64) -> Snapshot {
        let snapshot = self.record();
        let is_shown = |row: &&Row| row.state.is_open() && self.times(&row.id) > 0;
        let on_screen = snapshot.rows.iter().filter(is_shown);
        let finished = |row: &Row| {
            Event::Finished { id: row.id.clone(), is_displayed: self.tells_displayed }.said(DateTime(now_ms))
        };
        let changes: Vec<_> = on_screen.flat_map(finished).collect();
        if !changes.is_empty() {
            self.store.apply(&Transaction { at_ms: now_ms, changes }).expect("a store in memory");
            self.store.sync();
        }
        let mut snapshot = self.record();
        if let Some(mutation) = self.mutation {
            mutant::found(mutation, &mut snapshot);
        }
        snapshot
    }

    /// It is on the screen: the app is done with it, and sometimes its user opens or dismisses it.
    fn shown(&mut self, shown: &HandOver, now_ms: u64) -> Vec<Wish> {
        self.seen.entry(shown.id.clone()).or_default().body.clone_from(&shown.notification.body);
        if shown.is_update {
            self.line(&shown.id, What::Updated);
            return self.event(Event::Updated { id: shown.id.clone(), revision: shown.revision }, now_ms);
        }
        self.line(&shown.id, What::Shown);
        let mut wishes =
            self.event(Event::Finished { id: shown.id.clone(), is_displayed: self.tells_displayed }, now_ms);
        if self.opens && self.rng.chance(20) {
            let wait_ms = self.rng.below(20_000);
            wishes.push(Wish::Later(wait_ms, Later::Touched(shown.id.clone(), self.rng.chance(50))));
        }
        wishes
    }

    /// How often it came to the screen.
    pub(crate) fn times(&self, id: &str) -> u32 {
        self.seen.get(id).map_or(0, |seen| seen.times)
    }

    /// Whether it is on the screen now.
    pub(crate) fn is_visible(&self, id: &str) -> bool {
        self.seen.get(id).is_some_and(|seen| seen.is_visible)
    }
}

/// Ids that end so are opened by their action, and which one that is.
const ACTS: [char; 8] = ['0', '1', '2', '3', '4', '5', '6', '7'];
pub(crate) const ACTION: &str = "answer";

/// How a payload says that it kills the process that parses it, and how often.
pub(crate) const KILLS: &str = "\"kills\":\"";
