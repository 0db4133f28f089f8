//! A phone whose driver is the target: store in memory, bytes by hand, a screen that shows what it is given.

use longwire_client::account::{Account, FastToken, Installation};
use longwire_client::clock::Anchor;
use longwire_client::heartbeat::Fixed;
use longwire_client::inbox::{Change, MemoryStore, Store as _, Transaction};
use longwire_client::{Action, Actions, Config, Event, HandOver, Machine, Random, State, Target, TlsMode};
use longwire_protocol::push::{Bound, Cursor, Generation};
use longwire_protocol::sasl::{HT_SHA_256_EXPR, ht};
use longwire_protocol::xep::bind2;
use longwire_protocol::xep::sasl2::{ServerElement, Success};
use longwire_protocol::{DateTime, Jid};

/// The server.
pub const DOMAIN: &str = "example.com";
pub(super) const ACCOUNT: &str = "d1";
/// In texts of its own, so that it is found wherever it is said.
pub(super) const PASSWORD: &str = "pass-word-of-the-phone";
const TOKEN: &str = "token-of-the-phone";
const EXPORTER: [u8; 32] = [7; 32];
/// Server time at the phone's time 0.
const EPOCH_MS: u64 = 1_800_000_000_000;
/// Calls of the machine's timers after a read, at most.
const TIMEOUTS_MAX: u32 = 4;

const HEADER: &str = "<?xml version='1.0'?><stream:stream from='example.com' id='s1' version='1.0' \
     xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const FEATURES: &str = "<stream:features>\
     <authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256-PLUS</mechanism><mechanism>SCRAM-SHA-256</mechanism>\
     <mechanism>PLAIN</mechanism><inline>\
     <bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:longwire:push:1'/></inline></bind>\
     <fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-EXPR</mechanism></fast></inline></authentication>\
     <sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>\
     </stream:features>";

/// A linear congruential generator: the same in every run.
struct Lcg(u64);

impl Random for Lcg {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = self.0.to_be_bytes().first().copied().unwrap_or_default();
        }
    }
}

/// Told when the machine begins to work, and when it has done it.
#[derive(Clone, Copy)]
pub struct Meter {
    /// It begins.
    pub begin: fn(),
    /// It has done it.
    pub end: fn(),
}

/// A phone.
pub struct Phone {
    machine: Machine,
    store: MemoryStore,
    random: Lcg,
    now_ms: u64,
    /// Whether there is a connection for the server to speak on.
    is_connected: bool,
    written: Vec<u8>,
    /// The notifications that were put on the screen, updates aside, in order.
    pub(super) shown: Vec<String>,
    meter: Option<Meter>,
}

impl Phone {
    /// TCP stands, and TLS is to come by STARTTLS.
    pub(super) fn connecting() -> Self {
        let mut phone = Self::new(TlsMode::StartTls);
        phone.event(Event::Connected);
        phone.is_connected = true;
        phone
    }

    /// TLS stands, and the server has said nothing.
    pub(super) fn secured() -> Self {
        let mut phone = Self::new(TlsMode::Direct);
        phone.event(Event::Secured { exporter: Some(EXPORTER) });
        phone.is_connected = true;
        phone
    }

    /// A session, by the FAST token.
    ///
    /// # Panics
    /// The login did not succeed.
    #[must_use]
    pub fn online() -> Self {
        let mut phone = Self::secured();
        phone.hear(HEADER.as_bytes());
        phone.hear(FEATURES.as_bytes());
        let success = Success {
            additional_data: Some(ht::responder(TOKEN.as_bytes(), &EXPORTER).to_vec()),
            authorization_identifier: Jid::new("d1@example.com/longwire~1").expect("an address"),
            inline: vec![bind2::Bound::with_push(&bound()).to_element()],
        };
        phone.hear(&ServerElement::Success(success).to_element().to_stream_bytes());
        assert!(phone.is_online(), "the phone is {:?}", phone.machine.state());
        phone
    }

    fn new(tls: TlsMode) -> Self {
        let config = Config {
            domain: Jid::new(DOMAIN).expect("a domain"),
            server: Some(Target { host: "push.example.com".to_owned(), port: 5223, tls }),
            srv: Vec::new(),
            app_key: None,
            software: "fuzz".to_owned(),
            boot_id: "boot".to_owned(),
        };
        let machine = Machine::new(config, Box::new(Fixed { interval_ms: 240_000 }));
        let (store, random) = (registered(), Lcg(42));
        let (written, shown) = (Vec::new(), Vec::new());
        let mut phone = Self { machine, store, random, now_ms: 0, is_connected: false, written, shown, meter: None };
        phone.event(Event::Start);
        phone
    }

