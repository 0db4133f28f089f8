//! Bytes and time that a client may take, at the limit and one above.

use longwire_c2s::{Event, NEGOTIATION_BYTES_MAX, Reason};

use crate::harness::{Driver, HEADER, config, stream_error};

#[test]
fn the_header_has_ten_seconds() {
    let mut driver = Driver::tcp(config());
    assert_eq!(driver.stream.poll_timeout(), Some((10_000, Reason::Header)));
    assert_eq!(driver.wait(9_999), "");
    driver.send("<stream:stream to=");
    let answer = driver.wait(1);
    assert!(answer.ends_with(&stream_error("connection-timeout")), "{answer}");
    assert!(driver.is_closed);
}

#[test]
fn the_negotiation_has_thirty_seconds_in_all() {
    let mut driver = Driver::tcp(config());
    driver.wait(9_999);
    driver.send(HEADER);
    assert_eq!(driver.stream.poll_timeout(), Some((30_000, Reason::Negotiation)));
    driver.wait(15_000);
    driver.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(driver.stream.poll_timeout(), Some((30_000, Reason::Negotiation)));
    driver.stream.handle_tls(None, driver.now_ms);
    driver.send(HEADER);
    assert_eq!(driver.wait(5_000), "");
    assert_eq!(driver.wait(1), stream_error("connection-timeout"));
    assert_eq!(driver.stream.poll_timeout(), None);
}

#[test]
fn a_tls_handshake_has_ten_seconds() {
    let mut driver = Driver::tcp(config());
    driver.send(HEADER);
    driver.now_ms = 2_000;
    driver.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(driver.stream.poll_timeout(), Some((12_000, Reason::Header)));
    assert_eq!(driver.wait(10_000), "", "nothing is said inside a handshake");
    assert!(driver.is_closed);
}

fn message(bytes: usize) -> String {
    let frame = "<message><body></body></message>";
    format!("<message><body>{}</body></message>", "x".repeat(bytes - frame.len()))
}

#[test]
fn elements_are_limited_before_login() {
    let element = |bytes: usize| {
        let frame = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'></auth>";
        format!("{}{}</auth>", &frame[..frame.len() - 7], "A".repeat(bytes - frame.len()))
    };
    let mut driver = Driver::ready();
    assert!(driver.send(&element(16 * 1024)).contains("<invalid-mechanism/>"));
    let mut driver = Driver::ready();
    assert!(driver.send(&element(16 * 1024 + 1)).starts_with("<stream:error><policy-violation "));
    assert!(driver.is_closed);
}

#[test]
fn what_comes_before_a_session_is_limited_in_all() {
    let ask = "<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>";
    let mut driver = Driver::ready();
    let rest = NEGOTIATION_BYTES_MAX - HEADER.len();
    for _ in 0..rest / ask.len() {
        assert!(driver.send(ask).contains("<instructions>"));
    }
    assert_eq!(driver.send(&" ".repeat(rest % ask.len())), "");
    let answer = driver.send(" ");
    assert!(answer.starts_with("<stream:error><policy-violation ") && driver.is_closed, "{answer}");
    // A session is not counted so.
    let mut driver = Driver::bound();
    assert_eq!(driver.send(&" ".repeat(NEGOTIATION_BYTES_MAX + 1)), "");
    assert!(!driver.is_closed);
}

#[test]
fn elements_are_limited_after_login() {
    let mut driver = Driver::bound();
    assert_eq!(driver.send(&message(256 * 1024)), "");
    assert!(matches!(driver.events.as_slice(), [Event::Stanza(_)]));
    assert!(driver.send(&message(256 * 1024 + 1)).starts_with("<stream:error><policy-violation "));
}

#[test]
fn a_stanza_that_never_ends_is_cut_off() {
    let mut driver = Driver::bound();
    driver.send("<message><body>");
    let mut sent = 0;
    while !driver.is_closed {
        driver.send(&"x".repeat(1024));
        sent += 1;
        assert!(driver.stream.carry_bytes() <= 512 * 1024);
        assert!(sent <= 257, "the limit holds");
    }
}

#[test]
fn restricted_xml_is_refused_in_every_phase() {
    for (bytes, condition) in [
        ("<!DOCTYPE a>", "restricted-xml"),
        ("<!-- x -->", "restricted-xml"),
        ("<?pi x?>", "restricted-xml"),
        ("<message>&unknown;</message>", "restricted-xml"),
        ("<message></iq>", "not-well-formed"),
        ("<p:message/>", "not-well-formed"),
    ] {
        for mut driver in [Driver::ready(), Driver::bound(), Driver::push()] {
            let answer = driver.send(bytes);
            assert!(
                answer.starts_with(&format!("<stream:error><{condition} "))
                    || condition == "not-well-formed" && answer.starts_with("<stream:error><bad-"),
                "{bytes}: {answer}"
            );
            assert!(driver.is_closed);
        }
    }
}
