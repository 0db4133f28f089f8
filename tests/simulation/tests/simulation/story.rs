//! A world that is told, not drawn: nothing goes wrong in it but what the story names. It ends like every world: healed, and held against
//! the rules; and against what the story itself expects.

use std::sync::Arc;

use longwire_client::Network;
use longwire_client::inbox::{Change as Stored, MemoryStore, Store as _, Transaction};
use longwire_core::devices::Change;
use longwire_model::delivery::State;
use longwire_model::{Entry, EntryId, Lane, Notification};

use crate::check;
use crate::mutate::Mutation;
use crate::phone::Phone;
use crate::rng::Rng;
use crate::server::key;
use crate::world::World;

const SEED: u64 = 1;
/// How long anything takes that nothing hinders.
const QUICK_MS: u64 = 500;
/// How long a story waits for what must come.
const PATIENCE_MS: u64 = 5 * 60_000;
/// The heartbeat of every phone.
pub(crate) const HEARTBEAT_MS: u64 = 60_000;

/// A notification to one key, as plain as can be.
pub(crate) fn to(audience: &str) -> Notification {
    Notification {
        audience: [key(audience)].into(),
        filter: None,
        lane: Lane::Normal,
        ttl_seconds: 24 * 3_600,
        collapse_key: None,
        payload: r#"{"title":"Door","body":"Bell"}"#.into(),
    }
}

/// One to alice that is over after a second.
pub(crate) fn brief() -> Notification {
    Notification { ttl_seconds: 1, ..to("user:alice") }
}

/// One to alice with the collapse key `k`.
pub(crate) fn keyed() -> Notification {
    Notification { collapse_key: Some("k".into()), ..to("user:alice") }
}

/// A story under way.
pub(crate) struct Story {
    pub(crate) world: World,
    wrong: Vec<String>,
}

impl Story {
    /// A server and no phone.
    pub(crate) fn new(mutation: Option<Mutation>) -> Self {
        let mut world = World::new(SEED, 0, mutation, std::env::var_os("SIMULATION_TRACE").is_some());
        world.is_calm = true;
        world.disk.direct(None);
        Self { world, wrong: Vec::new() }
    }

    /// Alice's phone (0) is online.
    pub(crate) fn alice(mutation: Option<Mutation>) -> Self {
        let mut story = Self::new(mutation);
        let phone = story.phone();
        story.bind(phone, "user:alice");
        story
    }

    /// One more phone, online.
    pub(crate) fn phone(&mut self) -> usize {
        let index = self.world.phones.len();
        let mut phone = Phone::new(format!("phone {index}"), Rng::new(SEED, 100 + index as u64), self.world.mutation);
        (phone.heartbeat_ms, phone.opens) = (HEARTBEAT_MS, false);
        phone.is_traced = self.world.is_traced;
        let index = self.world.put_phone(phone);
        self.until_online(index);
        self.pass(QUICK_MS);
        index
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.world.settle();
        self.world.run_for(ms);
    }

