//! A driver for one stream: it knows the account `alice` with the password `secret`, and answers every question at once.

use std::sync::Arc;

use longwire_c2s::{
    Action, AndroidpnProof, Answer, AppKeyRefusal, BindRefusal, BindRequest, Config, Event, IssuedToken, Outbox,
    PasswordCheck, RegisterRefusal, Registration, ResourceRequest, Session, Stream, Token, Verifier,
};
use longwire_protocol::jid::BareJid;
use longwire_protocol::sasl::base64;
use longwire_protocol::sasl::scram::{self, Client, ClientBinding};
use longwire_protocol::{DateTime, push};

/// The header of a client.
pub(crate) const HEADER: &str = "<?xml version='1.0'?><stream:stream to='example.com' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
/// The channel binding of every connection here.
pub(crate) const EXPORTER: [u8; 32] = [9; 32];
/// The FAST token that the device holds.
pub(crate) const TOKEN: &str = "a-token";
/// The app key that admits.
pub(crate) const APP_KEY: &str = "lwa_k1_secret";
/// One that it held before, expired by now.
pub(crate) const OLD_TOKEN: &str = "an-old-token";
/// A push login with a user agent, in Bind 2.
pub(crate) const PUSH_BIND: &str = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/><bind xmlns='urn:xmpp:bind:0'><tag>longwire</tag><push xmlns='urn:longwire:push:1' generation='00000000000005f3' normal='4711' background='4650' heartbeat='240'/></bind>";

/// A stream with its driver.
pub(crate) struct Driver {
    pub(crate) stream: Stream,
    pub(crate) now_ms: u64,
    /// Everything that the driver was told, questions included.
    pub(crate) events: Vec<Event>,
    /// Whether the connection is to be closed.
    pub(crate) is_closed: bool,
    /// The last action.
    pub(crate) action: Option<Action>,
    out: Outbox,
}

pub(crate) fn config() -> Config {
    let mut config = Config::new(BareJid::new("example.com").expect("a domain"), [3; 32]);
    config.registration = Registration::Open;
    config
}

impl Driver {
    /// Plain TCP.
    pub(crate) fn tcp(config: Config) -> Self {
        let stream = Stream::new(Arc::new(config), [5; 32], 0);
        Self { stream, now_ms: 0, events: Vec::new(), is_closed: false, action: None, out: Outbox::default() }
    }

    /// Direct TLS.
    pub(crate) fn tls() -> Self {
        Self::tls_with(config())
    }

    pub(crate) fn tls_with(config: Config) -> Self {
        let mut driver = Self::tcp(config);
        driver.stream.handle_tls(Some(EXPORTER), 0);
        driver
    }

    /// Inside TLS, with the header exchanged.
    pub(crate) fn ready() -> Self {
        let mut driver = Self::tls();
        driver.send(HEADER);
        driver
    }

    /// A bound session of another client, `alice@example.com/desk`.
    pub(crate) fn bound() -> Self {
        let mut driver = Self::ready();
        driver.send(&plain("alice", "secret"));
        driver.send(HEADER);
        driver.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>");
        assert!(driver.stream.is_bound());
        driver.events.clear();
        driver
    }

    /// A bound push session, `alice@example.com/longwire~1`.
    pub(crate) fn push() -> Self {
        let mut driver = Self::ready();
        driver.send(&sasl2_plain("alice", "secret", PUSH_BIND));
        assert!(driver.stream.is_bound());
        driver.events.clear();
        driver
    }

    /// Gives bytes to the stream, answers its questions, and gives what it wrote.
    pub(crate) fn send(&mut self, bytes: &str) -> String {
        self.send_bytes(bytes.as_bytes())
    }

    pub(crate) fn send_bytes(&mut self, mut bytes: &[u8]) -> String {
        let mut written = String::new();
        loop {
            let taken = self.stream.handle_input(bytes, self.now_ms, &mut self.out);
            bytes = bytes.get(taken..).expect("no more taken than given");
            let was_waiting = self.stream.is_waiting();
            written.push_str(&self.drain());
            if bytes.is_empty() || !was_waiting {
                return written;
            }
        }
    }

