//! A phone that was online before: a real client machine with account, token and cursor in its store.

use longwire_client::account::{Account, FastToken, Installation};
use longwire_client::clock::Anchor;
use longwire_client::heartbeat::Fixed;
use longwire_client::inbox::{Change, MemoryStore, Store as _, Transaction};
use longwire_client::{Action, Actions, Config, Event, Machine, Random, State, Target, TlsMode};
use longwire_protocol::push::{Bound, Cursor, Generation};
use longwire_protocol::sasl::{HT_SHA_256_EXPR, ht};
use longwire_protocol::stream::StreamError;
use longwire_protocol::xep::bind2;
use longwire_protocol::xep::sasl2::{ServerElement, Success};
use longwire_protocol::{DateTime, Jid};

const DOMAIN: &str = "example.com";
const EXPORTER: [u8; 32] = [7; 32];
const EPOCH_MS: u64 = 1_800_000_000_000;
const HEADER: &str = "<?xml version='1.0'?><stream:stream from='example.com' id='s1' version='1.0' \
     xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const FEATURES: &str = "<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256</mechanism><inline>\
     <bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:longwire:push:1'/></inline></bind>\
     <fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-EXPR</mechanism></fast></inline></authentication>\
     <register xmlns='http://jabber.org/features/iq-register'/></stream:features>";

/// A generator as good as a world needs (`SplitMix64`).
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Random for Rng {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.next().to_le_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    }
}

/// What a phone does to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Connect,
    /// It asks to be let in.
    Ask,
    Close,
}

pub(crate) struct Phone {
    machine: Machine,
    store: MemoryStore,
    rng: Rng,
    /// Whether TLS stands, and nothing was said since.
    is_secured: bool,
}

impl Phone {
    /// A phone that was never here, or one that was.
    pub(crate) fn new(seed: u64, is_known: bool) -> Self {
        let config = Config {
            domain: Jid::new(DOMAIN).expect("a domain"),
            server: Some(Target { host: DOMAIN.into(), port: 5223, tls: TlsMode::Direct }),
            srv: Vec::new(),
            app_key: None,
            software: "crowd".into(),
            boot_id: "boot".into(),
        };
        let mut rng = Rng(seed);
        let mut store = MemoryStore::new();
        if is_known {
            let changes = history(&mut rng);
            store.apply(&Transaction { at_ms: EPOCH_MS, changes }).expect("a store in memory");
            store.sync();
        }
        let machine = Machine::new(config, Box::new(Fixed { interval_ms: 240_000 }));
        Self { machine, store, rng, is_secured: false }
    }

    pub(crate) fn start(&mut self, now_ms: u64) -> Vec<Wish> {
        self.event(Event::Start, now_ms)
    }

    pub(crate) fn is_online(&self) -> bool {
        matches!(self.machine.state(), State::Online(_))
    }

    /// When it wants to be called; nobody asks for the heartbeats of one who is online.
    pub(crate) fn due_ms(&self) -> Option<u64> {
        self.machine.poll_timeout().map(|(due_ms, _)| due_ms).filter(|_| !self.is_online())
    }

    pub(crate) fn timeout(&mut self, now_ms: u64) -> Vec<Wish> {
        self.call(|machine, actions| machine.handle_timeout(now_ms, actions), now_ms)
    }

    pub(crate) fn event(&mut self, event: Event, now_ms: u64) -> Vec<Wish> {
        self.call(|machine, actions| machine.handle_event(event, now_ms, actions), now_ms)
    }

    pub(crate) fn secured(&mut self, now_ms: u64) -> Vec<Wish> {
        self.is_secured = true;
        self.event(Event::Secured { exporter: Some(EXPORTER) }, now_ms)
    }

    pub(crate) fn refused(&mut self, error: &StreamError, now_ms: u64) -> Vec<Wish> {
        let bytes = error.to_element().to_stream_bytes();
        let bytes = [HEADER.as_bytes(), &bytes].concat();
        self.call(|machine, actions| machine.handle_input(&bytes, now_ms, actions), now_ms)
    }

    pub(crate) fn admitted(&mut self, now_ms: u64) -> Vec<Wish> {
        let success = Success {
            additional_data: Some(ht::responder(b"token", &EXPORTER).to_vec()),
            authorization_identifier: Jid::new("d1@example.com/longwire~1").expect("a JID"),
            inline: vec![bind2::Bound::with_push(&bound()).to_element()],
        };
        let success = ServerElement::Success(success).to_element().to_stream_bytes();
        let bytes = [HEADER.as_bytes(), FEATURES.as_bytes(), &success].concat();
        self.call(|machine, actions| machine.handle_input(&bytes, now_ms, actions), now_ms)
    }

    fn call(&mut self, call: impl FnOnce(&mut Machine, &mut Actions<'_>), now_ms: u64) -> Vec<Wish> {
        let mut actions = Actions::new(&mut self.rng);
        call(&mut self.machine, &mut actions);
        let mut wishes = Vec::new();
        for action in actions.into_list() {
            match action {
                Action::Load => {
                    let answer = self.store.load().map(Box::new);
                    wishes.extend(self.event(Event::Loaded(answer), now_ms));
                }
                Action::Store(transaction) => {
                    let answer = self.store.apply(&transaction);
                    self.store.sync();
                    wishes.extend(self.event(Event::Stored(answer), now_ms));
                }
                Action::Connect(_) => wishes.push(Wish::Connect),
                Action::Write(_) if std::mem::take(&mut self.is_secured) => wishes.push(Wish::Ask),
                Action::Close => {
                    self.is_secured = false;
                    wishes.push(Wish::Close);
                }
                Action::Resolve { .. }
                | Action::StartTls
                | Action::Write(_)
                | Action::Acknowledge(_)
                | Action::Note(_)
                | Action::HandOver(_)
                | Action::Finished(_)
                | Action::Cancel { .. }
                | Action::Answered { .. }
                | Action::State(_) => {}
            }
        }
        wishes
    }
}

fn bound() -> Bound {
    Bound {
        device: "device-1".into(),
        cursor: Cursor { generation: Generation(1), normal: 1, background: 1 },
        recorded_normal: 1,
        recorded_background: 1,
        time: DateTime(EPOCH_MS),
        heartbeat_min_s: None,
        heartbeat_max_s: 600,
        user: None,
    }
}

/// What the store of a phone holds that was online before.
fn history(rng: &mut Rng) -> Vec<Change> {
    let mut bytes = [0; 64];
    rng.fill(&mut bytes);
    let (agent, rest) = bytes.split_at(16);
    let (secret, name) = rest.split_at(16);
    let installation =
        Installation::from_random(agent.try_into().expect("16 bytes"), secret.try_into().expect("16 bytes"));
    let account = Account::from_random(name.try_into().expect("32 bytes"));
    let expires_ms = EPOCH_MS + 1_000_000_000;
    let token = FastToken { token: "token".into(), mechanism: HT_SHA_256_EXPR.into(), expires_ms };
    let anchor = Anchor { server_ms: EPOCH_MS, boot_ms: 0, boot_id: "boot".into() };
    vec![
        Change::Installation(installation),
        Change::Account(Some(account)),
        Change::Registered,
        Change::Bound { bound: bound(), token: Some(token), anchor },
    ]
}
