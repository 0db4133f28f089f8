//! A core, its store, and one worker without sockets.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use longwire_core::androidpn::Settings;
use longwire_core::auth_manager::FastLogin;
use longwire_core::login::{LoginError, PushLogin, Ready};
use longwire_core::session_manager::{Command, EndReason, Worker};
use longwire_core::{Clock, Core, CoreConfig, Env, Random, Registration};
use longwire_model::{AppId, DeviceId, Entry, Lane, NamePattern, Notification, Seq, Timestamp};
use longwire_protocol::Element;
use longwire_router::{CloseReason, Now, Output, SessionKey, Shard, Stated};
use longwire_store::Write;
use longwire_store::memory::MemoryStore;

/// Time that only tests move, and numbers that never repeat.
#[derive(Default)]
pub(crate) struct Hand {
    millis: AtomicI64,
    drawn: AtomicU64,
}

impl Hand {
    pub(crate) fn advance(&self, millis: i64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000 + self.millis.load(Ordering::SeqCst))
    }

    fn mono_ms(&self) -> u64 {
        self.millis.load(Ordering::SeqCst).unsigned_abs()
    }
}

impl Random for Hand {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.drawn.fetch_add(1, Ordering::SeqCst);
        for (byte, part) in bytes.iter_mut().rev().zip(number.to_le_bytes().iter().cycle()) {
            *byte = *part;
        }
    }
}

/// A worker without sockets: what it would write is kept.
pub(crate) struct Desk {
    shard: Mutex<Shard>,
    pub(crate) sent: Mutex<Vec<(SessionKey, Arc<Entry>)>>,
    pub(crate) delivered: Mutex<Vec<(SessionKey, Element)>>,
    pub(crate) ended: Mutex<Vec<(SessionKey, EndReason)>>,
    core: Mutex<Option<std::sync::Weak<Core>>>,
    hand: Arc<Hand>,
}

impl Desk {
    pub(crate) fn shard(&self) -> MutexGuard<'_, Shard> {
        self.shard.lock().expect("no test panics with it")
    }

    fn now(&self) -> Now {
        Now { mono_ms: self.hand.mono_ms(), wall: self.hand.now() }
    }

    fn carry_out(&self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Send { session, entry, .. } => self.sent.lock().expect("unpoisoned").push((session, entry)),
                Output::Acknowledge { device, row, .. } => {
                    let core = self.core.lock().expect("unpoisoned").as_ref().and_then(std::sync::Weak::upgrade);
                    core.expect("a core").log.post(vec![Write::Acknowledge { device, row }], |_| {});
                }
                Output::Bound(..)
                | Output::Cursor { .. }
                | Output::User { .. }
                | Output::Probe { .. }
                | Output::Read { .. }
                | Output::Deadline(_) => {}
                Output::Close(session, CloseReason::Removed) => {
                    self.ended.lock().expect("unpoisoned").push((session, EndReason::NotAuthorized));
                }
                Output::Close(..) => {}
            }
        }
    }

    pub(crate) fn sent_to(&self, session: SessionKey) -> Vec<Seq> {
        let sent = self.sent.lock().expect("unpoisoned");
        sent.iter().filter(|(to, _)| *to == session).map(|(_, entry)| entry.seq).collect()
    }
}

impl Worker for Desk {
    fn send(&self, command: Command) {
        match command {
            Command::Announce(batch) => {
                let mut out = Vec::new();
                self.shard().apply(&batch, self.now(), &mut out).expect("batches are dense");
                self.carry_out(out);
                let core = self.core.lock().expect("unpoisoned").as_ref().and_then(std::sync::Weak::upgrade);
                if let Some(core) = core {
                    core.sessions.has_passed();
                }
            }
            Command::Now { entry, as_of, taken } => {
                let mut out = Vec::new();
                self.shard().deliver_now(&entry, as_of, self.now(), &mut out);
                taken.try_send(out.len()).expect("somebody counts");
                self.carry_out(out);
            }
            Command::Deliver(key, parcel) => self.delivered.lock().expect("unpoisoned").push((key, parcel.stanza)),
            Command::End(key, reason) => self.ended.lock().expect("unpoisoned").push((key, reason)),
            Command::Progress { devices, lane, seq, answer } => {
                let shard = self.shard();
                let sent = devices.iter().filter_map(|device| Some((*device, shard.progress(*device, lane, seq)?.1)));
                answer.send(sent.collect()).expect("somebody asked");
            }
        }
    }

