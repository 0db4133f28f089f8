//! What clients must not do, and what they are told.

use longwire_c2s::{Event, LoginFailure};
use longwire_protocol::sasl::{SaslCondition, base64};
use longwire_protocol::stream::StreamCondition;

use crate::harness::{Driver, HEADER, PUSH_BIND, config, plain, sasl2_plain, stream_error};

const SASL: &str = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";

fn failure(condition: &str) -> String {
    format!("<failure {SASL}><{condition}/></failure>")
}

fn failed(condition: SaslCondition, mechanism: Option<&'static str>, account: Option<&str>) -> Event {
    Event::LoginFailed(LoginFailure { condition, mechanism, account: account.map(str::to_owned) })
}

#[test]
fn plaintext_behind_starttls_is_never_read() {
    let mut driver = Driver::tcp(config());
    driver.send(HEADER);
    let injected = format!("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>{HEADER}{}", plain("alice", "secret"));
    let answer = driver.send(&injected);
    assert!(answer.starts_with("<stream:error><policy-violation "), "{answer}");
    assert!(driver.is_closed);
    assert_eq!(driver.events, [Event::Closed(Some(StreamCondition::PolicyViolation))]);
}

#[test]
fn nothing_but_starttls_before_tls() {
    for stanza in [
        "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>",
        "<presence/>",
        "<message to='alice@example.com'/>",
    ] {
        let mut driver = Driver::tcp(config());
        driver.send(HEADER);
        assert_eq!(driver.send(stanza), stream_error("not-authorized"));
        assert!(driver.is_closed);
    }
    let mut driver = Driver::tcp(config());
    driver.send(HEADER);
    assert_eq!(driver.send(&plain("alice", "secret")), failure("encryption-required"));
    assert_eq!(driver.events, [failed(SaslCondition::EncryptionRequired, Some("PLAIN"), None)]);
}

#[test]
fn a_failure_is_told_with_its_mechanism_and_account() {
    let mut driver = Driver::ready();
    driver.send(&plain("alice", "wrong"));
    let told = driver.events.pop();
    assert_eq!(told, Some(failed(SaslCondition::NotAuthorized, Some("PLAIN"), Some("alice"))));
    driver.send(&format!("<response {SASL}/>"));
    assert_eq!(driver.events.pop(), Some(failed(SaslCondition::MalformedRequest, None, None)), "nothing was begun");
    driver.send(&format!("<auth {SASL} mechanism='alice'/>"));
    let told = driver.events.iter().find(|event| matches!(event, Event::LoginFailed(_))).cloned();
    assert_eq!(told, Some(failed(SaslCondition::InvalidMechanism, None, None)), "none that there is");
}

#[test]
fn stanzas_before_login_and_before_bind_are_not_authorized() {
    for stanza in ["<presence/>", "<message/>", "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"] {
        let mut driver = Driver::ready();
        assert_eq!(driver.send(stanza), stream_error("not-authorized"));
        let mut driver = Driver::ready();
        driver.send(&plain("alice", "secret"));
        driver.send(HEADER);
        assert_eq!(driver.send(stanza), stream_error("not-authorized"));
    }
}

#[test]
fn the_header_is_checked() {
    let header = |attributes: &str| {
        format!("<stream:stream {attributes} xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
    };
    for (attributes, condition) in [
        ("to='example.org' version='1.0'", "host-unknown"),
        ("version='1.0'", "host-unknown"),
        ("to='alice@example.com' version='1.0'", "host-unknown"),
        ("to='example.com'", "unsupported-version"),
        ("to='example.com' version='0.9'", "unsupported-version"),
    ] {
        let mut driver = Driver::tls();
        let answer = driver.send(&header(attributes));
        assert!(answer.starts_with("<?xml version='1.0'?><stream:stream from='example.com' id='"), "{answer}");
        assert!(answer.ends_with(&format!(">{}", stream_error(condition))), "{attributes}: {answer}");
        assert!(driver.is_closed);
    }
    let mut driver = Driver::tls();
    assert!(driver.send(&header("to='EXAMPLE.com' version='1.5'")).contains("<stream:features>"));
}

#[test]
fn an_error_before_the_header_comes_with_a_header() {
    for garbage in ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}", "<message/>"] {
        let mut driver = Driver::tcp(config());
        let answer = driver.send(garbage);
        assert!(answer.starts_with("<?xml version='1.0'?><stream:stream from='example.com' id='"), "{answer}");
        assert!(answer.ends_with("</stream:error></stream:stream>"), "{answer}");
        assert!(driver.is_closed);
    }
}