    /// Goes on, millisecond by millisecond, until something is so.
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut World) -> bool) {
        self.world.settle();
        let until_ms = self.world.now_ms + PATIENCE_MS;
        while !is_so(&mut self.world) {
            if self.world.now_ms >= until_ms {
                return self.wrong.push(format!("it never came: {what}"));
            }
            self.world.run_for(1);
        }
    }

    pub(crate) fn until_online(&mut self, phone: usize) {
        self.until("online", |world| world.phones[phone].is_online());
    }

    /// The phone has it in its store, and has not yet said so.
    pub(crate) fn until_stored(&mut self, phone: usize, id: EntryId) {
        let id = id.to_string();
        self.until("stored", |world| world.phones[phone].store.state(&id).is_some());
    }

    pub(crate) fn until_shown(&mut self, phone: usize, id: EntryId) {
        let id = id.to_string();
        self.until("shown", |world| world.phones[phone].times(&id) > 0);
        self.pass(QUICK_MS);
    }

    /// Asks for it, and goes on without its answer.
    pub(crate) fn post(&mut self, notification: Notification) {
        if let Some(server) = &self.world.server {
            server.accept(notification);
        }
    }

    /// It is accepted, and time passes as `after_ms` says.
    fn accepted(&mut self, notification: Notification) -> EntryId {
        let before = self.world.accepted.clone();
        self.post(notification);
        self.until("accepted", |world| world.accepted.len() > before.len());
        self.world.accepted.difference(&before).next().copied().unwrap_or_else(|| EntryId::from_bytes([0; 16]))
    }

    /// It is accepted, and perhaps on its way.
    pub(crate) fn push_only(&mut self, notification: Notification) -> EntryId {
        self.accepted(notification)
    }

    /// It is accepted, and has arrived where it can.
    pub(crate) fn push(&mut self, notification: Notification) -> EntryId {
        let id = self.accepted(notification);
        self.pass(QUICK_MS);
        id
    }

    /// Now or never.
    pub(crate) fn now(&mut self, audience: &str) -> EntryId {
        let known = self.world.flashes.len();
        let before: Vec<EntryId> = self.world.flashes.keys().copied().collect();
        self.post(Notification { ttl_seconds: 0, ..to(audience) });
        self.until("taken now", |world| world.flashes.len() > known);
        let id = self.world.flashes.keys().find(|id| !before.contains(id)).copied();
        self.pass(QUICK_MS);
        id.unwrap_or_else(|| EntryId::from_bytes([0; 16]))
    }

    fn entry(&mut self, id: EntryId) -> Option<Arc<Entry>> {
        self.world.book.follow(&self.world.disk);
        self.world.book.find(id).map(|commit| Arc::clone(&commit.entry))
    }

    pub(crate) fn recall(&mut self, id: EntryId) {
        if let Some(server) = &self.world.server {
            server.recall(id);
        }
        self.pass(QUICK_MS);
    }

    pub(crate) fn update(&mut self, id: EntryId) {
        let entry = self.entry(id);
        if let (Some(server), Some(entry)) = (&self.world.server, entry) {
            server.update(entry.id, r#"{"title":"Door","body":"Knock"}"#.to_owned());
        }
        self.pass(QUICK_MS);
    }

    /// Asks for a change, and goes on without its answer.
    pub(crate) fn ask(&mut self, phone: usize, change: Change) {
        if let (Some(server), Some(device)) = (&self.world.server, self.world.device(phone)) {
            server.change(device, change);
        }
    }

    pub(crate) fn bind(&mut self, phone: usize, user: &str) {
        self.ask(phone, Change::User(Some(key(user))));
        self.pass(QUICK_MS);
    }

    pub(crate) fn unbind(&mut self, phone: usize) {
        self.ask(phone, Change::User(None));
        self.pass(QUICK_MS);
    }

    pub(crate) fn join(&mut self, phone: usize, topic: &str) {
        self.ask(phone, Change::Join(key(topic)));
        self.pass(QUICK_MS);
    }

    /// The connection ends, and what was under way is gone.
    pub(crate) fn reset(&mut self, phone: usize) {
        if let Some(link) = self.world.phones[phone].conn {
            self.world.reset(link);
        }
    }

    pub(crate) fn offline(&mut self, phone: usize) {
        self.reset(phone);
        self.world.network(phone, Network::None);
        self.pass(QUICK_MS);
    }

    /// The network is back, and the phone about to connect.
    pub(crate) fn network(&mut self, phone: usize) {
        self.world.network(phone, Network::Usable);
    }

    /// The phone's process dies, and begins again.
    pub(crate) fn kill(&mut self, phone: usize) {
        self.world.kill_phone(phone, false, 0);
    }

    /// The inbox and the cursor are gone; the account and the installation are not.
    pub(crate) fn forget_inbox(&mut self, phone: usize) {
        self.world.kill_phone(phone, true, 10);
        let record = self.world.phones[phone].record().record;
        let mut store = MemoryStore::new();
        let installation = record.installation.map(Stored::Installation);
        let changes = installation.into_iter().chain([Stored::Account(record.account), Stored::Registered]).collect();
        store.apply(&Transaction { at_ms: 0, changes }).expect("a store in memory");
        store.sync();
        self.world.phones[phone].store = store;
        // What it told as delivered, it has no more.
        self.world.phones[phone].is_twin = true;
    }

    /// The phone's app tells nothing of its screen: what is stored is known from its lists alone.
    pub(crate) fn mute(&mut self, phone: usize) {
        self.world.phones[phone].tells_displayed = false;
    }

    /// It comes to the screen, and the phone loses its power.
    pub(crate) fn lose_power_shown(&mut self, phone: usize, id: EntryId, dark_ms: u64) {
        let id = id.to_string();
        self.until("on the screen", |world| world.phones[phone].times(&id) > 0);
        self.world.kill_phone(phone, true, dark_ms);
    }

    /// The server dies.
    pub(crate) fn crash(&mut self) {
        self.world.crash_server(false);
    }

    /// The server dies before anything of what it was asked is on disk.
    pub(crate) fn crash_before_sync(&mut self) {
        self.world.settle();
        self.crash();
    }

    pub(crate) fn start(&mut self) {
        self.world.start_server();
        self.world.settle();
    }

    pub(crate) fn restart(&mut self) {
        self.crash();
        self.start();
    }

    /// A copy of what is on the server's disk.
    pub(crate) fn copy(&mut self) -> usize {
        let copy = self.world.disk.copy();
        self.world.copies.push(copy);
        self.world.copies.len() - 1
    }

    /// The server dies, and an old copy takes the place of its disk.
    pub(crate) fn restore(&mut self, copy: usize) {
        self.crash();
        self.world.restore(copy);
    }

    /// What waits for the disk up to `wait_ms` waits on; with none, everything goes on.
    pub(crate) fn hold(&mut self, wait_ms: Option<u64>) {
        self.world.disk.direct(wait_ms);
        self.world.settle();
    }

    /// The next batch does not reach the server's worker.
    pub(crate) fn miss_next_batch(&mut self) {
        if let Some(server) = &self.world.server {
            server.miss_next_batch();
        }
    }

    pub(crate) fn sweep(&mut self) {
        if let Some(server) = &self.world.server {
            server.sweep();
        }
        self.pass(QUICK_MS);
    }

    /// How far the phone's cursor is, in the normal lane.
    pub(crate) fn cursor(&self, phone: usize) -> u64 {
        self.world.phones[phone].record().record.cursor.map_or(0, |cursor| cursor.normal)
    }

    /// The log's end.
    pub(crate) fn last(&mut self) -> u64 {
        self.world.book.follow(&self.world.disk);
        self.world.book.last()
    }

    pub(crate) fn expect(&mut self, is_so: bool, what: &str) {
        if !is_so {
            self.wrong.push(format!("the story expects: {what}"));
        }
    }

    pub(crate) fn expect_once(&mut self, phone: usize, id: EntryId) {
        let times = self.world.phones[phone].times(&id.to_string());
        self.expect(times == 1, &format!("{id} is shown once on phone {phone}, not {times} times"));
    }

    pub(crate) fn expect_never(&mut self, phone: usize, id: EntryId) {
        let times = self.world.phones[phone].times(&id.to_string());
        self.expect(times == 0, &format!("{id} is not shown on phone {phone}, not {times} times"));
    }

    pub(crate) fn expect_gone(&mut self, phone: usize, id: EntryId) {
        let is_visible = self.world.phones[phone].is_visible(&id.to_string());
        self.expect(!is_visible, &format!("{id} is not on the screen of phone {phone}"));
    }

    /// The API says so of one notification on one phone.
    pub(crate) fn expect_state(&mut self, phone: usize, id: EntryId, states: &[State]) {
        let device = self.world.device(phone);
        let listed = self.world.server.as_mut().and_then(|server| server.deliveries(id)).unwrap_or_default();
        let own = listed.into_iter().find(|own| Some(own.device) == device).map(|own| own.delivery.state);
        self.expect(own.is_some_and(|own| states.contains(&own)), &format!("{id} is {states:?}, not {own:?}"));
    }

    /// The device has it.
    pub(crate) fn expect_delivered(&mut self, phone: usize, id: EntryId) {
        self.expect_state(phone, id, &[State::Delivered, State::Displayed, State::Opened, State::Dismissed]);
    }

    /// Everything comes to rest.
    pub(crate) fn heal(&mut self) {
        self.hold(None);
        self.world.heal();
    }

    /// Everything that is wrong, and behind it the trace when there is one.
    pub(crate) fn end(mut self) -> Vec<String> {
        let mut wrong = std::mem::take(&mut self.wrong);
        wrong.extend(check::check(&mut self.world, false));
        if !wrong.is_empty() {
            wrong.append(&mut self.world.trace);
        }
        wrong
    }
}
