//! Sessions: stanzas, acknowledgements, heartbeats.

use longwire_c2s::Event;
use longwire_protocol::stream::{StreamCondition, StreamError};

use crate::harness::{Driver, HEADER, config, stream_error};

#[test]
fn the_sender_of_a_stanza_is_the_session() {
    for from in ["", " from='alice@example.com'", " from='alice@example.com/desk'"] {
        let mut driver = Driver::bound();
        assert_eq!(driver.send(&format!("<message{from} to='bob@example.com'><body>hi</body></message>")), "");
        let [Event::Stanza(message)] = driver.events.as_slice() else { panic!("{:?}", driver.events) };
        assert_eq!(message.attr("from"), Some("alice@example.com/desk"));
    }
    for from in ["bob@example.com", "alice@example.com/other", "example.com", "@"] {
        let mut driver = Driver::bound();
        assert_eq!(driver.send(&format!("<presence from='{from}'/>")), stream_error("invalid-from"));
        assert!(driver.is_closed);
    }
}

#[test]
fn malformed_stanzas_are_answered_and_the_stream_lives() {
    let mut driver = Driver::bound();
    let answer = driver.send("<message to='@' id='m'/>");
    assert!(
        answer.contains("type='error'") && answer.contains("id='m'") && answer.contains("<jid-malformed "),
        "{answer}"
    );
    for iq in [
        "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' id=''><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' id='1'/>",
        "<iq type='set' id='1'><a xmlns='a'/><b xmlns='b'/></iq>",
        "<iq id='1'><a xmlns='a'/></iq>",
        "<iq type='what' id='1'><a xmlns='a'/></iq>",
    ] {
        let answer = driver.send(iq);
        assert!(answer.contains("<error type='modify'><bad-request "), "{iq}: {answer}");
    }
    assert_eq!(driver.send("<iq type='result' to='@' id='1'/>"), "", "no errors for answers");
    assert!(driver.events.iter().all(|event| matches!(event, Event::Answer(_))) && !driver.is_closed);
}

#[test]
fn answers_of_the_stream_have_their_place_among_the_stanzas() {
    let mut driver = Driver::bound();
    driver.send(
        "<iq type='get' id='1'><a xmlns='a'/></iq><iq type='what' id='2'/><iq type='get' id='3'><a xmlns='a'/></iq>",
    );
    let [Event::Stanza(first), Event::Answer(second), Event::Stanza(third)] = driver.events.as_slice() else {
        panic!("{:?}", driver.events)
    };
    assert_eq!([first, second, third].map(|stanza| stanza.attr("id")), [Some("1"), Some("2"), Some("3")]);
}

#[test]
fn acknowledgements_are_read() {
    let mut driver = Driver::push();
    assert_eq!(driver.send("<ack xmlns='urn:longwire:push:1' normal='4712' stored='4710 4712'/>"), "");
    let [Event::PushAck(ack)] = driver.events.as_slice() else { panic!("{:?}", driver.events) };
    assert_eq!((ack.normal, ack.background), (Some(4712), None));
    assert_eq!(ack.stored.as_ref().map(ToString::to_string).as_deref(), Some("4710 4712"));
    assert!(driver.send("<ack xmlns='urn:longwire:push:1' normal='x'/>").starts_with("<stream:error><bad-format "));
}

#[test]
fn a_heartbeat_is_one_space_each_way_in_push_sessions_only() {
    let mut driver = Driver::push();
    assert_eq!(driver.send(" "), " ");
    assert_eq!(driver.events, [Event::Heartbeat]);
    assert_eq!(Driver::bound().send(" \n"), "");
}

#[test]
fn a_silent_push_session_is_closed() {
    let mut driver = Driver::push();
    assert_eq!(driver.wait(489_999), "");
    assert_eq!(driver.send(" "), " ", "anything received counts");
    assert_eq!(driver.wait(489_999), "");
    assert_eq!(driver.wait(1), stream_error("connection-timeout"));
    assert!(driver.is_closed);
}

