//! A small server for one audience, `all`: registration, SCRAM, FAST, push; everything kept, nothing expired.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use longwire_protocol::push::{Ack, Bound, Cursor, DeviceEvent, Entry, EntryContent, Generation, Lane};
use longwire_protocol::sasl::scram::{Challenged, ClientFirst, ServerBinding, Verifier};
use longwire_protocol::sasl::{HT_SHA_256_EXPR, SCRAM_SHA_256, TLS_EXPORTER_LABEL, ht};
use longwire_protocol::stanza::{Iq, IqType};
use longwire_protocol::stream::StreamHeader;
use longwire_protocol::xep::sasl2::{Authenticate, Authentication, ClientElement, ServerElement, Success};
use longwire_protocol::xep::{bind2, fast, register, starttls};
use longwire_protocol::{DateTime, Element, Event, Jid, Limits, Reader, ns};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::phone::PATIENCE;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Direct,
    StartTls,
}

/// What the server knows.
#[derive(Default)]
pub(crate) struct State {
    accounts: HashMap<String, String>,
    log: Vec<(String, EntryContent)>,
    /// What each user agent acknowledged.
    pub(crate) recorded: HashMap<String, u64>,
    pub(crate) acks: Vec<Ack>,
    pub(crate) events: Vec<(String, String)>,
    pub(crate) mechanisms: Vec<String>,
    /// Connections to STARTTLS that began with something else.
    pub(crate) strays: usize,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    head: watch::Sender<u64>,
}

/// The server; it ends with the test.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    directory: TempDir,
    pin: String,
    _runtime: tokio::runtime::Runtime,
}

impl Fake {
    pub(crate) fn start(mode: Mode) -> Self {
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let directory = TempDir::new().expect("a directory");
        std::fs::write(directory.path().join("ca.pem"), key.cert.pem()).expect("writes");
        let pin = Sha256::digest(key.cert.der()).iter().map(|byte| format!("{byte:02x}")).collect();
        let certificate = CertificateDer::from(key.cert.der().to_vec());
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], private)
            .expect("a key");
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), head: watch::Sender::new(0) });
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        runtime.spawn(accept(listener, mode, acceptor, Arc::clone(&shared)));
        Self { address, shared, directory, pin, _runtime: runtime }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    pub(crate) fn pin(&self) -> String {
        self.pin.clone()
    }

    /// Appends a notification for everybody.
    pub(crate) fn push(&self, id: &str, json: &str) -> u64 {
        self.append(id, EntryContent::Notification { json: json.to_owned() })
    }

    /// Appends an entry for everybody.
    pub(crate) fn append(&self, id: &str, content: EntryContent) -> u64 {
        let mut state = self.shared.lock();
        state.log.push((id.to_owned(), content));
        let head = state.log.len() as u64;
        self.shared.head.send_replace(head);
        head
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.shared.lock())
    }

    /// Waits until the server's state is so; tells how long that took.
    #[expect(clippy::disallowed_methods, reason = "a test measures how long a condition took")]
    pub(crate) fn wait_until(&self, is_so: impl Fn(&State) -> bool) -> Duration {
        let since = Instant::now();
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, PATIENCE, |state| !is_so(state)).expect("no panic");
        assert!(!waited.1.timed_out(), "the server's state is not as expected in time");
        since.elapsed()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }
}

async fn accept(listener: TcpListener, mode: Mode, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let tcp = if mode == Mode::StartTls { upgrade(tcp, &shared).await } else { Some(tcp) };
            let Some(tcp) = tcp else { return };
            let Ok(stream) = acceptor.accept(tcp).await else { return };
            let (_, session) = stream.get_ref();
            let exporter = session.export_keying_material([0; 32], TLS_EXPORTER_LABEL.as_bytes(), Some(&[]));
            let session = Session {
                shared,
                exporter: exporter.expect("TLS 1.3"),
                out: Vec::new(),
                challenged: None,
                request: None,
                agent: String::new(),
                position: None,
            };
            session.serve(stream).await;
        });
    }
}

/// The plain half of STARTTLS; a client that begins with TLS gets a stream error, as servers do.
async fn upgrade(mut tcp: TcpStream, shared: &Shared) -> Option<TcpStream> {
    let mut reader = Reader::new(Limits::BEFORE_LOGIN);
    let mut buffer = [0; 1024];
    loop {
        let length = tcp.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
        let mut input = buffer.get(..length).expect("a read fits its buffer");
        loop {
            match reader.read(&mut input) {
                Ok(Some(Event::Open(_))) => {
                    let mut out = header();
                    let features = Element::new(ns::STREAMS, "features").with_child(starttls::feature(true));
                    features.write_in_stream(&mut out);
                    tcp.write_all(&out).await.ok()?;
                }
                Ok(Some(Event::Element(element))) if starttls::is_request(&element) => {
                    tcp.write_all(&starttls::proceed().to_stream_bytes()).await.ok()?;
                    return Some(tcp);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    shared.change(|state| state.strays += 1);
                    let mut out = header();
                    longwire_protocol::stream::StreamError::new(error.condition).write_and_close(&mut out);
                    tcp.write_all(&out).await.ok()?;
                    return None;
                }
            }
        }
    }
}

fn header() -> Vec<u8> {
    let mut out = Vec::new();
    StreamHeader::server(Jid::new("localhost").expect("a JID"), None, "s1").write_to(&mut out);
    out
}

struct Session {
    shared: Arc<Shared>,
    exporter: [u8; 32],
    out: Vec<u8>,
    challenged: Option<Challenged>,
    request: Option<Authenticate>,
    agent: String,
    /// Up to where the log was sent, once bound.
    position: Option<u64>,
}

