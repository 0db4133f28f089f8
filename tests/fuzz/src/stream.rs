//! Stream negotiation: the server half of one stream, from its first byte or from the middle of its life.
//!
//! The first byte says where the stream stands, NUL (which no stream may have) parts what follows into reads: between two the TLS handshake
//! that was asked for takes place, or five seconds pass.

#[expect(dead_code, reason = "the tests of c2s ask it for more")]
#[path = "../../../server/c2s/tests/c2s/harness.rs"]
mod harness;

use harness::{Driver, EXPORTER, config};
use longwire_c2s::{Action, Event};

/// Milliseconds that pass between two reads.
const PAUSE_MS: u64 = 5_000;

/// The target.
pub(crate) fn run(data: &[u8]) {
    let Some((phase, bytes)) = data.split_first() else { return };
    let whole = play(*phase, bytes, usize::MAX);
    // Before TLS a cut may mean something: what comes in one read with STARTTLS is refused, what comes later is the handshake's.
    if !matches!(phase, b'0' | b'5') {
        let cut = play(*phase, bytes, bytes.len() % 7 + 1);
        assert_eq!(cut, whole, "XML-35: cut in pieces other things happen");
    }
}

/// What was written, and what the driver was told. Heartbeats in a row count as one: each read that has white space is answered once.
fn play(phase: u8, bytes: &[u8], piece: usize) -> (String, Vec<Event>) {
    let mut driver = begin(phase);
    let mut written = String::new();
    for (index, read) in bytes.split(|byte| *byte == 0).enumerate() {
        if index > 0 {
            match driver.action.take() {
                Some(Action::StartTls) => driver.stream.handle_tls(Some(EXPORTER), driver.now_ms),
                Some(Action::Close) | None => written.push_str(&driver.wait(PAUSE_MS)),
            }
        }
        for piece in read.chunks(piece) {
            written.push_str(&driver.send_bytes(piece));
        }
    }
    check(&driver);
    written = written.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    driver.events.dedup_by(|next, last| matches!((next, last), (Event::Heartbeat, Event::Heartbeat)));
    (written, driver.events)
}

fn begin(phase: u8) -> Driver {
    let androidpn = || {
        let mut config = config();
        (config.plaintext, config.androidpn) = (true, true);
        config
    };
    match phase {
        b'0' => Driver::tcp(config()),
        b'1' => Driver::tls(),
        b'2' => Driver::ready(),
        b'3' => Driver::bound(),
        b'4' => Driver::push(),
        b'5' => Driver::tcp(androidpn()),
        _ => Driver::tls_with(androidpn()),
    }
}

/// What holds whatever a client sends.
fn check(driver: &Driver) {
    let closed = driver.events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
    assert_eq!(closed, usize::from(driver.is_closed), "a stream ends once, and its connection with it");
    for event in &driver.events {
        match event {
            // The driver knows one account with a password: no authorisation id and no second login opens another.
            Event::Bind(request) if !request.is_androidpn => {
                assert_eq!(request.account, "alice", "a session for who has not logged in");
            }
            Event::Stanza(stanza) => crate::codec::reads_back(stanza),
            Event::Bind(_)
            | Event::NeedVerifier { .. }
            | Event::NeedTokens { .. }
            | Event::CheckPassword { .. }
            | Event::CheckAppKey(_)
            | Event::Register { .. }
            | Event::RegisterAndroidpn(_)
            | Event::CheckAndroidpn(_)
            | Event::FollowLogin(_)
            | Event::Answer(_)
            | Event::PushAck(_)
            | Event::LoginFailed(_)
            | Event::Heartbeat
            | Event::Promise(_)
            | Event::Closed(_) => {}
        }
    }
}
