//! APN-…: the entrance of original androidpn clients, which logs in by `jabber:iq:auth` and without TLS.

use anyhow::{Context, ensure};
use longwire_test_support::SOON;
use longwire_test_support::wire::Wire;

use crate::beside::beside;
use crate::world::{ATTACKER, World};

const HEADER: &str = "<stream:stream to=\"10.0.2.2\" xmlns=\"jabber:client\" \
                      xmlns:stream=\"http://etherx.jabber.org/streams\" version=\"1.0\">";
const NAME: &str = "2c027d44cf234d1080e9c9353220f757";
const PASSWORD: &str = "01c561e11d374a1591a97ba532dabde7";
/// Refused logins on one stream, with the one that ends it.
const REFUSALS_MAX: usize = 16;

/// A stream of such a client.
fn opened(world: &World) -> anyhow::Result<Wire> {
    let mut wire = Wire::plain_from(ATTACKER, &world.server.ready.c2s)?;
    wire.send(HEADER)?;
    wire.expect("</stream:features>")?;
    Ok(wire)
}

/// Sends a request; gives the whole answer.
fn ask(wire: &mut Wire, request: &str) -> anyhow::Result<String> {
    longwire_test_support::keep::secret(PASSWORD);
    wire.send(&format!("{request}<iq id=\"behind\" type=\"get\"><query xmlns=\"jabber:iq:version\"/></iq>"))?;
    let answer = wire.expect("behind").with_context(|| format!("{request} was not answered"))?;
    wire.expect("</iq>")?;
    Ok(answer)
}

fn registration(name: &str, password: &str) -> String {
    format!(
        "<iq id=\"a-0\" type=\"set\"><query xmlns=\"jabber:iq:register\"><password>{password}</password><username>{name}</username></query></iq>"
    )
}

fn login(name: &str, proof: &str) -> String {
    format!(
        "<iq id=\"a-2\" type=\"set\"><query xmlns=\"jabber:iq:auth\"><username>{name}</username>{proof}<resource>AndroidpnClient</resource></query></iq>"
    )
}

/// An answer without what names the request.
fn kind(answer: &str) -> String {
    let from = answer.find("<error").unwrap_or(0);
    let to = answer.find("</error>").unwrap_or(answer.len());
    answer[from..to].to_owned()
}

#[test]
fn apn_01_a_name_that_nobody_has_is_refused_as_one_that_somebody_has() -> anyhow::Result<()> {
    let world = World::for_originals()?;
    beside("apn_01", &world, 1, || {
        let mut wire = opened(&world)?;
        ensure!(!ask(&mut wire, &registration(NAME, PASSWORD))?.contains("<error"), "it is registered");
        let unknown = NAME.replace('2', "3");
        for proof in [
            "<digest>00</digest>",
            "<password>wrong</password>",
            "<digest></digest>",
            "<password/>",
            "",
            "<digest>\u{e9}</digest>",
        ] {
            let known = ask(&mut opened(&world)?, &login(NAME, proof))?;
            let other = ask(&mut opened(&world)?, &login(&unknown, proof))?;
            ensure!(known.contains("<error"), "{proof}: {known}");
            ensure!(kind(&known) == kind(&other), "{proof}: {known} and {other}");
        }
        // The digest of an empty password, and the hash that is not of this stream.
        let hash = "<digest>da39a3ee5e6b4b0d3255bfef95601890afd80709</digest>";
        ensure!(ask(&mut opened(&world)?, &login(NAME, hash))?.contains("<error"), "a digest of another stream");
        Ok(())
    })
}

#[test]
fn apn_02_what_is_no_xml_of_xmpp_ends_these_streams_too() -> anyhow::Result<()> {
    let world = World::for_originals()?;
    let cases: [(&[u8], &str); 8] = [
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>", "restricted-xml"),
        (b"<!-- a -->", "restricted-xml"),
        (b"<?php ?>", "restricted-xml"),
        (b"<iq>&lol;</iq>", "restricted-xml"),
        (b"<iq><a></b></iq>", "not-well-formed"),
        (b"<p:iq/>", "not-well-formed"),
        (b"<iq>\xff</iq>", "not-well-formed"),
        (b"<iq>\0</iq>", "not-well-formed"),
    ];
    beside("apn_02", &world, 16, || {
        for is_known in [false, true] {
            for (sent, condition) in cases {
                let mut wire = opened(&world)?;
                if is_known {
                    // Who has an account, and who has just made one.
                    ask(&mut wire, &registration(NAME, PASSWORD))?;
                    let proof = format!("<password>{PASSWORD}</password>");
                    ensure!(!ask(&mut wire, &login(NAME, &proof))?.contains("<error"), "it is logged in");
                }
                wire.send_bytes(sent)?;
                let end = wire.expect_close(SOON)?;
                ensure!(end.contains(&format!("<stream:error><{condition} ")), "{is_known} {condition}: {end}");
            }
        }
        Ok(())
    })
}

#[test]
fn apn_03_guessing_ends_the_stream_and_costs_nobody_else_a_login() -> anyhow::Result<()> {
    let world = World::for_originals()?;
    beside("apn_03", &world, 4, || {
        for _ in 0..4 {
            let mut wire = opened(&world)?;
            wire.send(&login(NAME, "<password>wrong</password>").repeat(REFUSALS_MAX * 2))?;
            let end = wire.expect_close(SOON)?;
            ensure!(end.contains("<stream:error><policy-violation "), "{end}");
            let refused = end.matches("<error").count();
            ensure!(refused <= REFUSALS_MAX, "{refused} guesses on one stream");
        }
        Ok(())
    })
}

#[test]
fn apn_04_no_word_of_such_a_client_reaches_another_account() -> anyhow::Result<()> {
    let world = World::for_originals()?;
    beside("apn_04", &world, 2, || {
        let mut victim =
            crate::session::Session::registered(world.ready(), ATTACKER, "victim", "the password of victim")?;
        victim.is_available()?;
        let mut wire = opened(&world)?;
        ask(&mut wire, &registration(NAME, PASSWORD))?;
        ask(&mut wire, &login(NAME, &format!("<password>{PASSWORD}</password>")))?;
        for stanza in [
            "<message to='victim@localhost/desk'><body>forged</body></message>",
            "<message from='localhost' to='victim@localhost/desk'><body>forged</body></message>",
            "<iq id='x' type='set' to='victim@localhost/desk'><notification xmlns='androidpn:iq:notification'><title>forged</title></notification></iq>",
            "<iq id='x' type='set'><setalias xmlns='androidpn:iq:setalias'><username>victim</username><alias>forged</alias></setalias></iq>",
            "<iq id='x' type='set'><settags xmlns='androidpn:iq:settags'><username>honest</username><tags>forged</tags></settags></iq>",
            "<presence to='victim@localhost/desk'><status>forged</status></presence>",
            "<iq id='x' type='set'><query xmlns='jabber:iq:register'><username>victim</username><password>forged-word</password></query></iq>",
        ] {
            wire.send(stanza)?;
        }
        // The stream may have ended with one of them; what the victim has heard is what counts.
        let (said, _) = wire.take();
        victim.is_answered("heard-1")?;
        let (heard, _) = victim.wire.take();
        let heard = String::from_utf8_lossy(&heard).into_owned();
        ensure!(!heard.contains("forged"), "{heard}; the attacker was told {}", String::from_utf8_lossy(&said));
        drop(crate::session::Session::logged_in(
            world.ready(),
            ATTACKER,
            ("victim", "the password of victim"),
            "other",
        )?);
        Ok(())
    })
}