    fn watermark(&self) -> Seq {
        self.shard().watermark()
    }
}

/// How original clients are served here.
pub(crate) fn androidpn() -> Settings {
    Settings { sealing_key: [4; 32], api_key: "1234567890".into() }
}

pub(crate) struct World {
    pub(crate) core: Arc<Core>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) hand: Arc<Hand>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::registering(Registration::Open).await
    }

    /// Where devices may take such tags.
    pub(crate) async fn with_tags(patterns: &[&str]) -> Self {
        let tags = patterns.iter().map(|pattern| pattern.parse().expect("a pattern"));
        Self::configured(Registration::Open, tags.collect()).await
    }

    /// With this policy of registration.
    pub(crate) async fn registering(registration: Registration) -> Self {
        Self::configured(registration, Vec::new()).await
    }

    async fn configured(registration: Registration, device_tags: Vec<NamePattern>) -> Self {
        let (store, hand) = (Arc::new(MemoryStore::new()), Arc::new(Hand::default()));
        let env = Env::new(Arc::<Hand>::clone(&hand), Arc::<Hand>::clone(&hand));
        let config = CoreConfig {
            domain: "example.com".into(),
            registration,
            heartbeat_min_s: None,
            heartbeat_max_s: 600,
            server_key: [9; 32],
            fast_token_ms: 1_000_000,
            device_topics: vec!["t/*".parse().expect("a pattern")],
            device_tags,
            androidpn: Some(androidpn()),
        };
        let core = Core::open(Arc::<MemoryStore>::clone(&store), env, config).await.expect("an empty store");
        core.begin_generation().await.expect("a generation");
        let desk = Arc::new(Desk {
            shard: Mutex::new(Shard::new(AppId::DEFAULT, core.log.generation(), core.log.last())),
            sent: Mutex::default(),
            delivered: Mutex::default(),
            ended: Mutex::default(),
            core: Mutex::new(Some(Arc::downgrade(&core))),
            hand: Arc::clone(&hand),
        });
        core.sessions.set_workers(vec![Arc::<Desk>::clone(&desk)]);
        Self { core, store, desk, hand }
    }

    pub(crate) async fn account(&self, name: &str) {
        self.core.auth.add_account(name, Some("secret-word")).await.expect("a new account");
    }

    pub(crate) fn push_login(&self, account: &str, agent: &str) -> PushLogin {
        PushLogin {
            key: self.core.sessions.new_key(),
            worker: 0,
            account: account.into(),
            agent: agent.into(),
            tag: None,
            installation: None,
            stated: None,
            heartbeat_s: Some(60),
            mechanism: "SCRAM-SHA-256",
            fast: FastLogin::default(),
            proven: self.core.sessions.ends(),
        }
    }

    /// Logs in and binds; gives the session and the device.
    pub(crate) async fn log_in(&self, login: PushLogin) -> Result<(Ready, DeviceId), LoginError> {
        let ready = self.core.log_in(login).await?;
        let bind = ready.bind.clone().expect("a push session is bound at once");
        let device = bind.loaded.device.id;
        let mut out = Vec::new();
        self.desk.shard().bind(bind, self.desk.now(), &mut out).expect("read just now");
        self.desk.carry_out(out);
        Ok((ready, device))
    }

    /// An account with one push device that is online.
    pub(crate) async fn phone(&self, account: &str) -> (SessionKey, DeviceId) {
        self.account(account).await;
        let (ready, device) = self.log_in(self.push_login(account, "agent")).await.expect("a login");
        (ready.session.key, device)
    }

    /// The session acknowledges `seq`, and the row is written.
    pub(crate) async fn acknowledge(&self, session: SessionKey, seq: Seq) {
        let stated = Stated { normal: Some(seq), ..Stated::default() };
        let mut out = Vec::new();
        self.desk.shard().acknowledge(session, &stated, self.desk.now(), &mut out).expect("within what was sent");
        self.desk.carry_out(out);
        // The writer works in order: when this is answered, the row before it is written.
        self.core.auth.revoke_key("none").await.expect("a write");
    }
}

pub(crate) fn notification(to: &[&str]) -> Notification {
    Notification {
        audience: to.iter().map(|key| key.parse().expect("a key")).collect(),
        filter: None,
        lane: Lane::Normal,
        ttl_seconds: 3_600,
        collapse_key: None,
        payload: r#"{"title":"Door","body":"Bell"}"#.into(),
    }
}
