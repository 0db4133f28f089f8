//! What XMPP streams refuse: the right condition, a close, and an honest phone beside it that notices nothing.

use std::time::Duration;

use longwire_test_support::wire::{HEADER, Wire};
use longwire_test_support::{Phones, SOON};

use crate::raw::{Raw, auth};
use crate::world::World;

/// A world with a phone online, which must still be served after `attack`.
fn beside_a_phone(attack: impl FnOnce(&World) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let world = World::new()?;
    let phone: Phones = world.phone("phone")?;
    attack(&world)?;
    world.still_serves(&phone)?;
    let lines = phone.lines();
    let logins = lines.iter().filter(|line| line.get("state").is_some_and(|state| state == "online")).count();
    assert_eq!(logins, 1, "the phone had to log in again: {lines:?}");
    Ok(())
}

/// Opens a stream over direct TLS and sends what must end it with this condition.
fn ends_with(world: &World, sent: &str, condition: &str) -> anyhow::Result<()> {
    let mut wire = Wire::tls(&world.server.ready.c2s_tls, &world.server.ready.certificate)?;
    wire.open()?;
    wire.send(sent)?;
    let answer = wire.expect_close(SOON)?;
    let shown: String = sent.chars().take(60).collect();
    assert!(answer.contains("<stream:error") && answer.contains(condition), "{shown}: {answer}");
    assert!(answer.contains("</stream:stream>"), "{shown}: {answer}");
    Ok(())
}

#[test]
fn a_wrong_password_is_not_authorized_and_may_be_tried_again() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        drop(Raw::register(&world.server, "romeo", "right-word")?);
        let mut wire = Wire::tls(&world.server.ready.c2s_tls, &world.server.ready.certificate)?;
        wire.open()?;
        wire.send(&auth("romeo", "wrong"))?;
        let answer = wire.expect("</failure>")?;
        assert!(answer.contains("<not-authorized"), "{answer}");
        wire.send(&auth("nobody", "wrong"))?;
        let unknown = wire.expect("</failure>")?;
        assert_eq!(
            unknown.trim(),
            answer.trim_start_matches(|c| c != '<').trim(),
            "an unknown name can be told from a wrong password"
        );
        wire.send(&auth("romeo", "right-word"))?;
        wire.expect("<success")?;
        Ok(())
    })
}

#[test]
fn three_wrong_passwords_end_the_stream() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        let mut wire = Wire::tls(&world.server.ready.c2s_tls, &world.server.ready.certificate)?;
        wire.open()?;
        for _ in 0..2 {
            wire.send(&auth("nobody", "wrong"))?;
            wire.expect("</failure>")?;
        }
        wire.send(&auth("nobody", "wrong"))?;
        let end = wire.expect_close(SOON)?;
        assert!(end.contains("<policy-violation"), "{end}");
        Ok(())
    })
}

#[test]
fn an_unknown_mechanism_is_invalid_mechanism() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        let mut wire = Wire::tls(&world.server.ready.c2s_tls, &world.server.ready.certificate)?;
        let features = wire.open()?;
        assert!(features.contains("SCRAM-SHA-256") && features.contains("PLAIN"), "{features}");
        wire.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='DIGEST-MD5'/>")?;
        let answer = wire.expect("</failure>")?;
        assert!(answer.contains("<invalid-mechanism"), "{answer}");
        Ok(())
    })
}

#[test]
fn credentials_are_not_asked_for_in_the_clear() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        let mut wire = Wire::plain(&world.server.ready.c2s)?;
        let features = wire.open()?;
        assert!(features.contains("<starttls") && features.contains("<required"), "{features}");
        for mechanism in ["PLAIN", "SCRAM", "<mechanisms", "sasl:2"] {
            assert!(!features.contains(mechanism), "{mechanism} is offered in the clear: {features}");
        }
        wire.send(&auth("romeo", "right"))?;
        let answer = wire.expect("</failure>")?;
        assert!(answer.contains("<encryption-required"), "{answer}");
        Ok(())
    })
}

#[test]
fn restricted_xml_ends_the_stream() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        ends_with(world, "<iq type='get'><a></b></iq>", "<not-well-formed")?;
        ends_with(world, "<iq type='get' type='set'/>", "<not-well-formed")?;
        ends_with(world, "<iq <", "<not-well-formed")?;
        ends_with(world, "<!DOCTYPE a [<!ENTITY b 'c'>]><iq/>", "<restricted-xml")?;
        ends_with(world, "<iq>&lol;</iq>", "<restricted-xml")?;
        ends_with(world, "<!-- a comment -->", "<restricted-xml")?;
        ends_with(world, "<?php a ?>", "<restricted-xml")?;
        let billion = "<!DOCTYPE l [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><iq>&b;</iq>";
        ends_with(world, billion, "<restricted-xml")
    })
}

#[test]
fn bytes_that_are_no_utf8_end_the_stream() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        let mut wire = Wire::tls(&world.server.ready.c2s_tls, &world.server.ready.certificate)?;
        wire.open()?;
        wire.send_bytes(b"<iq id='\xff\xfe'/>")?;
        let answer = wire.expect_close(SOON)?;
        assert!(answer.contains("<stream:error"), "{answer}");
        Ok(())
    })
}

#[test]
fn oversize_deep_and_wide_elements_end_the_stream() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        ends_with(world, &format!("<iq><a>{}</a></iq>", "x".repeat(17 * 1024)), "<policy-violation")?;
        ends_with(world, &"<a>".repeat(40), "<policy-violation")?;
        let attributes: String = (0..70).map(|number| format!(" a{number}='x'")).collect();
        ends_with(world, &format!("<iq{attributes}/>"), "<policy-violation")
    })
}

