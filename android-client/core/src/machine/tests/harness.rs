//! A phone whose driver is the test: store in memory, seeded randomness, bytes by hand.

use std::collections::{BTreeMap, VecDeque};

use longwire_protocol::push::{Bound, Cursor, Entry, EntryContent, Generation, Lane};
use longwire_protocol::sasl::ht;
use longwire_protocol::sasl::scram::{Challenged, ClientFirst, ServerBinding, Verifier, offer_hash};
use longwire_protocol::xep::sasl2::{Authenticate, ClientElement, ServerElement, Success};
use longwire_protocol::xep::{bind2, fast};
use longwire_protocol::{DateTime, Element, Event as StreamEvent, Jid, Limits, Reader};

use crate::heartbeat::{Adaptive, Fixed, Interval};
use crate::inbox::{MemoryStore, Store as _};
use crate::requests::{Refusal, Reply};
use crate::{Action, Actions, Config, Event, HandOver, Machine, Random, State, Target, TlsMode};

/// Server time at the phone's time 0.
pub(super) const EPOCH_MS: u64 = 1_800_000_000_000;
pub(super) const EXPORTER: [u8; 32] = [7; 32];
pub(super) const GENERATION: Generation = Generation(0x5f3c);
pub(super) const HEARTBEAT_MS: u64 = 240_000;

/// A linear congruential generator: enough for a test.
struct Lcg(u64);

impl Random for Lcg {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

pub(super) struct Phone {
    pub(super) machine: Machine,
    pub(super) store: MemoryStore,
    pub(super) now_ms: u64,
    /// Stores are answered by [`Self::answer_store`] alone.
    pub(super) is_store_slow: bool,
    pub(super) waiting_stores: VecDeque<crate::inbox::Transaction>,
    pub(super) written: Vec<u8>,
    pub(super) acks: Vec<String>,
    pub(super) handed: Vec<HandOver>,
    pub(super) finished: Vec<String>,
    pub(super) cancelled: Vec<String>,
    pub(super) states: Vec<State>,
    pub(super) answered: Vec<(u64, Result<Reply, Refusal>)>,
    pub(super) connects: usize,
    pub(super) targets: Vec<Target>,
    pub(super) resolves: Vec<Vec<TlsMode>>,
    pub(super) starttls: usize,
    pub(super) closes: usize,
    pub(super) loads: usize,
    /// Parsing this payload kills the process.
    pub(super) poison: Option<String>,
    pub(super) is_dead: bool,
    /// The process dies at this of the points at which one may die: before and after each durable step, each change of the screen
    /// and each write.
    pub(super) cut: Option<u32>,
    /// A platform that answers by itself; it outlives processes.
    pub(super) platform: Option<Platform>,
    random: Lcg,
}

/// A screen: what is on it, and how often each notification was handed over other than as an update.
#[derive(Debug, Default)]
pub(super) struct Platform {
    pub(super) visible: BTreeMap<String, String>,
    pub(super) handed: BTreeMap<String, u32>,
}

impl Phone {
    pub(super) fn new(tls: TlsMode) -> Self {
        Self::with_store(tls, MemoryStore::new())
    }

    /// A process that starts on what is stored.
    pub(super) fn with_store(tls: TlsMode, store: MemoryStore) -> Self {
        Self::with_config(Self::config(tls), store)
    }

    pub(super) fn config(tls: TlsMode) -> Config {
        Config {
            domain: Jid::new("example.com").expect("a JID"),
            server: Some(Target { host: "push.example.com".into(), port: 5223, tls }),
            srv: Vec::new(),
            app_key: None,
            software: "test".into(),
            boot_id: "boot".into(),
        }
    }

    pub(super) fn with_config(config: Config, store: MemoryStore) -> Self {
        Self::with_interval(config, store, Box::new(Fixed { interval_ms: HEARTBEAT_MS }))
    }

    /// A process whose heartbeat learns.
    pub(super) fn adaptive(store: MemoryStore) -> Self {
        Self::with_interval(Self::config(TlsMode::Direct), store, Box::new(Adaptive::default()))
    }

