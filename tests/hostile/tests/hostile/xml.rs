//! XML-…: what is no XML of XMPP, through every entrance.

use longwire_test_support::SOON;
use longwire_test_support::wire::{HEADER, Wire};

use crate::beside::beside;
use crate::session::{Session, authenticate, opened, secured};
use crate::world::{ATTACKER, World};

const MALLORY: (&str, &str) = ("mallory", "the password of mallory");

/// A way to a stream that is open, with what has been agreed on it.
#[derive(Clone, Copy, Debug)]
enum Entrance {
    Clear,
    StartTls,
    DirectTls,
    LoggedIn,
    Bound,
}

impl Entrance {
    const ALL: [Self; 5] = [Self::Clear, Self::StartTls, Self::DirectTls, Self::LoggedIn, Self::Bound];

    fn enter(self, world: &World) -> anyhow::Result<Wire> {
        let ready = &world.server.ready;
        match self {
            Self::Clear => {
                let mut wire = Wire::plain_from(ATTACKER, &ready.c2s)?;
                wire.open()?;
                Ok(wire)
            }
            Self::StartTls => {
                let mut wire = Wire::plain_from(ATTACKER, &ready.c2s)?;
                wire.open()?;
                wire.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")?;
                wire.expect("<proceed")?;
                let mut wire = wire.secured(&ready.certificate)?;
                wire.open()?;
                Ok(wire)
            }
            Self::DirectTls => opened(world.ready(), ATTACKER),
            Self::LoggedIn => {
                let mut wire = opened(world.ready(), ATTACKER)?;
                authenticate(&mut wire, MALLORY.0, MALLORY.1)?;
                Ok(wire)
            }
            Self::Bound => Ok(Session::logged_in(world.ready(), ATTACKER, MALLORY, "desk")?.wire),
        }
    }
}

/// What ends a stream, and with which condition.
const CASES: &[(&[u8], &str)] = &[
    (b"<!DOCTYPE a [<!ENTITY b 'c'>]>", "restricted-xml"),
    (b"<!DOCTYPE l [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>]><iq>&b;</iq>", "restricted-xml"),
    (b"<!-- a comment -->", "restricted-xml"),
    (b"<?php a ?>", "restricted-xml"),
    (b"<iq>&lol;</iq>", "restricted-xml"),
    (b"<iq type='get'><a></b></iq>", "not-well-formed"),
    (b"<iq type='get' type='set'/>", "not-well-formed"),
    (b"<p:iq/>", "not-well-formed"),
    (b"<iq>]]></iq>", "not-well-formed"),
    (b"<iq>\0</iq>", "not-well-formed"),
    (b"<iq id='\xff\xfe'/>", "not-well-formed"),
    (b"<iq>\xc0\x80</iq>", "not-well-formed"),
    (b"<iq>\xed\xa0\x80</iq>", "not-well-formed"),
    (b"<iq>&#xFFFE;</iq>", "not-well-formed"),
    (b"<iq xmlns:p='u' xmlns:q='u' p:a='1' q:a='2'/>", "not-well-formed"),
];

#[test]
fn xml_34_each_restricted_case_has_one_condition_at_every_entrance() -> anyhow::Result<()> {
    let world = World::new()?;
    drop(Session::registered(world.ready(), ATTACKER, MALLORY.0, MALLORY.1)?);
    let count = CASES.len() * Entrance::ALL.len();
    beside("xml_34", &world, count.try_into()?, || {
        for entrance in Entrance::ALL {
            for (sent, condition) in CASES {
                let mut wire = entrance.enter(&world)?;
                wire.send_bytes(sent)?;
                let end = wire.expect_close(SOON)?;
                let shown = String::from_utf8_lossy(sent);
                assert!(end.contains(&format!("<stream:error><{condition} ")), "{entrance:?} {shown:?}: {end}");
                assert!(end.ends_with("</stream:stream>"), "{entrance:?} {shown:?}: {end}");
            }
        }
        Ok(())
    })
}

