//! Logins, step by step and without anything that is sent ahead of its turn.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail, ensure};
use longwire_protocol::sasl::scram::{Client, ClientBinding};
use longwire_protocol::sasl::{base64, ht};

use super::door::{Carriage, Door, PASSWORD, Speech, name};
use super::inbox::{Duty, Inbox};
use super::link::Link;
use super::mqtt;
use super::session::{Cursor, Session};

const HEADER: &[u8] = b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                        xmlns:stream='http://etherx.jabber.org/streams'>";
const FEATURES: &[u8] = b"</stream:features>";
/// After it a client may try again, on the same connection, for as long as the server waits for that.
const REFUSAL: &[u8] = b"</failure>";
const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const SASL2: &str = "urn:xmpp:sasl:2";
const FAST: &str = "HT-SHA-256-EXPR";

/// By what a client shows who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The password itself.
    Plain,
    /// SCRAM-SHA-256 with the password.
    Scram,
    /// A token of an earlier login (XEP-0484).
    Fast(String),
}

/// What a login asks for beside the session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wants {
    /// A token for the next login.
    pub(crate) token: bool,
    /// What is above this; of a device that was here before.
    pub(crate) cursor: Option<Cursor>,
    /// Of MQTT, whose server keeps what comes only for whom it was told to.
    pub(crate) stay: Stay,
}

/// Whether the server keeps a client's subscriptions while it is away, and what comes for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stay {
    /// No.
    #[default]
    Passing,
    /// From now on.
    Begun,
    /// It has done so.
    Resumed,
}

/// Connects and logs in as the `number`th client, up to the bound resource; it is not available yet.
///
/// # Errors
/// It is refused, or takes too long.
pub(crate) async fn log_in(
    door: &Door,
    carriage: Carriage,
    proof: &Proof,
    wants: &Wants,
    number: usize,
) -> anyhow::Result<Session> {
    let mut link = Link::connect(door, carriage, number).await?;
    match door.speech {
        Speech::Longwire | Speech::Xmpp => {
            link = opened(link, door, carriage).await?;
            if door.is_push(carriage) {
                push(link, proof, wants, number).await
            } else {
                classic(link, door.speech, proof, number).await
            }
        }
        Speech::Mqtt => {
            link.send(&mqtt::connect(&name(number), wants.stay == Stay::Passing)).await?;
            link.expect(&[0x20, 2, u8::from(wants.stay == Stay::Resumed), 0]).await?;
            Ok(session(link, door.speech, Duty::Puback, number, name(number)))
        }
        Speech::Lines => {
            link.send(format!("hello {}\n", name(number)).as_bytes()).await?;
            link.expect(b"ok\n").await?;
            Ok(session(link, door.speech, Duty::Nothing, number, name(number)))
        }
    }
}

/// What opens a conversation, and what is said to that.
pub(crate) fn greeting(speech: Speech) -> (Vec<u8>, Vec<u8>) {
    match speech {
        Speech::Longwire | Speech::Xmpp => (HEADER.to_vec(), b"<stream:features>".to_vec()),
        Speech::Mqtt => (mqtt::connect("first", true), vec![0x20, 2, 0, 0]),
        Speech::Lines => (b"hello first\n".to_vec(), b"ok\n".to_vec()),
    }
}

impl Session {
    /// From here on others reach it, and this is known when it returns.
    ///
    /// # Errors
    /// The server does not answer.
    pub(crate) async fn make_available(&mut self) -> anyhow::Result<()> {
        match (self.speech, self.is_push) {
            (Speech::Longwire, true) | (Speech::Lines, _) => Ok(()),
            (Speech::Longwire | Speech::Xmpp, _) => {
                self.link.send(b"<presence/>").await?;
                self.beat().await
            }
            (Speech::Mqtt, _) => {
                self.link.send(&mqtt::subscribe(&[&self.address, "all"])).await?;
                self.link.expect(&[0x90, 4, 0, 1, 1, 1]).await.map(drop)
            }
        }
    }
}