    /// Moves the clock and lets the stream act.
    pub(crate) fn wait(&mut self, ms: u64) -> String {
        self.now_ms += ms;
        self.stream.handle_timeout(self.now_ms, &mut self.out);
        self.drain()
    }

    /// Logs in by SCRAM with the classic profile, up to the success.
    pub(crate) fn scram(&mut self, name: &str, password: &str) -> String {
        let (client, first) =
            Client::new(name, password, "client-nonce-0123456789", ClientBinding::Unsupported).expect("a password");
        let auth = format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>{}</auth>",
            base64::encode(&first)
        );
        let challenge = self.send(&auth);
        let data = base64::decode(&between(&challenge, "xmpp-sasl'>", "</challenge>")).expect("a challenge");
        let (end, last) = client.handle_challenge(&data, None).expect("a challenge");
        let response =
            format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{}</response>", base64::encode(&last));
        let answer = self.send(&response);
        if answer.contains("<success") {
            let data = base64::decode(&between(&answer, "xmpp-sasl'>", "</success>")).expect("data");
            end.verify(&data).expect("the server's proof");
        }
        answer
    }

    fn drain(&mut self) -> String {
        let mut written = String::new();
        loop {
            written.push_str(std::str::from_utf8(&self.out.bytes).expect("the server writes UTF-8"));
            if let Some(action) = self.out.action.take() {
                self.action = Some(action);
                self.is_closed |= action == Action::Close;
            }
            let events = std::mem::take(&mut self.out.events);
            self.out.clear();
            for event in &events {
                if let Event::Answer(answer) = event {
                    written.push_str(&String::from_utf8(answer.to_stream_bytes()).expect("the server writes UTF-8"));
                }
            }
            let answers: Vec<Answer> = events.iter().filter_map(answer).collect();
            self.events.extend(events);
            if answers.is_empty() {
                return written;
            }
            for answer in answers {
                assert!(self.stream.is_waiting(), "a stream waits for its answers");
                self.stream.handle_answer(answer, self.now_ms, &mut self.out);
            }
        }
    }
}