#[test]
fn a_message_above_the_limit_after_login_ends_the_stream_and_one_below_passes() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        let mut sender = Raw::register(&world.server, "romeo", "secret-word")?.bound("a")?;
        sender.is_available()?;
        let text = "x".repeat(200 * 1024);
        sender.wire.send(&format!("<message to='romeo@localhost/a' type='chat'><body>{text}</body></message>"))?;
        sender.wire.expect(&text)?;
        sender.wire.send(&format!("<message><body>{}</body></message>", "x".repeat(257 * 1024)))?;
        let end = sender.wire.expect_close(SOON)?;
        assert!(end.contains("<policy-violation"), "{}", end.chars().take(500).collect::<String>());
        Ok(())
    })
}

#[test]
fn a_connection_that_says_nothing_is_closed() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        let mut plain = Wire::plain(&world.server.ready.c2s)?;
        // Not even a TLS handshake.
        let mut tls = Wire::plain(&world.server.ready.c2s_tls)?;
        plain.expect_close(Duration::from_secs(15))?;
        tls.expect_close(Duration::from_secs(15))?;
        Ok(())
    })
}

#[test]
fn a_stream_that_never_logs_in_is_closed() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        let mut wire = Wire::tls(&world.server.ready.c2s_tls, &world.server.ready.certificate)?;
        wire.open()?;
        let end = wire.expect_close(Duration::from_secs(45))?;
        assert!(end.contains("<connection-timeout"), "{end}");
        Ok(())
    })
}

#[test]
fn a_login_one_byte_at_a_time_works() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        printed_account(world)?;
        let mut wire = Wire::plain(&world.server.ready.c2s)?;
        wire.send_bytewise(HEADER)?;
        wire.expect("</stream:features>")?;
        wire.send_bytewise("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")?;
        wire.expect("<proceed")?;
        let mut wire = wire.secured(&world.server.ready.certificate)?;
        wire.send_bytewise(HEADER)?;
        wire.expect("</stream:features>")?;
        wire.send_bytewise(&auth("slow", "secret-word"))?;
        wire.expect("<success")?;
        wire.send_bytewise(HEADER)?;
        let features = wire.expect("</stream:features>")?;
        assert!(features.contains("urn:ietf:params:xml:ns:xmpp-bind"), "{features}");
        Ok(())
    })
}

/// Registers the account `slow` without binding it.
fn printed_account(world: &World) -> anyhow::Result<()> {
    drop(Raw::register(&world.server, "slow", "secret-word")?);
    Ok(())
}

#[test]
fn plaintext_injected_before_tls_is_never_obeyed() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        let mut wire = Wire::plain(&world.server.ready.c2s)?;
        wire.send(HEADER)?;
        wire.expect("</stream:features>")?;
        let injected = "<iq type='get' id='injected'><query xmlns='jabber:iq:register'/></iq>";
        wire.send(&format!("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>{HEADER}{injected}"))?;
        let end = match wire.expect("<proceed") {
            Ok(_) => match wire.secured(&world.server.ready.certificate) {
                Ok(mut secured) => {
                    secured.open()?;
                    secured.shut();
                    secured.expect_close(SOON)?
                }
                Err(_) => String::new(),
            },
            Err(refused) => refused.to_string(),
        };
        assert!(
            !end.contains("id='injected'") && !end.contains("id=\"injected\""),
            "the injected stanza was obeyed: {end}"
        );
        Ok(())
    })
}

#[test]
fn http_and_tls_bytes_on_the_wrong_port_are_closed() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        let mut http = Wire::plain(&world.server.ready.c2s)?;
        http.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
        http.expect_close(SOON)?;
        let mut tls = Wire::plain(&world.server.ready.c2s)?;
        tls.send_bytes(&[0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00])?;
        tls.expect_close(SOON)?;
        let mut xml = Wire::plain(&world.server.ready.c2s_tls)?;
        xml.send(HEADER)?;
        xml.expect_close(SOON)?;
        Ok(())
    })
}

#[test]
fn a_stream_to_another_domain_is_host_unknown() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        let mut wire = Wire::tls(&world.server.ready.c2s_tls, &world.server.ready.certificate)?;
        wire.send(&HEADER.replace("localhost", "example.org"))?;
        let end = wire.expect_close(SOON)?;
        assert!(end.contains("<host-unknown"), "{end}");
        Ok(())
    })
}

#[test]
fn an_authorisation_id_of_somebody_else_is_refused() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        drop(Raw::register(&world.server, "romeo", "secret-word")?);
        drop(Raw::register(&world.server, "juliet", "secret-word")?);
        let mut wire = Wire::tls(&world.server.ready.c2s_tls, &world.server.ready.certificate)?;
        wire.open()?;
        // PLAIN with juliet as the authorisation id and romeo's credentials.
        let login = longwire_test_support::wire::plain_login_as("juliet@localhost", "romeo", "secret-word");
        wire.send(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{login}</auth>"))?;
        let answer = wire.expect("</failure>")?;
        assert!(answer.contains("<invalid-authzid") || answer.contains("<not-authorized"), "{answer}");
        Ok(())
    })
}

#[test]
fn registration_of_a_taken_name_is_a_conflict() -> anyhow::Result<()> {
    beside_a_phone(|world| {
        drop(Raw::register(&world.server, "romeo", "secret-word")?);
        let refused = Raw::register(&world.server, "Romeo", "other").err().map(|error| error.to_string());
        assert!(refused.is_some_and(|text| text.contains("error")), "one name was registered twice");
        drop(Raw::logged_in(&world.server, "romeo", "secret-word")?);
        Ok(())
    })
}