    pub(super) const fn is_online(&self) -> bool {
        matches!(self.machine.state(), State::Online(_))
    }

    /// Whether a text stands in what was written.
    pub(super) fn has_said(&self, text: &str) -> bool {
        self.written.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// From now on the machine's work is metered, and nothing of the driver's or the store's.
    pub const fn set_meter(&mut self, meter: Meter) {
        self.meter = Some(meter);
    }

    /// How many notifications were put on the screen.
    #[must_use]
    pub const fn shown(&self) -> usize {
        self.shown.len()
    }

    /// The machine alone.
    #[must_use]
    pub fn into_machine(self) -> Machine {
        self.machine
    }

    /// One read.
    pub fn hear(&mut self, bytes: &[u8]) {
        if self.is_connected {
            self.call(|machine, now_ms, actions| machine.handle_input(bytes, now_ms, actions));
        }
    }

    /// What is due next comes to pass.
    pub(super) fn pass_time(&mut self) {
        for _ in 0..TIMEOUTS_MAX {
            let Some((due_ms, _)) = self.machine.poll_timeout() else { return };
            self.now_ms = self.now_ms.max(due_ms);
            self.call(|machine, now_ms, actions| machine.handle_timeout(now_ms, actions));
        }
    }

    fn event(&mut self, event: Event) {
        self.call(|machine, now_ms, actions| machine.handle_event(event, now_ms, actions));
    }

    fn call(&mut self, call: impl FnOnce(&mut Machine, u64, &mut Actions<'_>)) {
        let mut actions = Actions::new(&mut self.random);
        if let Some(meter) = self.meter {
            (meter.begin)();
        }
        call(&mut self.machine, self.now_ms, &mut actions);
        if let Some(meter) = self.meter {
            (meter.end)();
        }
        for action in actions.into_list() {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Load => {
                let answer = self.store.load().map(Box::new);
                self.event(Event::Loaded(answer));
            }
            Action::Store(transaction) => {
                let answer = self.store.apply(&transaction);
                self.store.sync();
                self.event(Event::Stored(answer));
            }
            Action::Write(bytes) | Action::Acknowledge(bytes) => self.written.extend(bytes),
            Action::Close => self.is_connected = false,
            Action::Note(id) => {
                self.store.note(id.clone());
                if id.is_some() {
                    self.event(Event::Noted);
                }
            }
            Action::HandOver(shown) => self.show(*shown),
            Action::Cancel { id, .. } => self.event(Event::Removed { id }),
            // There is no second connection: the server has had its say.
            Action::Resolve { .. }
            | Action::Connect(_)
            | Action::StartTls
            | Action::Finished(_)
            | Action::Answered { .. }
            | Action::State(_) => {}
        }
    }

    fn show(&mut self, shown: HandOver) {
        let HandOver { id, revision, is_update, is_once, .. } = shown;
        if is_update {
            return self.event(Event::Updated { id, revision });
        }
        self.shown.push(id.clone());
        if !is_once {
            self.event(Event::Finished { id, is_displayed: true });
        }
    }
}

/// The store of a phone that has an account and a FAST token.
fn registered() -> MemoryStore {
    let account = Account { name: ACCOUNT.to_owned(), password: PASSWORD.to_owned(), is_registered: true };
    let token = FastToken {
        token: TOKEN.to_owned(),
        mechanism: HT_SHA_256_EXPR.to_owned(),
        expires_ms: EPOCH_MS + 30 * 86_400_000,
    };
    let anchor = Anchor { server_ms: EPOCH_MS, boot_ms: 0, boot_id: "boot".to_owned() };
    let changes = vec![
        Change::Installation(Installation::from_random([1; 16], [2; 16])),
        Change::Account(Some(account)),
        Change::Registered,
        Change::Bound { bound: bound(), token: Some(token), anchor },
    ];
    let mut store = MemoryStore::new();
    store.apply(&Transaction { at_ms: EPOCH_MS, changes }).expect("the store takes it");
    store.sync();
    store
}

fn bound() -> Bound {
    Bound {
        device: "device-1".to_owned(),
        cursor: Cursor { generation: Generation(0x5f3c), normal: 100, background: 100 },
        recorded_normal: 100,
        recorded_background: 100,
        time: DateTime(EPOCH_MS),
        heartbeat_min_s: None,
        heartbeat_max_s: 600,
        user: None,
    }
}
