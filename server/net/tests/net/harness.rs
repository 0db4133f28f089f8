//! A server with a clock that tests move, and a client that sends text and waits for text.

use std::fs;
use std::io::{ErrorKind, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use longwire_core::{Clock, Core, CoreConfig, Env, Random, Registration};
use longwire_model::entry::{Content, Routing};
use longwire_model::{AudienceKey, Entry, EntryKind, Lane, Timestamp};
use longwire_net::certificate::Certificate;
use longwire_net::{Net, NetConfig};
use longwire_protocol::sasl::base64;
use longwire_protocol::sasl::scram::{Client as Scram, ClientBinding};
use longwire_store::memory::MemoryStore;
use longwire_store::{Write, Written};
use rustls::crypto::ring;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::runtime::Runtime;

pub(crate) const HEADER: &str = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
/// How long anything may take that should happen at once.
const SOON: Duration = Duration::from_secs(20);

/// Real time and what the test has added to it.
#[derive(Default)]
struct TestClock {
    added_ms: AtomicU64,
    start: std::sync::OnceLock<Instant>,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_261_320_000 + i64::try_from(self.mono_ms()).expect("a short test"))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the rim")]
    fn mono_ms(&self) -> u64 {
        let elapsed = self.start.get_or_init(Instant::now).elapsed();
        u64::try_from(elapsed.as_millis()).expect("a short test") + self.added_ms.load(Ordering::SeqCst)
    }
}

/// Different each time, and the same in each run.
#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(next.to_be_bytes().get(..chunk.len()).expect("at most eight"));
        }
    }
}

pub(crate) struct Server {
    pub(crate) core: Arc<Core>,
    pub(crate) net: Option<Net>,
    pub(crate) c2s: SocketAddr,
    pub(crate) c2s_tls: SocketAddr,
    clock: Arc<TestClock>,
    runtime: Runtime,
    roots: RootCertStore,
}

impl Server {
    pub(crate) fn start(change: impl FnOnce(&mut NetConfig)) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let clock = Arc::new(TestClock::default());
        let env = Env::new(Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(Counting::default()));
        let config = CoreConfig {
            domain: "localhost".to_owned(),
            registration: Registration::Open,
            heartbeat_min_s: None,
            heartbeat_max_s: 600,
            server_key: [7; 32],
            fast_token_ms: 1_000_000,
            device_topics: Vec::new(),
            device_tags: Vec::new(),
            androidpn: None,
        };
        let core = runtime.block_on(Core::open(Arc::new(MemoryStore::new()), env, config)).expect("opened");
        runtime.block_on(core.begin_generation()).expect("begun");
        for name in ["alice", "bob"] {
            runtime.block_on(core.auth.add_account(name, Some("secret-word"))).expect("added");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let names = ["localhost", "127.0.0.1"].map(str::to_owned).to_vec();
        let made = rcgen::generate_simple_self_signed(names).expect("names that can stand in it");
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        fs::write(&certificate, made.cert.pem()).expect("written");
        fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&certificate).expect("read")).expect("trusted");
        let mut config = NetConfig::new(Certificate::load(&certificate, &key).expect("loaded"));
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        (config.c2s, config.c2s_tls, config.workers) = (Some(any), Some(any), 2);
        change(&mut config);
        let net = Net::start(Arc::clone(&core), &config, runtime.handle().clone()).expect("started");
        let (c2s, c2s_tls) = (net.c2s().expect("listens"), net.c2s_tls().expect("listens"));
        Self { core, net: Some(net), c2s, c2s_tls, clock, runtime, roots }
    }

    /// Moves the server's clock.
    pub(crate) fn pass(&self, ms: u64) {
        self.clock.added_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Appends a notification to everybody.
    pub(crate) fn push_to_all(&self, title: &str) -> Arc<Entry> {
        let written = self.runtime.block_on(self.core.log.write(self.notification(title))).expect("written");
        let Written::Appended(entry) = written else { unreachable!("a notification is appended: {written:?}") };
        entry
    }

    /// Appends notifications to everybody, which are announced together.
    pub(crate) fn push_together(&self, titles: impl Iterator<Item = String>) {
        let writes = titles.map(|title| self.notification(&title)).collect();
        self.runtime.block_on(self.core.log.write_all(writes)).expect("written");
    }

    fn notification(&self, title: &str) -> Write {
        let core = &self.core;
        let at = core.env.now();
        let routing = Routing {
            audience: Arc::new(["all".parse::<AudienceKey>().expect("a key")]),
            lane: Lane::Normal,
            expires_at: at.plus_millis(3_600_000),
        };
        let payload = format!("{{\"title\":\"{title}\",\"body\":\"b\"}}").into();
        let kind = EntryKind::Notification(Content { routing, filter: None, collapse_key: None, payload });
        Write::Append { app: core.log.app(), id: core.env.entry_id(), at, kind, idempotency: None }
    }

    /// The records of alice's devices.
    pub(crate) fn recorded(&self) -> Vec<u64> {
        let devices = self.runtime.block_on(self.core.devices(None, None, 100)).expect("read");
        devices.iter().map(|device| device.recorded.normal).collect()
    }

    pub(crate) fn tcp(&self) -> Client {
        Client { carrier: Carrier::Plain(connect(self.c2s)), received: String::new(), is_closed: false }
    }

    pub(crate) fn tls(&self) -> Client {
        let mut client =
            Client { carrier: Carrier::Plain(connect(self.c2s_tls)), received: String::new(), is_closed: false };
        client.secure(self);
        client
    }

    /// A push session of alice's device `agent`.
    pub(crate) fn phone(&self, agent: &str) -> Client {
        let mut client = self.tls();
        client.send(&format!("{HEADER}{}", push_login(agent)));
        client.expect("<stream:features/>");
        client
    }

    /// A session of another client over STARTTLS, after its initial presence.
    pub(crate) fn desk(&self, name: &str, resource: &str) -> Client {
        let mut client = self.tcp();
        client.starttls(self);
        client.log_in(name, resource);
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(net) = self.net.take() {
            net.shut_down(Duration::from_secs(1));
        }
    }
}

