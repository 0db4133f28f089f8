//! Slow, greedy and lost clients.

use longwire_core::pressure::Level;
use longwire_net::{CapLimits, NetConfig};

use crate::harness::{HEADER, Server, push_login, until};

fn plain(_: &mut NetConfig) {}

#[test]
fn connections_that_say_nothing_are_closed_after_ten_seconds() {
    let server = Server::start(plain);
    let (mut silent, mut half) = (server.tcp(), server.tcp());
    half.send(HEADER);
    half.expect("</stream:features>");
    half.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    half.expect("<proceed ");
    server.pass(10_000);
    let end = silent.end();
    assert!(end.contains("<stream:error><connection-timeout "), "{end}");
    half.end();
    drop((silent, half));
    until("nothing is left of them", || server.core.metrics.connections.get() == 0);
}

#[test]
fn half_open_direct_tls_handshakes_are_closed_after_ten_seconds() {
    let server = Server::start(plain);
    let mut stream = std::net::TcpStream::connect(server.c2s_tls).expect("connected");
    std::io::Write::write_all(&mut stream, &[0x16, 3, 1, 2, 0]).expect("sent");
    until("it is accepted", || server.core.metrics.connections.get() == 1);
    server.pass(10_000);
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut rest).expect("closed in order");
    assert!(rest.first().is_none_or(|byte| *byte == 0x15), "an alert at most: {rest:?}");
}

#[test]
fn other_protocols_on_the_ports_are_refused() {
    let server = Server::start(plain);
    let mut http = server.tcp();
    http.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(http.end().contains("<stream:error><not-well-formed "));
    let mut stream = std::net::TcpStream::connect(server.c2s_tls).expect("connected");
    std::io::Write::write_all(&mut stream, HEADER.as_bytes()).expect("sent");
    let mut rest = Vec::new();
    // The alert may be lost behind what was not read; the end is what counts.
    let read = std::io::Read::read_to_end(&mut stream, &mut rest);
    assert!(read.is_err() || rest.first() == Some(&0x15), "an alert: {rest:?}");
}

#[test]
fn f23_while_memory_is_short_new_connections_are_told_and_then_dropped_and_sessions_go_on() {
    let server = Server::start(plain);
    let mut phone = server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770");
    server.core.pressure.set(Level::High);
    let mut secured = server.tls();
    secured.send(HEADER);
    let end = secured.end();
    assert!(
        end.contains("<resource-constraint ") && end.contains("<retry xmlns='urn:longwire:push:1' after='"),
        "{end}"
    );
    assert!(server.tcp().end().contains("short of memory"));
    server.core.pressure.set(Level::Full);
    assert_eq!(server.tcp().end(), "");
    phone.ping();
    server.push_to_all("still here");
    phone.expect("still here");
    server.core.pressure.set(Level::Calm);
    server.phone("e4565fa7-4d72-4749-b3d3-740edbf87770").ping();
}

#[test]
fn too_many_connections_before_login_are_told_to_come_back() {
    let caps = CapLimits { connections_before_login: 2, ..CapLimits::default() };
    let server = Server::start(|config| config.caps = caps);
    let mut phone = server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770");
    let (mut one, mut two) = (server.tcp(), server.tcp());
    for client in [&mut one, &mut two] {
        client.send(HEADER);
        client.expect("</stream:features>");
    }
    let end = server.tcp().end();
    let error = "<stream:error><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>";
    assert!(end.contains(error) && end.contains("<retry xmlns='urn:longwire:push:1' after='1'/>"), "{end}");
    // By TLS, the same is said inside it.
    let mut secured = server.tls();
    secured.send(HEADER);
    assert!(secured.end().contains(error));
    // Sessions do not count, and who has gone makes room.
    phone.ping();
    one.send("</stream:stream>");
    one.end();
    drop((one, secured));
    until("they have gone", || server.core.metrics.connections.get() == 2);
    let mut next = server.tcp();
    next.send(HEADER);
    next.expect("</stream:features>");
}

#[test]
fn too_many_sessions_of_one_address_are_told_to_come_back() {
    let server = Server::start(|config| config.sessions_per_address = Some(2));
    let mut phone = server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770");
    let mut desk = server.desk("bob", "desk");
    let login = push_login("e4565fa7-4d72-4749-b3d3-740edbf87770");
    let mut third = server.tls();
    third.send(&format!("{HEADER}{login}"));
    let end = third.end();
    assert!(!end.contains("<success") && end.contains("<resource-constraint "), "{end}");
    assert!(end.contains("too many sessions of one address") && end.contains("<retry "), "{end}");
    // Those that are there go on, and who goes makes room.
    phone.ping();
    desk.send("</stream:stream>");
    desk.end();
    drop((desk, third));
    until("they have gone", || server.core.metrics.connections.get() == 1);
    server.phone("e4565fa7-4d72-4749-b3d3-740edbf87770").ping();
}