#[test]
fn xml_34_what_comes_in_the_place_of_a_header_is_refused_with_one() -> anyhow::Result<()> {
    let world = World::new()?;
    let wide =
        format!("<stream:stream{}>", (0..1_000).map(|n| format!(" a{n}='xxxxxxxxxxxxxxxx'")).collect::<String>());
    let cases: [(&[u8], &str); 10] = [
        (b"hello", "not-well-formed"),
        (b"\xef\xbb\xbf<", "not-well-formed"),
        (b"\xff\xfe<\0", "not-well-formed"),
        (b"<!-- a comment -->", "restricted-xml"),
        (b"<!DOCTYPE a>", "restricted-xml"),
        (b"<?php a ?>", "restricted-xml"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?>", "unsupported-encoding"),
        (b"<?xml version='1.1'?>", "not-well-formed"),
        (b"<html>", "invalid-namespace"),
        (wide.as_bytes(), "policy-violation"),
    ];
    beside("xml_34 header", &world, 20, || {
        for (sent, condition) in cases {
            for is_secured in [false, true] {
                let mut wire = if is_secured {
                    secured(world.ready(), ATTACKER)?
                } else {
                    Wire::plain_from(ATTACKER, &world.server.ready.c2s)?
                };
                wire.send_bytes(sent)?;
                let end = wire.expect_close(SOON)?;
                let shown: String = String::from_utf8_lossy(sent).chars().take(40).collect();
                assert!(end.starts_with("<?xml version='1.0'?><stream:stream "), "{shown:?}: {end}");
                assert!(end.contains(&format!("<stream:error><{condition} ")), "{shown:?}: {end}");
            }
        }
        Ok(())
    })
}

#[test]
fn xml_34_an_element_that_never_ends_is_cut_off_before_it_costs_anything() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("xml_34 endless", &world, 50, || {
        for beginning in ["<iq a='", "<iq><a>", "<iq", "<iq><", "<iq>&#0000"] {
            for _ in 0..10 {
                let mut wire = opened(world.ready(), ATTACKER)?;
                wire.send(beginning)?;
                let filler = if beginning.ends_with('0') { "0" } else { "x" }.repeat(64 * 1024);
                // It may be closed before all of it is sent: then the end may be lost as well, and is there all the same.
                let is_sent = wire.send(&filler).is_ok();
                let end = wire.expect_close(SOON)?;
                let is_told = end.contains("<policy-violation ") || end.contains("<not-well-formed ");
                assert!(is_told || !is_sent || end.is_empty(), "{beginning}: {end}");
            }
        }
        Ok(())
    })
}

#[test]
fn xml_39_compression_is_neither_offered_nor_agreed_to() -> anyhow::Result<()> {
    let world = World::new()?;
    let asked = "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>";
    beside("xml_39", &world, 3, || {
        let mut wire = secured(world.ready(), ATTACKER)?;
        let before_login = wire.open()?;
        wire.send(asked)?;
        wire.expect("<setup-failed/></failure>")?;
        assert!(crate::session::register(&mut wire, MALLORY.0, MALLORY.1)?.contains("result"));
        wire.send(&crate::session::auth(MALLORY.0, MALLORY.1))?;
        wire.expect("<success")?;
        let after_login = wire.open()?;
        for features in [before_login, after_login] {
            assert!(!features.contains("compress"), "{features}");
        }
        let mut session = Session::bound(wire, MALLORY.0, "desk")?;
        session.wire.send(asked)?;
        session.wire.expect("<setup-failed/></failure>")?;
        session.is_answered("uncompressed-1")
    })
}

#[test]
fn xml_40_other_protocols_are_told_by_their_first_bytes() -> anyhow::Result<()> {
    let world = World::new()?;
    let cases: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"SSH-2.0-x\r\n",
        b"EHLO x\r\n",
        b"\0\0\0\0\0\0\0\0",
    ];
    beside("xml_40", &world, 6, || {
        for sent in cases {
            let mut wire = Wire::plain_from(ATTACKER, &world.server.ready.c2s)?;
            wire.send_bytes(sent)?;
            let end = wire.expect_close(SOON)?;
            assert!(end.contains("<stream:error><not-well-formed "), "{:?}: {end}", String::from_utf8_lossy(sent));
        }
        let mut wire = Wire::plain_from(ATTACKER, &world.server.ready.c2s_tls)?;
        wire.send(HEADER)?;
        let end = wire.expect_close(SOON)?;
        assert!(!end.contains("stream"), "XML in the place of TLS was answered {end}");
        Ok(())
    })
}