fn answer(event: &Event) -> Option<Answer> {
    match event {
        Event::NeedVerifier { account } => Some(Answer::Verifier(match account.as_str() {
            "alice" | "disabled" => Some(Verifier {
                verifier: scram::Verifier::derive("secret", b"salt", 4096).expect("a password"),
                is_disabled: account == "disabled",
            }),
            _ => None,
        })),
        Event::NeedTokens { account, .. } => {
            let token = |issue, secret: &str, is_expired| Token { issue, secret: secret.to_owned(), is_expired };
            let tokens = match account.as_str() {
                "alice" => vec![token(7, TOKEN, false), token(6, OLD_TOKEN, true)],
                "disabled" => vec![token(1, TOKEN, false)],
                _ => Vec::new(),
            };
            Some(Answer::Tokens { tokens, is_disabled: account == "disabled" })
        }
        Event::CheckPassword { account, password } => Some(match (account.as_str(), password.as_str()) {
            ("alice", "secret") => Answer::Password(PasswordCheck::Right),
            ("disabled", "secret") => Answer::Password(PasswordCheck::Disabled),
            ("busy", _) => Answer::Unavailable { retry_after_s: 30 },
            _ => Answer::Password(PasswordCheck::Wrong),
        }),
        Event::CheckAppKey(key) => Some(match key.0.as_str() {
            APP_KEY => Answer::AppKey(Ok("k1".to_owned())),
            "revoked" => Answer::AppKey(Err(AppKeyRefusal::Revoked)),
            "limited" => Answer::AppKey(Err(AppKeyRefusal::Limited { retry_after_s: 60 })),
            "busy" => Answer::Unavailable { retry_after_s: 5 },
            _ => Answer::AppKey(Err(AppKeyRefusal::Invalid)),
        }),
        Event::Register { account, .. } => Some(match account.as_str() {
            "alice" => Answer::Registered(Err(RegisterRefusal::Conflict)),
            "limited" => Answer::Registered(Err(RegisterRefusal::Limited { retry_after_s: 60 })),
            "busy" => Answer::Unavailable { retry_after_s: 5 },
            _ => Answer::Registered(Ok(())),
        }),
        Event::RegisterAndroidpn(asked) => Some(match asked.account.as_str() {
            "taken" => Answer::Registered(Err(RegisterRefusal::Conflict)),
            "limited" => Answer::Registered(Err(RegisterRefusal::Limited { retry_after_s: 60 })),
            "busy" => Answer::Unavailable { retry_after_s: 5 },
            _ => Answer::Registered(Ok(())),
        }),
        Event::CheckAndroidpn(login) => {
            let (AndroidpnProof::Digest { digest: proof, .. } | AndroidpnProof::Password(proof)) = &login.proof;
            Some(match (login.account.as_str(), proof.as_str()) {
                ("busy", _) => Answer::Unavailable { retry_after_s: 30 },
                ("disabled", "right") => Answer::Password(PasswordCheck::Disabled),
                (_, "right") => Answer::Password(PasswordCheck::Right),
                _ => Answer::Password(PasswordCheck::Wrong),
            })
        }
        Event::FollowLogin(request) => Some(Answer::Followed(request.token_wanted.map(|_| token()))),
        Event::Bind(request) => Some(bind(request)),
        Event::Stanza(_)
        | Event::Answer(_)
        | Event::PushAck(_)
        | Event::LoginFailed(_)
        | Event::Heartbeat
        | Event::Promise(_)
        | Event::Closed(_) => None,
    }
}

fn bind(request: &BindRequest) -> Answer {
    let resource = match &request.resource {
        ResourceRequest::Any => "chosen",
        ResourceRequest::Tag(_) => "longwire~1",
        ResourceRequest::Named(name) if name.as_str() == "full" => {
            return Answer::BindRefused(BindRefusal::ResourceConstraint);
        }
        ResourceRequest::Named(name) => name.as_str(),
    };
    let jid = BareJid::new(&format!("{}@{}", request.account, request.domain)).expect("a JID");
    let push = request.push.as_ref().map(|login| push::Bound {
        device: "d1".to_owned(),
        cursor: login.cursor.unwrap_or(push::Cursor { generation: push::Generation(1), normal: 0, background: 0 }),
        recorded_normal: 4709,
        recorded_background: 4650,
        time: DateTime(1_795_261_320_123),
        heartbeat_min_s: None,
        heartbeat_max_s: 600,
        user: None,
    });
    let token = request.token_wanted.map(|_| token());
    let jid = jid.with_resource_str(resource).expect("a resource");
    Answer::Bound(Box::new(Session { jid, push, token }))
}

fn token() -> IssuedToken {
    IssuedToken { secret: "new-token".to_owned(), expires_at: DateTime(1_795_261_320_123) }
}

/// A classic PLAIN login.
pub(crate) fn plain(name: &str, password: &str) -> String {
    let data = base64::encode(format!("\0{name}\0{password}").as_bytes());
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{data}</auth>")
}

/// A SASL2 PLAIN login with other elements inside.
pub(crate) fn sasl2_plain(name: &str, password: &str, inside: &str) -> String {
    let data = base64::encode(format!("\0{name}\0{password}").as_bytes());
    format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{data}</initial-response>{inside}</authenticate>"
    )
}

/// What stands between two texts.
pub(crate) fn between(text: &str, start: &str, end: &str) -> String {
    let (_, rest) = text.split_once(start).expect("the start is there");
    let (found, _) = rest.split_once(end).expect("the end is there");
    found.to_owned()
}

/// A stream error with its closing tag.
pub(crate) fn stream_error(condition: &str) -> String {
    format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
}