#[test]
fn another_identity_is_refused() {
    for authzid in ["bob@example.com", "bob", "alice@example.org", "admin@example.com", "@@"] {
        let mut driver = Driver::ready();
        let data = base64::encode(format!("{authzid}\0alice\0secret").as_bytes());
        let answer = driver.send(&format!("<auth {SASL} mechanism='PLAIN'>{data}</auth>"));
        assert_eq!(answer, failure("invalid-authzid"));
        let data = base64::encode(format!("n,a={authzid},n=alice,r=client-nonce-0123456789").as_bytes());
        let answer = driver.send(&format!("<auth {SASL} mechanism='SCRAM-SHA-256'>{data}</auth>"));
        assert_eq!(answer, failure("invalid-authzid"));
        assert!(driver.events.iter().all(|event| matches!(event, Event::LoginFailed(_))));
    }
    let mut driver = Driver::ready();
    let data = base64::encode(b"alice@example.com\0alice\0secret");
    assert!(driver.send(&format!("<auth {SASL} mechanism='PLAIN'>{data}</auth>")).starts_with("<success"));
}

#[test]
fn the_header_after_login_cannot_change_the_account_or_domain() {
    let mut config = config();
    config.domains.push(longwire_protocol::jid::BareJid::new("example.net").expect("a domain"));
    for (attributes, condition) in [
        ("to='example.com' from='bob@example.com'", "invalid-from"),
        ("to='example.net'", "not-authorized"),
        ("to='example.org'", "host-unknown"),
    ] {
        let mut driver = Driver::tls_with(config.clone());
        driver.send(HEADER);
        driver.send(&plain("alice", "secret"));
        let answer = driver.send(&format!("<stream:stream {attributes} version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"));
        assert!(answer.ends_with(&stream_error(condition)), "{attributes}: {answer}");
    }
}

#[test]
fn names_are_mapped_or_refused() {
    let mut driver = Driver::ready();
    assert!(driver.scram("ALICE", "secret").starts_with("<success"));
    for name in ["a@b", "a/b", "a b", &"x".repeat(1024)] {
        let mut driver = Driver::ready();
        assert_eq!(driver.send(&plain(name, "secret")), failure("not-authorized"), "{name}");
        assert!(driver.events.iter().all(|event| matches!(event, Event::LoginFailed(_))));
    }
}

#[test]
fn wrong_passwords_and_unknown_names_look_alike() {
    for name in ["alice", "nobody"] {
        let mut driver = Driver::ready();
        assert_eq!(driver.send(&plain(name, "wrong")), failure("not-authorized"));
        assert_eq!(driver.scram(name, "wrong"), failure("not-authorized"));
    }
    let challenge = |driver: &mut Driver| {
        let data = base64::encode(b"n,,n=nobody,r=client-nonce-0123456789");
        let answer = driver.send(&format!("<auth {SASL} mechanism='SCRAM-SHA-256'>{data}</auth>"));
        let data = crate::harness::between(&answer, "'>", "<");
        let text = String::from_utf8(base64::decode(&data).expect("data")).expect("text");
        text.split_once(",s=").expect("a salt").1.to_owned()
    };
    assert_eq!(challenge(&mut Driver::ready()), challenge(&mut Driver::ready()), "the fake salt is stable");
}

#[test]
fn disabled_and_busy_accounts() {
    let mut driver = Driver::ready();
    assert_eq!(driver.send(&plain("disabled", "secret")), failure("account-disabled"));
    assert_eq!(driver.scram("disabled", "secret"), failure("account-disabled"));
    let mut driver = Driver::ready();
    for _ in 0..4 {
        let busy = format!(
            "<failure {SASL}><temporary-auth-failure/><retry xmlns='urn:longwire:push:1' after='30'/></failure>"
        );
        assert_eq!(driver.send(&plain("busy", "x")), busy);
    }
    assert!(!driver.is_closed, "an outage is no failed authentication");
}

#[test]
fn three_failures_close_the_stream() {
    let mut driver = Driver::ready();
    assert_eq!(driver.send(&plain("alice", "1")), failure("not-authorized"));
    assert_eq!(driver.send(&plain("alice", "2")), failure("not-authorized"));
    assert!(!driver.is_closed);
    let last = driver.send(&plain("alice", "3"));
    assert!(last.starts_with(&format!("{}<stream:error><policy-violation ", failure("not-authorized"))), "{last}");
    assert!(driver.is_closed);
}

