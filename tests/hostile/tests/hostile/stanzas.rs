//! STZ-…: stanzas of a session that is bound and means no good.

use std::time::Duration;

use anyhow::ensure;
use longwire_test_support::SOON;
use longwire_test_support::wait::now;

use crate::beside::beside;
use crate::session::{Session, authenticate, opened};
use crate::world::{ATTACKER, World};

const MALLORY: (&str, &str) = ("mallory", "the password of mallory");
/// Sessions of one account (`SESSIONS_PER_ACCOUNT_MAX` of the core).
const SESSIONS_MAX: usize = 64;

#[test]
fn stz_14_five_thousand_presences_at_once_hold_up_nobody() -> anyhow::Result<()> {
    let world = World::new()?;
    let kinds = [
        "<presence><show>away</show><status>x</status></presence>",
        "<presence to='honest@localhost/desk'/>",
        "<presence type='subscribe' to='honest@localhost'/>",
        "<presence type='probe' to='honest@localhost'/>",
        "<presence to='nobody@localhost/x'/>",
    ];
    beside("stz_14", &world, 1, || {
        let mut session = Session::registered(world.ready(), ATTACKER, MALLORY.0, MALLORY.1)?;
        let began = now();
        for kind in kinds {
            session.wire.send(&kind.repeat(1_000))?;
        }
        session.is_answered("after-the-flood")?;
        // A stanza counts as half a KiB at least: beyond two seconds' worth they are read at 512 KiB a second.
        let took = began.elapsed();
        ensure!(
            took > Duration::from_secs(2),
            "five thousand were taken in {took:?}: the session is not held to its rate"
        );
        Ok(())
    })
}

#[test]
fn stz_51_a_flood_that_nobody_reads_goes_back_and_ends_no_session() -> anyhow::Result<()> {
    const ATTACKERS: usize = 4;
    const MESSAGES: usize = 12;
    let world = World::new()?;
    beside("stz_51", &world, ATTACKERS as u64 + 1, || {
        let mut victim = Session::registered(world.ready(), ATTACKER, "victim", "the password of victim")?;
        let mut attackers = Vec::new();
        for number in 0..ATTACKERS {
            let name = format!("mallory{number}");
            attackers.push(Session::registered(world.ready(), ATTACKER, &name, "the password of mallory")?);
        }
        let body = "x".repeat(200 * 1024);
        let message = format!("<message to='victim@localhost/desk' type='chat'><body>{body}</body></message>");
        for _ in 0..MESSAGES {
            for attacker in &mut attackers {
                attacker.wire.send(&message)?;
            }
        }
        for attacker in &mut attackers {
            attacker.is_answered("sent")?;
        }
        let last = attackers.last_mut().expect("there are some");
        last.wire.send(&message)?;
        last.wire.expect("<resource-constraint ")?;
        // It was not read for some seconds, and is there.
        victim.is_answered("still-there")
    })
}

#[test]
fn stz_16_the_older_of_two_sessions_is_told_and_the_newer_has_its_pushes() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("stz_16", &world, 2, || {
        let mut older = Session::registered(world.ready(), ATTACKER, MALLORY.0, MALLORY.1)?;
        older.is_available()?;
        let device = world.device_of(MALLORY.0)?;
        let id = world.notify(&format!("device:{device}"), "Door")?;
        older.wire.expect(&id)?;
        // It was sent and not acknowledged.
        let mut newer = Session::logged_in(world.ready(), ATTACKER, MALLORY, "desk")?;
        let end = older.wire.expect_close(SOON)?;
        assert!(end.contains("<stream:error><conflict "), "{end}");
        newer.wire.send("<presence/>")?;
        newer.wire.expect(&id)?;
        newer.is_answered("newer-1")
    })
}

#[test]
fn stz_17_an_account_has_so_many_sessions_and_not_one_more() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("stz_17", &world, SESSIONS_MAX.try_into()?, || {
        let mut sessions = vec![Session::registered(world.ready(), ATTACKER, MALLORY.0, MALLORY.1)?];
        while sessions.len() < SESSIONS_MAX {
            sessions.push(Session::logged_in(world.ready(), ATTACKER, MALLORY, &format!("r{}", sessions.len()))?);
        }
        let mut wire = opened(world.ready(), ATTACKER)?;
        authenticate(&mut wire, MALLORY.0, MALLORY.1)?;
        let refused = crate::session::bind(&mut wire, "one-more").err().map(|error| error.to_string());
        assert!(refused.as_ref().is_some_and(|text| text.contains("<resource-constraint ")), "{refused:?}");
        for session in &mut sessions {
            session.is_answered("still-1")?;
        }
        Ok(())
    })
}

#[test]
fn stz_18_a_sender_that_is_somebody_else_ends_the_stream() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("stz_18", &world, 6, || {
        drop(Session::registered(world.ready(), ATTACKER, MALLORY.0, MALLORY.1)?);
        for stanza in [
            "<message from='honest@localhost/desk' to='mallory@localhost'><body>x</body></message>",
            "<message from='localhost' to='mallory@localhost'><body>x</body></message>",
            "<presence from='honest@localhost/desk'/>",
            "<iq type='get' id='x' from='honest@localhost/desk'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq type='set' id='x' from='localhost'><query xmlns='jabber:iq:register'><remove/></query></iq>",
        ] {
            let mut session = Session::logged_in(world.ready(), ATTACKER, MALLORY, "desk")?;
            session.wire.send(stanza)?;
            let end = session.wire.expect_close(SOON)?;
            assert!(end.contains("<stream:error><invalid-from "), "{stanza}: {end}");
        }
        Ok(())
    })
}

#[test]
fn stz_19_a_message_reaches_nobody_as_a_push_and_no_answer_acknowledges_for_another() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("stz_19", &world, 2, || {
        let mut victim = Session::registered(world.ready(), ATTACKER, "victim", "the password of victim")?;
        victim.is_available()?;
        let mut session = Session::registered(world.ready(), ATTACKER, MALLORY.0, MALLORY.1)?;
        session.is_available()?;
        let device = world.device_of("victim")?;
        let id = world.notify(&format!("device:{device}"), "Door")?;
        victim.wire.expect(&id)?;
        // Whoever it is addressed to, it acknowledges what this session was sent, which is nothing.
        session.wire.send("<iq type='result' id='lwp:40:0' to='victim@localhost/desk'/>")?;
        let end = session.wire.expect_close(SOON)?;
        assert!(end.contains("<stream:error><policy-violation "), "{end}");
        let states = world.items(&format!("/v1/notifications/{id}/deliveries"))?;
        let [delivery] = states.as_slice() else { anyhow::bail!("one delivery: {states:?}") };
        let state = delivery.get("state").and_then(serde_json::Value::as_str);
        let is_acknowledged = matches!(state, Some("delivered" | "displayed" | "opened" | "dismissed"));
        assert!(state.is_some() && !is_acknowledged, "{delivery}");
        // A push of somebody else's making says whose it is.
        let mut session = Session::logged_in(world.ready(), ATTACKER, MALLORY, "desk")?;
        session.wire.send(
            "<message to='victim@localhost/desk'><push xmlns='urn:longwire:push:1' id='x' seq='1'/><body>forged</body></message>",
        )?;
        let forged = victim.wire.expect("forged")?;
        assert!(forged.contains("from='mallory@localhost/desk'"), "{forged}");
        Ok(())
    })
}