#[test]
fn too_many_logins_are_told_to_come_back() {
    let caps = CapLimits { logins_per_s: 2, ..CapLimits::default() };
    let server = Server::start(|config| config.caps = caps);
    let mut client = server.tls();
    client.send(HEADER);
    client.expect("</stream:features>");
    let wrong = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHdyb25n</auth>";
    client.send(wrong);
    client.expect("</failure>");
    client.send(wrong);
    client.expect("</failure>");
    let mut other = server.tls();
    other.send(&format!("{HEADER}{wrong}"));
    let end = other.end();
    assert!(
        end.contains("<resource-constraint ") && end.contains("<retry xmlns='urn:longwire:push:1' after='1'/>"),
        "{end}"
    );
}

#[test]
fn too_many_registrations_are_told_to_come_back() {
    let caps = CapLimits { registrations_per_min: 1, ..CapLimits::default() };
    let server = Server::start(|config| config.caps = caps);
    let mut client = server.tls();
    client.send(HEADER);
    client.expect("</stream:features>");
    // Who is refused waits behind those that were refused before.
    for (name, told) in [("carol", None), ("dave", Some(60)), ("erin", Some(126))] {
        client.send(&format!("<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>{name}</username><password>password</password></query></iq>"));
        let Some(told) = told else {
            client.expect("type='result'");
            continue;
        };
        client.expect("<resource-constraint ");
        client.expect("<retry xmlns='urn:longwire:push:1' after='");
        let after_s = client.expect("'").trim_end_matches('\'').parse::<u32>().expect("seconds");
        assert!((told - 20..=told).contains(&after_s), "{name}: {after_s}");
        client.expect("</iq>");
    }
}

#[test]
fn a_client_that_never_reads_is_closed_and_the_others_live() {
    let server = Server::start(plain);
    let (lazy, mut busy) = (server.desk("alice", "lazy"), server.desk("bob", "desk"));
    let message =
        format!("<message to='alice@localhost/lazy' type='headline'><body>{}</body></message>", "x".repeat(100_000));
    let mut sent = 0;
    while !server.core.sessions.of_account("alice").is_empty() {
        busy.send(&message);
        busy.ping();
        sent += 1;
        assert!(sent < 1_000, "the memory for a client is bounded");
    }
    busy.ping();
    drop(lazy);
}

#[test]
fn a_phone_that_never_acknowledges_is_closed_after_thirty_seconds() {
    let server = Server::start(plain);
    let mut phone = server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770");
    for _ in 0..70 {
        server.push_to_all("Door");
    }
    for _ in 0..64 {
        phone.expect("</message>");
    }
    phone.ping();
    server.pass(30_000);
    let end = phone.end();
    assert!(!end.contains("<message") && end.contains("<stream:error><policy-violation "), "{end}");
}

#[test]
fn a_silent_phone_is_closed_after_twice_its_heartbeat() {
    let server = Server::start(plain);
    let mut phone = server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770");
    server.pass(129_000);
    phone.send(" ");
    phone.expect(" ");
    server.pass(130_000);
    assert!(phone.end().contains("<stream:error><connection-timeout "));
}

#[test]
fn the_patience_with_a_silent_phone_follows_its_promise() {
    let server = Server::start(plain);
    let mut phone = server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770");
    phone.send("<heartbeat xmlns='urn:longwire:push:1' seconds='120'/> ");
    phone.expect(" ");
    server.pass(249_000);
    phone.send(" ");
    phone.expect(" ");
    phone.send("<heartbeat xmlns='urn:longwire:push:1' seconds='10'/> ");
    phone.expect(" ");
    server.pass(30_000);
    assert!(phone.end().contains("<stream:error><connection-timeout "));
}

#[test]
fn an_acknowledgement_above_what_was_sent_is_a_violation() {
    let server = Server::start(plain);
    let mut phone = server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770");
    phone.send("<ack xmlns='urn:longwire:push:1' normal='1000'/>");
    let end = phone.end();
    assert!(end.contains("<stream:error><policy-violation "), "{end}");
}

#[test]
fn f23_who_has_stood_still_is_let_go_when_more_is_owed_than_may_be() {
    const PINGS_MAX: usize = 20_000;
    let server = Server::start(|config| config.session_bytes_per_s = 0);
    let mut phone = server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770");
    let mut deaf = server.desk("bob", "desk");
    server.core.pressure.set_owed_max(64 * 1024);
    // It reads no answer: first the kernel keeps them, then the server.
    let id = "p".repeat(2_000);
    let ping = format!("<iq type='get' id='{id}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
    let is_gone = (0..PINGS_MAX).any(|_| !deaf.try_send(&ping));
    assert!(is_gone, "it was not let go");
    phone.ping();
    server.push_to_all("still here");
    phone.expect("still here");
    until("what was owed is free again", || server.core.pressure.owed() < 64 * 1024);
}
