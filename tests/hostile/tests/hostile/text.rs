//! XML-37, XML-38: what a back-end writes is text on the wire, whatever it looks like.

use anyhow::bail;
use longwire_protocol::codec::{Event, Limits};
use longwire_protocol::{Element, Reader};
use longwire_test_support::wire::HEADER;
use serde_json::{Value, json};

use crate::beside::beside;
use crate::session::Session;
use crate::world::{ATTACKER, World};

const CLIENT: &str = "jabber:client";

/// The message in what a stream has said.
fn message(text: &str) -> anyhow::Result<Element> {
    let whole = format!("{HEADER}{text}");
    let (mut rest, mut reader) = (whole.as_bytes(), Reader::new(Limits::AFTER_LOGIN));
    while let Some(event) = reader.read(&mut rest)? {
        if let Event::Element(element) = event
            && element.is(CLIENT, "message")
        {
            return Ok(element);
        }
    }
    bail!("no message in {text}")
}

#[test]
fn xml_37_every_character_of_a_body_arrives() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("xml_37", &world, 1, || {
        let mut session = Session::registered(world.ready(), ATTACKER, "reader", "the password of reader")?;
        session.is_available()?;
        for body in [
            "a ]]> b",
            "&#xA; &amp;amp; &lt; &nbsp; &lol;",
            "\"double\" and 'single' > < = /",
            "<!-- a --> <?p ?> <![CDATA[x]]> <!DOCTYPE y>",
            "line\nline\ttab",
            "\u{85} \u{2028} \u{202e} \u{feff} \u{10fffd} \u{fffd} \u{1f600}",
        ] {
            let sent = world.api.post("/v1/notifications", &json!({ "to": "all", "title": "t", "body": body }))?;
            assert_eq!(sent.status, 202, "{body:?}: {}", sent.text());
            let stanza = message(&session.wire.expect("</message>")?)?;
            assert_eq!(stanza.child_text(CLIENT, "body").as_deref(), Some(body), "{stanza}");
        }
        for body in ["\u{fffe}", "\u{ffff}", "\u{1}", "\0", "\u{1b}[31m"] {
            let answer = world.api.post("/v1/notifications", &json!({ "to": "all", "title": "t", "body": body }))?;
            assert_eq!((answer.status, answer.field("code").as_str()), (422, "invalid_field"), "{body:?}");
        }
        session.is_answered("read-1")
    })
}

#[test]
fn xml_38_a_stanza_in_a_title_is_a_title() -> anyhow::Result<()> {
    let world = World::new()?;
    let forged = "x</subject></message><message from='admin@localhost' id='forged'><body>owned</body></message>";
    beside("xml_38", &world, 1, || {
        let mut session = Session::registered(world.ready(), ATTACKER, "reader", "the password of reader")?;
        session.is_available()?;
        for field in ["title", "body", "group", "image", "collapse_key"] {
            let mut body = json!({ "to": "all", "title": "t", "body": "b" });
            body[field] = json!(forged);
            let sent = world.api.post("/v1/notifications", &body)?;
            if sent.status == 422 {
                continue;
            }
            assert_eq!(sent.status, 202, "{field}: {}", sent.text());
            let said = session.wire.expect("</message>")?;
            let stanza = message(&said)?;
            assert_eq!((stanza.attr("from"), stanza.attr("id")), (Some("localhost"), Some(sent.field("id").as_str())));
            assert_eq!(said.matches("<message").count(), 1, "{said}");
            let payload =
                stanza.children().map(Element::text).find_map(|text| serde_json::from_str::<Value>(&text).ok());
            let told = payload.unwrap_or_default();
            for shown in ["title", "body"].into_iter().filter(|shown| *shown == field) {
                assert_eq!(told.get(shown), Some(&json!(forged)), "{said}");
            }
            session.is_answered(&format!("between-{field}"))?;
        }
        Ok(())
    })
}