    fn with_interval(config: Config, store: MemoryStore, interval: Box<dyn Interval>) -> Self {
        let machine = Machine::new(config, interval);
        Self {
            machine,
            store,
            now_ms: 0,
            is_store_slow: false,
            waiting_stores: VecDeque::new(),
            written: Vec::new(),
            acks: Vec::new(),
            handed: Vec::new(),
            finished: Vec::new(),
            cancelled: Vec::new(),
            states: Vec::new(),
            answered: Vec::new(),
            connects: 0,
            targets: Vec::new(),
            resolves: Vec::new(),
            starttls: 0,
            closes: 0,
            loads: 0,
            poison: None,
            is_dead: false,
            cut: None,
            platform: None,
            random: Lcg(42),
        }
    }

    /// The process dies (and with it everything that was not stored); the next one starts.
    pub(super) fn reborn(mut self) -> Self {
        self.store.crash();
        let mut next = Self::with_store(TlsMode::Direct, self.store);
        next.now_ms = self.now_ms;
        next.poison = self.poison;
        next.platform = self.platform;
        next
    }

    pub(super) fn event(&mut self, event: Event) {
        self.call(|machine, now_ms, actions| machine.handle_event(event, now_ms, actions));
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.call(|machine, now_ms, actions| machine.handle_input(bytes, now_ms, actions));
    }

    pub(super) fn element(&mut self, element: &Element) {
        self.receive(&element.to_stream_bytes());
    }

    /// Lets time pass until the machine wants to be called, and calls it.
    pub(super) fn wait(&mut self) -> u64 {
        let (due_ms, _) = self.machine.poll_timeout().expect("the machine waits for something");
        self.now_ms = self.now_ms.max(due_ms);
        self.timeout();
        due_ms
    }

    pub(super) fn timeout(&mut self) {
        self.call(|machine, now_ms, actions| machine.handle_timeout(now_ms, actions));
    }

    fn call(&mut self, call: impl FnOnce(&mut Machine, u64, &mut Actions<'_>)) {
        if self.is_dead {
            return;
        }
        let mut actions = Actions::new(&mut self.random);
        call(&mut self.machine, self.now_ms, &mut actions);
        let list = actions.into_list();
        for action in list {
            if self.is_dead {
                return;
            }
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Load => {
                self.loads += 1;
                let answer = self.store.load().map(Box::new);
                self.event(Event::Loaded(answer));
            }
            Action::Store(transaction) => {
                self.waiting_stores.push_back(transaction);
                assert!(self.waiting_stores.len() == 1, "one durable step at a time");
                if !self.is_store_slow && !self.dies() {
                    self.answer_store();
                }
            }
            Action::Resolve { services, .. } => self.resolves.push(services),
            Action::Connect(target) => {
                self.connects += 1;
                self.targets.push(target);
            }
            Action::StartTls => self.starttls += 1,
            Action::Write(_) | Action::Acknowledge(_) if self.dies() => {}
            Action::Write(bytes) => self.written.extend(bytes),
            Action::Acknowledge(bytes) => self.acks.push(String::from_utf8(bytes).expect("UTF-8")),
            Action::Close => self.closes += 1,
            Action::Note(id) => {
                self.store.note(id.clone());
                if id.is_some() && id == self.poison {
                    self.is_dead = true;
                } else if id.is_some() {
                    self.event(Event::Noted);
                }
            }
            Action::HandOver(hand_over) => {
                self.handed.push(HandOver::clone(&hand_over));
                self.show(*hand_over);
            }
            Action::Finished(id) => self.finished.push(id),
            Action::Cancel { id, .. } => {
                self.cancelled.push(id.clone());
                self.take_away(id);
            }
            Action::Answered { number, answer } => self.answered.push((number, answer)),
            Action::State(state) => self.states.push(state),
        }
    }

    /// Whether the process dies at this point.
    fn dies(&mut self) -> bool {
        self.is_dead |= self.cut == Some(0);
        self.cut = self.cut.map(|points| points.saturating_sub(1));
        self.is_dead
    }

    fn show(&mut self, shown: HandOver) {
        if self.platform.is_none() || self.dies() {
            return;
        }
        let platform = self.platform.as_mut().expect("it is there");
        platform.visible.insert(shown.id.clone(), shown.notification.title.unwrap_or_default());
        *platform.handed.entry(shown.id.clone()).or_default() += u32::from(!shown.is_update);
        if self.dies() {
            return;
        }
        let (id, revision) = (shown.id, shown.revision);
        self.event(if shown.is_update {
            Event::Updated { id, revision }
        } else {
            Event::Finished { id, is_displayed: false }
        });
    }

    fn take_away(&mut self, id: String) {
        if self.platform.is_none() || self.dies() {
            return;
        }
        self.platform.as_mut().expect("it is there").visible.remove(&id);
        if !self.dies() {
            self.event(Event::Removed { id });
        }
    }

    /// Applies and syncs the step that waits, and answers it.
    pub(super) fn answer_store(&mut self) {
        let transaction = self.waiting_stores.pop_front().expect("a step waits for the store");
        let answer = self.store.apply(&transaction);
        self.store.sync();
        if self.dies() {
            return;
        }
        self.event(Event::Stored(answer));
    }

    /// What was written since the last call.
    pub(super) fn take_written(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.written)).expect("UTF-8")
    }