/// A stream whose features were read, inside TLS if that is the carriage.
async fn opened(mut link: Link, door: &Door, carriage: Carriage) -> anyhow::Result<Link> {
    link.send(HEADER).await?;
    link.expect(FEATURES).await?;
    if carriage == Carriage::StartTls {
        link.send(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
        link.expect(b"<proceed").await?;
        link.expect(b">").await?;
        link = link.secured(&door.trust).await?;
        link.send(HEADER).await?;
        link.expect(FEATURES).await?;
    }
    Ok(link)
}

/// RFC 6120: SASL, a new stream, a resource.
async fn classic(mut link: Link, speech: Speech, proof: &Proof, number: usize) -> anyhow::Result<Session> {
    let (mechanism, first, scram) = begin(&link, proof, number)?;
    link.send(format!("<auth xmlns='{SASL}' mechanism='{mechanism}'>{first}</auth>").as_bytes()).await?;
    respond(&mut link, SASL, scram).await?;
    link.expect_unless(REFUSAL, b"<success").await?;
    link.expect(b">").await?;
    link.send(HEADER).await?;
    link.expect(FEATURES).await?;
    link.send(
        b"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>",
    )
    .await?;
    let bound = link.expect(b"</iq>").await?;
    let bound = String::from_utf8_lossy(&bound);
    let jid = between(&bound, "<jid>", "<").context("no address was bound")?.to_owned();
    let duty = if speech == Speech::Longwire { Duty::Pong } else { Duty::Nothing };
    Ok(session(link, speech, duty, number, jid))
}

/// SASL2 with Bind 2 and the push extension: one round trip, two with SCRAM.
async fn push(mut link: Link, proof: &Proof, wants: &Wants, number: usize) -> anyhow::Result<Session> {
    let (mechanism, first, scram) = begin(&link, proof, number)?;
    let token = if wants.token {
        format!("<request-token xmlns='urn:xmpp:fast:0' mechanism='{FAST}'/>")
    } else {
        String::new()
    };
    let fast = if matches!(proof, Proof::Fast(_)) { "<fast xmlns='urn:xmpp:fast:0'/>" } else { "" };
    let cursor = wants.cursor.as_ref().map(stated).unwrap_or_default();
    let request = format!(
        "<authenticate xmlns='{SASL2}' mechanism='{mechanism}'><initial-response>{first}</initial-response>\
         <user-agent id='{number:08x}-0000-4000-8000-{number:012x}'/>{token}{fast}<bind xmlns='urn:xmpp:bind:0'>\
         <tag>longwire</tag><push xmlns='urn:longwire:push:1'{cursor}/></bind></authenticate>"
    );
    link.send(request.as_bytes()).await?;
    respond(&mut link, SASL2, scram).await?;
    let success = link.expect_unless(REFUSAL, b"</success>").await?;
    let success = String::from_utf8_lossy(&success);
    let bound = between(&success, "<push ", ">").with_context(|| format!("no push session was bound: {success}"))?;
    let cursor = Cursor {
        generation: attribute(bound, "generation")?.to_owned(),
        normal: attribute(bound, "normal")?.parse()?,
        background: attribute(bound, "background")?.parse()?,
    };
    let device = attribute(bound, "device")?.to_owned();
    let token = between(&success, " token='", "'").map(str::to_owned);
    // What follows the login is the features, which are empty now.
    link.expect(b"features").await?;
    link.expect(b">").await?;
    let session = session(link, Speech::Longwire, Duty::Position, number, name(number));
    Ok(Session { is_push: true, device: Some(device), cursor: Some(cursor), token, ..session })
}

fn session(link: Link, speech: Speech, duty: Duty, number: usize, address: String) -> Session {
    let inbox = Inbox::new(duty);
    Session { link, inbox, speech, is_push: false, number, address, device: None, cursor: None, token: None }
}

fn stated(cursor: &Cursor) -> String {
    let Cursor { generation, normal, background } = cursor;
    format!(" generation='{generation}' normal='{normal}' background='{background}'")
}

/// The mechanism, its first message, and for SCRAM what goes on.
fn begin(link: &Link, proof: &Proof, number: usize) -> anyhow::Result<(&'static str, String, Option<Client>)> {
    let user = name(number);
    Ok(match proof {
        Proof::Plain => ("PLAIN", base64::encode(format!("\0{user}\0{PASSWORD}").as_bytes()), None),
        Proof::Scram => {
            let (client, first) = Client::new(&user, PASSWORD, nonce(), ClientBinding::Unsupported)?;
            ("SCRAM-SHA-256", base64::encode(&first), Some(client))
        }
        Proof::Fast(token) => {
            let initiator = ht::Initiator::new(user, token.as_bytes(), &link.exporter()?);
            (FAST, base64::encode(&initiator.to_bytes()), None)
        }
    })
}

/// Answers the challenge of SCRAM; the server's proof is not looked at, which is work of the client alone.
async fn respond(link: &mut Link, namespace: &str, scram: Option<Client>) -> anyhow::Result<()> {
    let Some(client) = scram else { return Ok(()) };
    let challenge = link.expect_unless(REFUSAL, b"</challenge>").await?;
    let challenge = String::from_utf8_lossy(&challenge);
    let data = between(&challenge, "<challenge", "<").and_then(|text| text.split_once('>')).map(|(_, data)| data);
    let data = data.and_then(base64::decode).context("no challenge")?;
    let (_, last) = client.handle_challenge(&data, None)?;
    link.send(format!("<response xmlns='{namespace}'>{}</response>", base64::encode(&last)).as_bytes()).await
}

/// Never the same in one run; nobody is kept out by it.
fn nonce() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:08}{:020}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

fn attribute<'a>(element: &'a str, name: &str) -> anyhow::Result<&'a str> {
    let padded = format!(" {name}='");
    let found = element.split_once(&padded).map(|(_, rest)| rest).or_else(|| element.strip_prefix(padded.trim_start()));
    let Some((value, _)) = found.and_then(|rest| rest.split_once('\'')) else { bail!("no {name} in {element}") };
    ensure!(!value.is_empty(), "an empty {name} in {element}");
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_found_by_its_whole_name() {
        let element = "device='d' xmlns='x' recorded-normal='1' normal='2'/";
        assert_eq!(attribute(element, "normal").expect("it is there"), "2");
        assert_eq!(attribute(element, "device").expect("it is there"), "d");
        assert!(attribute(element, "background").is_err());
    }

    #[test]
    fn a_device_states_its_cursor() {
        let cursor = Cursor { generation: "7".to_owned(), normal: 4, background: 0 };
        assert_eq!(stated(&cursor), " generation='7' normal='4' background='0'");
    }
}