impl Session {
    async fn serve(mut self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut head = self.shared.head.subscribe();
        let mut reader = Reader::new(Limits::AFTER_LOGIN);
        let mut buffer = vec![0; 4096];
        loop {
            tokio::select! {
                read = stream.read(&mut buffer) => {
                    let Ok(length @ 1..) = read else { return };
                    let mut input = buffer.get(..length).expect("a read fits its buffer");
                    while let Some(event) = reader.read(&mut input).expect("the client writes XML") {
                        match event {
                            Event::Open(_) => self.open(),
                            Event::Element(element) => self.element(element),
                            Event::Whitespace(_) => self.out.push(b' '),
                            Event::Close => return,
                        }
                    }
                }
                _ = head.changed() => {}
            }
            self.send_log();
            let out = std::mem::take(&mut self.out);
            if stream.write_all(&out).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    }

    fn open(&mut self) {
        self.out.extend(header());
        let bind = bind2::Feature { inline: vec![ns::PUSH.to_owned()] }.to_element();
        let fast = fast::Feature { mechanisms: vec![HT_SHA_256_EXPR.to_owned()] }.to_element();
        let sasl2 = Authentication { mechanisms: vec![SCRAM_SHA_256.to_owned()], inline: vec![bind, fast] };
        let features =
            Element::new(ns::STREAMS, "features").with_child(sasl2.to_element()).with_child(register::feature());
        features.write_in_stream(&mut self.out);
    }

    fn element(&mut self, element: Element) {
        if ClientElement::is(&element) {
            match ClientElement::from_element(&element).expect("SASL2") {
                ClientElement::Authenticate(request) => self.authenticate(request),
                ClientElement::Response(data) => {
                    let data = self.challenged.take().expect("a challenge").finish(&data).expect("the password");
                    self.succeed(data);
                }
                ClientElement::Abort => {}
            }
        } else if let Ok(ack) = Ack::from_element(&element) {
            self.shared.change(|state| {
                let recorded = state.recorded.entry(self.agent.clone()).or_default();
                *recorded = ack.normal.unwrap_or_default().max(*recorded);
                state.acks.push(ack);
            });
        } else if let Ok(iq) = Iq::from_element(element) {
            self.iq(&iq);
        }
    }

    fn iq(&mut self, iq: &Iq) {
        let IqType::Set(payload) = &iq.kind else { return };
        if let Ok(register::Submission::Account { username, password }) = register::Submission::from_element(payload) {
            self.shared.change(|state| state.accounts.insert(username, password));
        } else if let Ok(event) = DeviceEvent::from_element(payload) {
            self.shared.change(|state| state.events.push((event.entry, event.kind.to_string())));
        }
        iq.result_for(None).to_element().write_in_stream(&mut self.out);
    }

    fn authenticate(&mut self, request: Authenticate) {
        self.agent = request.user_agent.clone().and_then(|agent| agent.id).expect("a user agent");
        self.shared.change(|state| state.mechanisms.push(request.mechanism.clone()));
        let data = request.initial_response.clone().expect("data");
        self.request = Some(request);
        if let Ok(initiator) = ht::Initiator::parse(&data) {
            assert!(initiator.proves(b"token", &self.exporter), "the token");
            return self.succeed(ht::responder(b"token", &self.exporter).to_vec());
        }
        let first = ClientFirst::parse(&data, ServerBinding::NotOffered).expect("SCRAM");
        let password = self.shared.lock().accounts.get(&first.username).cloned().expect("an account");
        let verifier = Verifier::derive(&password, b"salt of sixteen!", 4096).expect("a password");
        let (challenged, challenge) = first.challenge(verifier, "the-server's-own-nonce", None);
        self.challenged = Some(challenged);
        ServerElement::Challenge(challenge).to_element().write_in_stream(&mut self.out);
    }

    fn succeed(&mut self, data: Vec<u8>) {
        let request = self.request.take().expect("a request");
        let login = request.bind().expect("a bind").push().expect("readable").expect("a push login");
        let recorded = self.shared.change(|state| *state.recorded.entry(self.agent.clone()).or_default());
        let effective = login.cursor.map_or(recorded, |cursor| cursor.normal);
        self.position = Some(effective);
        let bound = Bound {
            device: self.agent.clone(),
            cursor: Cursor { generation: Generation(1), normal: effective, background: 0 },
            recorded_normal: recorded,
            recorded_background: 0,
            time: DateTime(1_800_000_000_000),
            heartbeat_min_s: None,
            heartbeat_max_s: 600,
            user: None,
        };
        let token = fast::Token { token: "token".into(), expiry: DateTime(1_900_000_000_000) };
        let token = request.request_token().expect("readable").map(|_| token.to_element());
        let inline = [bind2::Bound::with_push(&bound).to_element()].into_iter().chain(token).collect();
        let authorization_identifier = Jid::new("d1@localhost/longwire~1").expect("a JID");
        let success = Success { additional_data: Some(data), authorization_identifier, inline };
        ServerElement::Success(success).to_element().write_in_stream(&mut self.out);
        Element::new(ns::STREAMS, "features").write_in_stream(&mut self.out);
    }

    fn send_log(&mut self) {
        let Some(position) = &mut self.position else { return };
        for (seq, (id, content)) in (1..).zip(&self.shared.lock().log).skip(usize::try_from(*position).expect("small"))
        {
            let entry = Entry {
                id: id.clone(),
                seq,
                lane: Lane::Normal,
                expires: DateTime(1_800_000_000_000 + 3_600_000),
                user: None,
                update: None,
                content: content.clone(),
            };
            self.out.extend(entry.to_shared_bytes("localhost"));
            *position = seq;
        }
    }
}
