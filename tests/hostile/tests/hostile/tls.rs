//! TLS-…: what is no TLS of today, and what is none at all.

use anyhow::ensure;
use longwire_test_support::wire::Wire;
use longwire_test_support::{Chance, SOON};

use crate::beside::beside;
use crate::hello::{ALERT, HANDSHAKE, Hello, record, server_name};
use crate::session::Session;
use crate::world::{ATTACKER, World};

/// A connection where TLS is spoken next: by direct TLS, or behind STARTTLS.
fn before_tls(world: &World, is_direct: bool) -> anyhow::Result<Wire> {
    if is_direct {
        return Wire::plain_from(ATTACKER, &world.server.ready.c2s_tls);
    }
    let mut wire = Wire::plain_from(ATTACKER, &world.server.ready.c2s)?;
    wire.open()?;
    wire.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")?;
    wire.expect("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")?;
    Ok(wire)
}

/// Everything that is answered until the connection ends.
fn answered_to_the_end(wire: &mut Wire) -> anyhow::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let deadline = longwire_test_support::wait::now() + SOON;
    loop {
        let (bytes, is_closed) = wire.take();
        answer.extend(bytes);
        if is_closed {
            return Ok(answer);
        }
        ensure!(longwire_test_support::wait::now() < deadline, "the connection stays open; it said {answer:?}");
    }
}

#[test]
fn tls_01_old_versions_and_weak_suites_get_a_fatal_alert() -> anyhow::Result<()> {
    let world = World::new()?;
    let old = |version| ("an old version", Hello { version, ..Hello::good() });
    let weak = |what, suite| (what, Hello { suites: vec![suite], ..Hello::good() });
    let cases = [
        old([3, 0]),
        old([3, 1]),
        old([3, 2]),
        weak("RC4", 0x0005),
        weak("export", 0x0003),
        weak("anonymous", 0x0034),
        weak("no encryption", 0x0001),
        weak("3DES", 0x000a),
        weak("CBC", 0xc013),
        weak("a key in the clear of RSA", 0x009c),
        ("no suite", Hello { suites: Vec::new(), ..Hello::good() }),
    ];
    beside("tls_01", &world, 22, || {
        for is_direct in [true, false] {
            for (what, hello) in &cases {
                let mut wire = before_tls(&world, is_direct)?;
                wire.send_bytes(&hello.record())?;
                let answer = answered_to_the_end(&mut wire)?;
                // Level 2 is fatal; handshake_failure, protocol_version, decode_error, illegal_parameter, insufficient_security.
                let [ALERT, _, _, 0, 2, 2, 40 | 70 | 50 | 47 | 71] = answer.as_slice() else {
                    anyhow::bail!("{what} {:?} was answered {answer:?}", hello.version);
                };
            }
        }
        // SSL 2.0 has no records.
        let mut wire = before_tls(&world, true)?;
        wire.send_bytes(&[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, 1, 0, 0x80, 7, 0, 0xc0])?;
        let answer = answered_to_the_end(&mut wire)?;
        ensure!(answer.first().is_none_or(|first| *first == ALERT), "SSL 2.0 was answered {answer:?}");
        Ok(())
    })
}

#[test]
fn tls_04_a_name_that_is_absent_unknown_or_none_ends_no_more_than_its_connection() -> anyhow::Result<()> {
    let world = World::new()?;
    let long = "x".repeat(300);
    let cases: [(&str, Option<Vec<u8>>, bool); 9] = [
        ("absent", None, true),
        ("unknown", Some(server_name(b"example.org")), true),
        ("an address", Some(server_name(b"127.0.0.1")), false),
        ("long", Some(server_name(long.as_bytes())), false),
        ("empty", Some(server_name(b"")), false),
        ("with a NUL", Some(server_name(b"local\0host")), false),
        ("no UTF-8", Some(server_name(b"\xff\xfe")), false),
        ("cut off", Some(vec![0, 200, 0, 0, 9, b'l']), false),
        ("an empty extension", Some(Vec::new()), false),
    ];
    beside("tls_04", &world, 18, || {
        for is_direct in [true, false] {
            for (what, name, is_served) in &cases {
                let mut wire = before_tls(&world, is_direct)?;
                wire.send_bytes(&Hello { name: name.clone(), ..Hello::good() }.record())?;
                wire.shut();
                let answer = answered_to_the_end(&mut wire)?;
                let first = answer.first().copied();
                let is_fine = first == Some(HANDSHAKE) || (!is_served && matches!(first, Some(ALERT) | None));
                ensure!(is_fine, "a name that is {what} was answered {answer:?}");
            }
        }
        Ok(())
    })
}

#[test]
fn tls_09_records_that_are_none_are_answered_by_an_alert_at_most() -> anyhow::Result<()> {
    let world = World::new()?;
    let seed = Chance::seed();
    println!("SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut cases: Vec<Vec<u8>> = vec![
        vec![HANDSHAKE, 3, 1, 0xff, 0xff],
        record(24, &[1, 0x40, 0]),
        record(20, &[1]).repeat(1_000),
        record(23, &[0; 64]),
        record(HANDSHAKE, &[]).repeat(1_000),
        record(HANDSHAKE, &[1, 0xff, 0xff, 0xff]).repeat(10),
        record(HANDSHAKE, &[20, 0, 0, 0]),
        record(ALERT, &[1, 0]).repeat(1_000),
        [Hello::good().record(), record(23, &[0; 64])].concat(),
        [Hello::good().record(), Hello::good().record()].concat(),
    ];
    for _ in 0..50 {
        let mut hello = Hello::good().record();
        for _ in 0..=chance.below(6) {
            let at = chance.below(hello.len());
            hello[at] = chance.bits().to_le_bytes()[0];
        }
        cases.push(hello);
    }
    beside("tls_09", &world, cases.len().try_into()?, || {
        for sent in &cases {
            let mut wire = before_tls(&world, true)?;
            // A reset while it is sent is an answer, too.
            drop(wire.send_bytes(sent));
            wire.shut();
            let answer = answered_to_the_end(&mut wire)?;
            ensure!(matches!(answer.first(), None | Some(&ALERT | &HANDSHAKE)), "{sent:?} was answered {answer:?}");
        }
        Ok(())
    })
}

#[test]
fn tls_11_an_end_in_the_middle_of_a_login_leaves_nothing_behind() -> anyhow::Result<()> {
    let world = World::new()?;
    drop(Session::registered(world.ready(), ATTACKER, "cut", "the password of cut")?);
    beside("tls_11", &world, 60, || {
        for number in 0..60 {
            let mut wire = crate::session::opened(world.ready(), ATTACKER)?;
            if number % 2 == 0 {
                wire.send(&crate::session::auth("cut", "the password of cut"))?;
            }
            if number % 3 == 0 {
                wire.reset()?;
            } else {
                drop(wire);
            }
        }
        Ok(())
    })?;
    longwire_test_support::until("every connection to be gone", SOON, || {
        let connections = world.metric("longwire_connections").ok().flatten()?;
        (connections == 0).then_some(())
    })
}