/// Waits for what another thread brings about.
#[expect(clippy::disallowed_methods, reason = "this is the rim")]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(SOON)).expect("set");
    stream.set_nodelay(true).expect("set");
    stream
}

/// A SASL2 login by PLAIN, with a push session of device `agent`.
pub(crate) fn push_login(agent: &str) -> String {
    let data = base64::encode(b"\0alice\0secret-word");
    format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{data}</initial-response><user-agent id='{agent}'/><bind xmlns='urn:xmpp:bind:0'><tag>longwire</tag><push xmlns='urn:longwire:push:1' heartbeat='60'/></bind></authenticate>"
    )
}

enum Carrier {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    None,
}

pub(crate) struct Client {
    carrier: Carrier,
    received: String,
    is_closed: bool,
}

impl Client {
    pub(crate) fn secure(&mut self, server: &Server) {
        let Carrier::Plain(stream) = std::mem::replace(&mut self.carrier, Carrier::None) else {
            unreachable!("secured twice")
        };
        let provider = Arc::new(ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let mut config = builder.with_root_certificates(server.roots.clone()).with_no_client_auth();
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        self.carrier = Carrier::Tls(Box::new(StreamOwned::new(session, stream)));
    }

    pub(crate) fn starttls(&mut self, server: &Server) {
        self.send(HEADER);
        self.expect("</stream:features>");
        self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        self.expect("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        self.secure(server);
    }

    /// SCRAM, bind, initial presence.
    pub(crate) fn log_in(&mut self, name: &str, resource: &str) {
        self.send(HEADER);
        self.expect("</stream:features>");
        let (scram, first) =
            Scram::new(name, "secret-word", "client-nonce-0123456789", ClientBinding::Unsupported).expect("a password");
        let sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
        self.send(&format!("<auth {sasl} mechanism='SCRAM-SHA-256'>{}</auth>", base64::encode(&first)));
        self.expect(&format!("<challenge {sasl}>"));
        let challenge = self.expect("</challenge>");
        let data = base64::decode(challenge.trim_end_matches("</challenge>")).expect("data");
        let (end, last) = scram.handle_challenge(&data, None).expect("a challenge");
        self.send(&format!("<response {sasl}>{}</response>", base64::encode(&last)));
        self.expect(&format!("<success {sasl}>"));
        let success = self.expect("</success>");
        end.verify(&base64::decode(success.trim_end_matches("</success>")).expect("data")).expect("the server's proof");
        self.send(&format!("{HEADER}<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind></iq>"));
        self.expect("</bind></iq>");
        self.send("<presence/>");
        self.ping();
    }

    /// Everything sent before was handled when this returns.
    pub(crate) fn ping(&mut self) {
        self.send("<iq type='get' id='here'><ping xmlns='urn:xmpp:ping'/></iq>");
        self.expect("id='here'");
        self.expect(">");
    }

    pub(crate) fn send(&mut self, text: &str) {
        assert!(self.try_send(text), "the connection takes {text:?}");
    }

    pub(crate) fn try_send(&mut self, text: &str) -> bool {
        match &mut self.carrier {
            Carrier::Plain(stream) => stream.write_all(text.as_bytes()).is_ok(),
            Carrier::Tls(stream) => stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).is_ok(),
            Carrier::None => false,
        }
    }

    /// Waits for `wanted`; gives everything up to it and with it.
    pub(crate) fn expect(&mut self, wanted: &str) -> String {
        loop {
            if let Some(at) = self.received.find(wanted) {
                let rest = self.received.split_off(at + wanted.len());
                return std::mem::replace(&mut self.received, rest);
            }
            assert!(self.read(), "{wanted:?} did not come, but {:?}", self.received);
        }
    }

    /// Waits for the end; gives everything that came before it.
    pub(crate) fn end(&mut self) -> String {
        while self.read() {}
        assert!(self.is_closed, "the server closes");
        std::mem::take(&mut self.received)
    }

    fn read(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        let read = match &mut self.carrier {
            Carrier::Plain(stream) => stream.read(&mut buffer),
            Carrier::Tls(stream) => stream.read(&mut buffer),
            Carrier::None => return false,
        };
        match read {
            Ok(0) => self.is_closed = true,
            Ok(count) => {
                self.received.push_str(std::str::from_utf8(buffer.get(..count).expect("read")).expect("ASCII"));
                return true;
            }
            Err(error) => self.is_closed = !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
        false
    }
}