#[test]
fn a_promise_may_change_within_a_session_and_the_patience_with_it() {
    let mut driver = Driver::push();
    assert_eq!(driver.send("<heartbeat xmlns='urn:longwire:push:1' seconds='60'/>"), "", "no reply is needed");
    assert_eq!(driver.events, [Event::Promise(60)]);
    assert_eq!(driver.wait(129_999), "");
    assert_eq!(driver.send("<heartbeat xmlns='urn:longwire:push:1' seconds='300'/>"), "");
    assert_eq!(driver.wait(609_999), "", "the longer silence has begun");
    assert_eq!(driver.wait(1), stream_error("connection-timeout"));
}

#[test]
fn a_promise_outside_the_bounds_counts_as_the_nearest_within() {
    let bounds = |min, max| {
        let mut config = config();
        (config.heartbeat_min_s, config.heartbeat_max_s) = (min, max);
        move |promised| config.promise_s(promised)
    };
    let open = bounds(None, 600);
    assert_eq!([None, Some(0), Some(1), Some(600), Some(601), Some(u32::MAX)].map(open), [600, 1, 1, 600, 600, 600]);
    let narrow = bounds(Some(60), 120);
    assert_eq!([None, Some(0), Some(59), Some(61), Some(121)].map(narrow), [120, 60, 60, 61, 120]);
    let mut driver = Driver::push();
    assert_eq!(driver.send("<heartbeat xmlns='urn:longwire:push:1' seconds='4294967295'/>"), "");
    assert_eq!(driver.send("<heartbeat xmlns='urn:longwire:push:1' seconds='0'/>"), "");
    assert_eq!(driver.events, [Event::Promise(600), Event::Promise(1)]);
}

#[test]
fn a_promise_is_for_push_sessions_and_names_its_seconds() {
    let promise = "<heartbeat xmlns='urn:longwire:push:1' seconds='60'/>";
    for mut driver in [Driver::ready(), Driver::bound()] {
        assert_eq!(driver.send(promise), stream_error("unsupported-stanza-type"));
    }
    for wrong in ["", " seconds=''", " seconds='-1'", " seconds='soon'", " seconds='4294967296'"] {
        let answer = Driver::push().send(&format!("<heartbeat xmlns='urn:longwire:push:1'{wrong}/>"));
        assert!(answer.starts_with("<stream:error><bad-format "), "{wrong}: {answer}");
    }
}

#[test]
fn another_silent_session_is_pinged_first() {
    let mut driver = Driver::bound();
    let ping = "<iq type='get' id='longwire-alive' from='example.com' to='alice@example.com/desk'><ping xmlns='urn:xmpp:ping'/></iq>";
    assert_eq!(driver.wait(299_999), "");
    assert_eq!(driver.wait(1), ping);
    assert_eq!(driver.send("<iq type='result' id='longwire-alive' to='example.com'/>"), "");
    assert!(driver.events.is_empty(), "the answer is the stream's own");
    assert_eq!(driver.wait(300_000), ping);
    assert_eq!(driver.wait(59_999), "");
    assert_eq!(driver.wait(1), stream_error("connection-timeout"));
}

#[test]
fn the_driver_may_end_a_stream_with_any_error() {
    let error = StreamError::new(StreamCondition::SystemShutdown).with_retry(12);
    let text = "<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><retry xmlns='urn:longwire:push:1' after='12'/></stream:error></stream:stream>";
    for mut driver in [Driver::bound(), Driver::ready()] {
        let mut out = longwire_c2s::Outbox::default();
        driver.stream.close(&error, &mut out);
        assert_eq!(String::from_utf8_lossy(&out.bytes), text);
        assert!(driver.stream.is_closed());
        out.clear();
        driver.stream.close(&error, &mut out);
        assert!(out.is_empty(), "once");
    }
    let mut driver = Driver::tcp(config());
    driver.send(HEADER);
    driver.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    let mut out = longwire_c2s::Outbox::default();
    driver.stream.close(&error, &mut out);
    assert!(out.bytes.is_empty(), "nothing is said inside a handshake");
}