    /// The elements written since the last call, stream header aside.
    pub(super) fn take_elements(&mut self) -> Vec<Element> {
        let mut text = self.take_written();
        if !text.starts_with("<?xml") {
            text.insert_str(0, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
        }
        let mut reader = Reader::new(Limits::AFTER_LOGIN);
        let mut input = text.as_bytes();
        let mut elements = Vec::new();
        while let Some(event) = reader.read(&mut input).expect("the client writes XML") {
            if let StreamEvent::Element(element) = event {
                elements.push(element);
            }
        }
        elements
    }

    pub(super) fn start(&mut self) {
        self.event(Event::Start);
        assert_eq!(self.connects, 1, "a start connects");
    }

    /// TLS stands; the server opens its stream and offers what it has.
    pub(super) fn secure(&mut self) {
        self.event(Event::Secured { exporter: Some(EXPORTER) });
        self.receive(HEADER.as_bytes());
        self.receive(FEATURES.as_bytes());
    }

    /// The login with which the phone answers [`Self::secure`], once its registration was answered.
    pub(super) fn take_login(&mut self) -> Authenticate {
        let mut elements = self.take_elements();
        if elements.first().is_some_and(|element| element.name() == "iq") {
            self.receive(b"<iq type='result' id='register'/>");
            elements = self.take_elements();
        }
        authenticate(elements.first().expect("the client logs in"))
    }

    /// Registers, if the client asks, and logs in with its password; `bound` is what the server says.
    pub(super) fn log_in(&mut self, bound: &Bound) -> Authenticate {
        self.secure();
        let request = self.take_login();
        if request.mechanism.starts_with("SCRAM") {
            self.finish_scram(&request, bound);
        } else {
            self.finish_fast(bound);
        }
        request
    }

    pub(super) fn challenge(&mut self, request: &Authenticate) -> Challenged {
        let password = self.store.load().expect("loads").record.account.expect("an account").password;
        let verifier = Verifier::derive(&password, b"salt of sixteen!", 4096).expect("a password");
        let first = request.initial_response.as_deref().expect("an initial response");
        let binding = match request.mechanism.as_str() {
            "SCRAM-SHA-256-PLUS" => ServerBinding::Exporter(EXPORTER),
            _ => ServerBinding::Offered,
        };
        let first = ClientFirst::parse(first, binding).expect("SCRAM");
        let offer = offer_hash(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"], Some(&["tls-exporter"]));
        let (challenged, challenge) = first.challenge(verifier, "server-nonce-of-the-test", Some(&offer));
        self.element(&ServerElement::Challenge(challenge).to_element());
        challenged
    }

    fn finish_scram(&mut self, request: &Authenticate, bound: &Bound) {
        let challenged = self.challenge(request);
        let response = match ClientElement::from_element(self.take_elements().first().expect("a response")) {
            Ok(ClientElement::Response(response)) => response,
            other => panic!("not a response: {other:?}"),
        };
        let data = challenged.finish(&response).expect("the password is right");
        self.element(&success(data, bound, Some("token-1")));
    }

    fn finish_fast(&mut self, bound: &Bound) {
        let data = ht::responder(b"token-1", &EXPORTER).to_vec();
        self.element(&success(data, bound, None));
    }

    /// A phone that is online for the first time.
    pub(super) fn online() -> Self {
        let mut phone = Self::new(TlsMode::Direct);
        phone.start();
        phone.log_in(&bound(100, 100));
        assert_eq!(phone.machine.state().name(), "online");
        phone.take_written();
        phone
    }

    /// The connection is lost, the wait ends, and the phone is back with what the server says.
    pub(super) fn reconnect(&mut self, bound: &Bound) -> Authenticate {
        self.event(Event::Closed);
        self.take_written();
        self.wait();
        self.log_in(bound)
    }

    pub(super) fn receive_entries(&mut self, entries: &[Entry]) {
        let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_shared_bytes("example.com")).collect();
        self.receive(&bytes);
    }

    pub(super) fn handed_ids(&self) -> Vec<&str> {
        self.handed.iter().map(|handed| handed.id.as_str()).collect()
    }
}

pub(super) const HEADER: &str = "<?xml version='1.0'?><stream:stream from='example.com' id='s1' version='1.0' \
     xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
pub(super) const FEATURES: &str = "<stream:features>\
     <authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256-PLUS</mechanism><mechanism>SCRAM-SHA-256</mechanism>\
     <mechanism>PLAIN</mechanism><inline>\
     <bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:longwire:push:1'/></inline></bind>\
     <fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-EXPR</mechanism></fast></inline></authentication>\
     <sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>\
     <register xmlns='http://jabber.org/features/iq-register'/></stream:features>";

pub(super) fn authenticate(element: &Element) -> Authenticate {
    match ClientElement::from_element(element) {
        Ok(ClientElement::Authenticate(request)) => request,
        other => panic!("not an authenticate: {other:?}"),
    }
}

pub(super) fn success(data: Vec<u8>, bound: &Bound, token: Option<&str>) -> Element {
    let token = token.map(|token| fast::Token { token: token.into(), expiry: DateTime(u64::MAX) }.to_element());
    let inline = [bind2::Bound::with_push(bound).to_element()].into_iter().chain(token).collect();
    let authorization_identifier = Jid::new("d1@example.com/longwire~1").expect("a JID");
    ServerElement::Success(Success { additional_data: Some(data), authorization_identifier, inline }).to_element()
}

/// Both lanes at `effective`, with `recorded` on the server.
pub(super) fn bound(effective: u64, recorded: u64) -> Bound {
    Bound {
        device: "device-1".into(),
        cursor: Cursor { generation: GENERATION, normal: effective, background: effective },
        recorded_normal: recorded,
        recorded_background: recorded,
        time: DateTime(EPOCH_MS),
        heartbeat_min_s: None,
        heartbeat_max_s: 600,
        user: None,
    }
}

pub(super) fn notification(seq: u64, id: &str) -> Entry {
    Entry {
        id: id.into(),
        seq,
        lane: Lane::Normal,
        expires: DateTime(EPOCH_MS + 3_600_000),
        user: None,
        update: None,
        content: EntryContent::Notification { json: format!(r#"{{"title":"{id}"}}"#) },
    }
}

pub(super) fn about(seq: u64, content: EntryContent) -> Entry {
    Entry { content, ..notification(seq, &format!("entry-{seq}")) }
}

pub(super) fn recall(seq: u64, target: &str) -> Entry {
    about(seq, EntryContent::Recall { target: target.into() })
}

pub(super) fn update(seq: u64, target: &str, title: &str) -> Entry {
    about(seq, EntryContent::Update { target: target.into(), json: format!(r#"{{"title":"{title}"}}"#) })
}
