//! An original client, as far as a push goes: it registers, logs in, is present, and answers the ping behind each push as its library
//! answers whatever it does not know.

use std::collections::HashMap;

use anyhow::Context;
use longwire_test_support::{Server, Wire};

/// A phone that is online.
pub(crate) struct Phone {
    wire: Wire,
}

impl Phone {
    /// Registers an account and comes online.
    pub(crate) fn registered(server: &Server, name: &str, password: &str) -> anyhow::Result<Self> {
        let mut wire = open(server)?;
        wire.send(&format!(
            "<iq id=\"a-0\" type=\"set\"><query xmlns=\"jabber:iq:register\"><password>{password}</password><username>{name}</username></query></iq>"
        ))?;
        answered(&mut wire, "a-0")?;
        Self::logged_in_on(wire, name, password)
    }

    /// Comes online with an account that is there.
    pub(crate) fn logged_in(server: &Server, name: &str, password: &str) -> anyhow::Result<Self> {
        Self::logged_in_on(open(server)?, name, password)
    }

    fn logged_in_on(mut wire: Wire, name: &str, password: &str) -> anyhow::Result<Self> {
        wire.send(&format!(
            "<iq id=\"a-2\" type=\"set\"><query xmlns=\"jabber:iq:auth\"><username>{name}</username><password>{password}</password>\
             <resource>AndroidpnClient</resource></query></iq>"
        ))?;
        answered(&mut wire, "a-2")?;
        wire.send("<iq id=\"a-3\" type=\"get\"><query xmlns=\"jabber:iq:roster\" ></query></iq><presence id=\"a-4\"></presence>")?;
        Ok(Self { wire })
    }

    /// Says its alias and tags.
    pub(crate) fn is_called(&mut self, name: &str, alias: &str, tags: &str) -> anyhow::Result<()> {
        self.wire.send(&format!(
            "<iq id=\"a-5\" type=\"set\"><setalias xmlns=\"androidpn:iq:setalias\"><username>{name}</username><alias>{alias}</alias></setalias></iq>\
             <iq id=\"a-6\" type=\"set\"><settags xmlns=\"androidpn:iq:settags\"><username>{name}</username><tags>{tags}</tags></settags></iq>"
        ))
    }

    /// The next push: its children by name. It is acknowledged as the original's library does it.
    pub(crate) fn push(&mut self) -> anyhow::Result<HashMap<String, String>> {
        let text = self.wire.expect("</notification></iq>")?;
        let at = text.rfind("<notification ").context("a notification")?;
        let children = ["id", "apiKey", "title", "message", "uri", "imageUrl"];
        let found = children.iter().filter_map(|name| Some(((*name).to_owned(), child(&text[at..], name)?))).collect();
        let ping = self.wire.expect("</iq>")?;
        anyhow::ensure!(ping.contains("urn:xmpp:ping"), "a ping behind the push: {ping}");
        let id = attribute(&ping[ping.rfind("<iq").context("a stanza")?..], "id").context("its id")?;
        self.wire.send(&format!(
            "<iq id=\"{id}\" type=\"error\"><error code=\"501\" type=\"CANCEL\"><feature-not-implemented \
             xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>"
        ))?;
        Ok(found)
    }
}

fn open(server: &Server) -> anyhow::Result<Wire> {
    let mut wire = Wire::plain(&server.ready.c2s)?;
    wire.send(
        "<stream:stream to=\"localhost\" xmlns=\"jabber:client\" xmlns:stream=\"http://etherx.jabber.org/streams\" version=\"1.0\">",
    )?;
    wire.expect("</stream:features>")?;
    Ok(wire)
}

/// Reads the result of a request.
fn answered(wire: &mut Wire, id: &str) -> anyhow::Result<()> {
    wire.expect("<iq")?;
    let head = wire.expect(">")?;
    anyhow::ensure!(head.contains("result") && head.contains(id), "not the result of {id}: {head}");
    Ok(())
}

/// The text of a child.
fn child(text: &str, name: &str) -> Option<String> {
    if text.contains(&format!("<{name}/>")) {
        return Some(String::new());
    }
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(unescaped(rest.split_once(&format!("</{name}>"))?.0))
}

fn attribute(text: &str, name: &str) -> Option<String> {
    ['"', '\''].into_iter().find_map(|quote| {
        let (_, rest) = text.split_once(&format!(" {name}={quote}"))?;
        Some(unescaped(rest.split_once(quote)?.0))
    })
}

/// The five entities, and characters by number, which no original client is asked to read of what XML forbids.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain += before;
        let (entity, next) = after.split_once(';').unwrap_or((after, ""));
        let numbered = entity.strip_prefix('#').map(|digits| {
            digits.strip_prefix('x').map_or_else(|| digits.parse().ok(), |digits| u32::from_str_radix(digits, 16).ok())
        });
        plain.push(match (entity, numbered) {
            ("amp", _) => '&',
            ("lt", _) => '<',
            ("gt", _) => '>',
            ("quot", _) => '"',
            ("apos", _) => '\'',
            (_, Some(code)) => code.and_then(char::from_u32).unwrap_or_else(|| panic!("&{entity};")),
            (other, None) => panic!("&{other};"),
        });
        rest = next;
    }
    plain + rest
}