#[test]
fn sasl_out_of_order() {
    let cases = [
        (format!("<abort {SASL}/>"), "aborted"),
        (format!("<response {SASL}>AAAA</response>"), "malformed-request"),
        (format!("<response {SASL}>A A</response>"), "malformed-request"),
        (format!("<response {SASL}/>"), "malformed-request"),
        (format!("<auth {SASL} mechanism='X-UNKNOWN'>=</auth>"), "invalid-mechanism"),
        (format!("<auth {SASL}/>"), "invalid-mechanism"),
        (format!("<auth {SASL} mechanism='HT-SHA-256-EXPR'>=</auth>"), "invalid-mechanism"),
        (format!("<auth {SASL} mechanism='PLAIN'>A</auth>"), "incorrect-encoding"),
        (format!("<auth {SASL} mechanism='PLAIN'>=</auth>"), "malformed-request"),
        (format!("<auth {SASL} mechanism='SCRAM-SHA-256'>AAAA</auth>"), "malformed-request"),
    ];
    for (element, condition) in cases {
        let mut driver = Driver::ready();
        assert_eq!(driver.send(&element), failure(condition), "{element}");
        assert!(!driver.is_closed);
    }
    let mut driver = Driver::ready();
    driver.send(&format!("<auth {SASL} mechanism='PLAIN'/>"));
    let of_the_other_profile = driver.send("<response xmlns='urn:xmpp:sasl:2'>!</response>");
    assert!(of_the_other_profile.contains("<malformed-request "), "{of_the_other_profile}");
    let mut driver = Driver::ready();
    driver.send(&format!("<auth {SASL} mechanism='PLAIN'/>"));
    assert_eq!(driver.send(&format!("<abort {SASL}/>")), failure("aborted"));
    assert!(driver.send(&plain("alice", "secret")).starts_with("<success"));
}

#[test]
fn sasl2_misuse() {
    let start = "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'>";
    let initial = "<initial-response>AGFsaWNlAHNlY3JldA==</initial-response>";
    let push = "<bind xmlns='urn:xmpp:bind:0'><push xmlns='urn:longwire:push:1'/></bind>";
    let half =
        "<user-agent id='x'/><bind xmlns='urn:xmpp:bind:0'><push xmlns='urn:longwire:push:1' normal='1'/></bind>";
    for (inside, condition) in [
        (format!("{initial}{push}"), "malformed-request"),
        (format!("{initial}{half}"), "malformed-request"),
        (format!("{initial}<user-agent id=''/>"), "malformed-request"),
        ("<initial-response>A</initial-response>".to_owned(), "incorrect-encoding"),
    ] {
        let mut driver = Driver::ready();
        let answer = driver.send(&format!("{start}{inside}</authenticate>"));
        assert!(answer.starts_with(&format!("<failure xmlns='urn:xmpp:sasl:2'><{condition} ")), "{inside}: {answer}");
        assert!(driver.events.iter().all(|event| matches!(event, Event::LoginFailed(_))));
    }
}

#[test]
fn a_second_login_is_a_policy_violation() {
    for again in [plain("alice", "secret"), sasl2_plain("alice", "secret", PUSH_BIND)] {
        let mut driver = Driver::ready();
        driver.send(&plain("alice", "secret"));
        driver.send(HEADER);
        assert!(driver.send(&again).starts_with("<stream:error><policy-violation "));
        let mut driver = Driver::bound();
        assert!(driver.send(&again).starts_with("<stream:error><policy-violation "));
        let mut driver = Driver::push();
        assert!(driver.send(&again).starts_with("<stream:error><policy-violation "));
        assert!(driver.is_closed);
    }
}

#[test]
fn compression_is_refused() {
    let compress = "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>";
    let answer = "<failure xmlns='http://jabber.org/protocol/compress'><setup-failed/></failure>";
    for mut driver in [Driver::ready(), Driver::bound(), Driver::push()] {
        assert_eq!(driver.send(compress), answer);
        assert!(!driver.is_closed);
    }
}

#[test]
fn unknown_first_level_elements_are_unsupported() {
    let ack = "<ack xmlns='urn:longwire:push:1' normal='1'/>";
    let cursor = "<cursor xmlns='urn:longwire:push:1' normal='1'/>";
    for element in
        ["<enable xmlns='urn:xmpp:sm:3'/>", "<a/>", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", ack, cursor]
    {
        for mut driver in [Driver::ready(), Driver::bound()] {
            assert_eq!(driver.send(element), stream_error("unsupported-stanza-type"), "{element}");
            assert!(driver.is_closed);
        }
    }
    assert_eq!(Driver::push().send(cursor), stream_error("unsupported-stanza-type"));
}
