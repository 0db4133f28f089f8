//! Logins over real TLS: bound to the channel, by token, and with somebody in between.

use anyhow::{Context, ensure};
use longwire_protocol::sasl::scram::{Client, ClientBinding, offer_hash};
use longwire_protocol::sasl::{base64, ht};
use longwire_test_support::middle::middle;
use longwire_test_support::wire::{Wire, plain_login};
use longwire_test_support::{PhoneOptions, SOON, Server, ServerOptions, until};
use serde_json::json;

use crate::world::{World, id_of};

const AGENT: &str = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>";
const PUSH: &str = "<bind xmlns='urn:xmpp:bind:0'><tag>longwire</tag><push xmlns='urn:longwire:push:1'/></bind>";
const MECHANISM: &str = "HT-SHA-256-EXPR";

fn open(server: &Server) -> anyhow::Result<(Wire, String)> {
    let mut wire = Wire::tls(&server.ready.c2s_tls, &server.ready.certificate)?;
    let features = wire.open()?;
    Ok((wire, features))
}

fn account(world: &World, name: &str) -> anyhow::Result<()> {
    let answer = world.api.post("/v1/accounts", &json!({ "name": name, "password": "secret-word" }))?;
    ensure!(answer.status == 201, "{} {}", answer.status, answer.text());
    Ok(())
}

fn accounts(world: &World) -> anyhow::Result<usize> {
    let items = world.api.get("/v1/accounts")?.json().get("items").and_then(|items| items.as_array().map(Vec::len));
    items.context("accounts are listed")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

#[test]
fn plus_binds_a_login_to_its_tls_connection_and_to_no_other() -> anyhow::Result<()> {
    let world = World::new()?;
    account(&world, "romeo")?;
    let (mut wire, features) = open(&world.server)?;
    let offered = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"];
    for name in offered {
        let element = format!("<mechanism>{name}</mechanism>");
        assert_eq!(features.matches(&element).count(), 2, "in both profiles: {features}");
    }
    assert!(features.contains("<channel-binding type='tls-exporter'/>"), "{features}");
    let (other, _) = open(&world.server)?;
    let hash = offer_hash(&offered, Some(&["tls-exporter"]));
    for (exporter, expected) in [(other.exporter()?, "<not-authorized/>"), (wire.exporter()?, "<success")] {
        let (client, first) =
            Client::new("romeo", "secret-word", "nonce-0123456789", ClientBinding::Exporter(exporter))?;
        let sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
        wire.send(&format!("<auth {sasl} mechanism='SCRAM-SHA-256-PLUS'>{}</auth>", base64::encode(&first)))?;
        let challenge = wire.expect("</challenge>")?;
        let data = between(&challenge, "xmpp-sasl'>", "<").and_then(base64::decode).context("a challenge")?;
        let (_, last) = client.handle_challenge(&data, Some(&hash))?;
        wire.send(&format!("<response {sasl}>{}</response>", base64::encode(&last)))?;
        wire.expect(expected)?;
    }
    Ok(())
}

/// A login by token: the token that comes with it, or why it was refused.
fn by_token(server: &Server, token: &str, fast: &str) -> anyhow::Result<Result<Option<String>, String>> {
    let (mut wire, _) = open(server)?;
    let proof = ht::Initiator::new("romeo", token.as_bytes(), &wire.exporter()?).to_bytes();
    wire.send(&format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='{MECHANISM}'><initial-response>{}</initial-response>{AGENT}\
         <fast xmlns='urn:xmpp:fast:0'{fast}/>{PUSH}</authenticate>",
        base64::encode(&proof)
    ))?;
    let begin = wire.expect(" xmlns='urn:xmpp:sasl:2'>")?;
    if begin.contains("<failure") {
        let condition = wire.expect(" ")?;
        return Ok(Err(condition.trim_matches(['<', ' ']).to_owned()));
    }
    let success = wire.expect("</success>")?;
    let data = between(&success, "<additional-data>", "<").and_then(base64::decode).context("the server's proof")?;
    ensure!(ht::is_responder(&data, token.as_bytes(), &wire.exporter()?), "the server does not know the token");
    Ok(Ok(between(&success, " token='", "'").map(str::to_owned)))
}

/// A login by password that asks for a token.
fn first_token(server: &Server) -> anyhow::Result<String> {
    let (mut wire, _) = open(server)?;
    wire.send(&format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{}</initial-response>{AGENT}\
         <request-token xmlns='urn:xmpp:fast:0' mechanism='{MECHANISM}'/>{PUSH}</authenticate>",
        plain_login("romeo", "secret-word")
    ))?;
    let success = wire.expect("</success>")?;
    between(&success, " token='", "'").map(str::to_owned).context("a token")
}

/// Logs in until the record of the token, which is written behind the login that issued it, is on disk.
fn once_known(server: &Server, token: &str, fast: &str) -> anyhow::Result<Option<String>> {
    until("the token to be known", SOON, || by_token(server, token, fast).ok()?.ok())
}

#[test]
fn tokens_of_a_short_life_are_renewed_replaced_and_expire() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let options = ServerOptions::new(&place.path().join("server")).with_variable("LONGWIRE_FAST_TOKEN_SECONDS", "5");
    let mut server = options.start()?;
    let world = World { api: server.admin()?, server, place };
    account(&world, "romeo")?;
    let server = &world.server;
    let first = first_token(server)?;
    let early = once_known(server, &first, "")?;
    // Past half its life a login brings the next one; the first stays good until that is used.
    let second = match early {
        Some(second) => second,
        None => until("a renewed token", SOON, || by_token(server, &first, "").ok()?.ok()?)?,
    };
    assert_ne!(second, first);
    once_known(server, &second, "")?;
    // What follows a login is written behind it, and before a write that is answered.
    account(&world, "juliet")?;
    assert_eq!(by_token(server, &first, "")?, Err("not-authorized".to_owned()), "it was replaced");
    // It expires unless it is used: a refusal that says so, and costs the account nothing.
    let expired = until("an expired token", SOON, || by_token(server, &second, "").ok()?.err());
    assert_eq!(expired?, "credentials-expired");
    first_token(server)?;
    Ok(())
}

#[test]
fn a_spent_token_and_one_of_an_old_password_are_refused() -> anyhow::Result<()> {
    let world = World::new()?;
    account(&world, "romeo")?;
    let server = &world.server;
    let spent = first_token(server)?;
    assert_eq!(once_known(server, &spent, " invalidate='true'")?, None, "no successor");
    assert_eq!(by_token(server, &spent, "")?, Err("not-authorized".to_owned()));
    let token = first_token(server)?;
    once_known(server, &token, "")?;
    let mut session = crate::raw::Raw::logged_in(server, "romeo", "secret-word")?.bound("desk")?;
    session.wire.send(
        "<iq type='set' id='pw'><query xmlns='jabber:iq:register'><username>romeo</username>\
         <password>another-word</password></query></iq>",
    )?;
    session.wire.expect("id='pw'")?;
    assert_eq!(by_token(server, &token, "")?, Err("not-authorized".to_owned()), "it would have outlived its password");
    Ok(())
}

#[test]
fn a_phone_outlives_its_tokens() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let options = ServerOptions::new(&place.path().join("server")).with_variable("LONGWIRE_FAST_TOKEN_SECONDS", "1");
    let mut server = options.start()?;
    let world = World { api: server.admin()?, server, place };
    let phone = world.phone_options("phone").with(&["--drop-after", "1"]).start()?;
    phone.online()?;
    let device = phone.id()?;
    let mut mark = phone.mark();
    for round in 0..3 {
        phone.state_after(mark, "online", SOON)?;
        mark = phone.mark();
        phone.shown(&id_of(&world.notify("all", &format!("Round {round}"))?))?;
    }
    assert_eq!((phone.id()?, accounts(&world)?), (device, 1), "an expired token costs a round trip and nothing else");
    Ok(())
}

#[test]
fn tls_07_a_man_in_the_middle_is_noticed_and_costs_no_account() -> anyhow::Result<()> {
    const PLUS: &str = "<mechanism>SCRAM-SHA-256-PLUS</mechanism>";
    const TYPES: &str = "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>";
    let world = World::new()?;
    let mut phone = world.phone("phone")?;
    let device = phone.id()?;
    phone.terminate(SOON)?;
    // Who only listens, who strips the mechanism, who strips all that speaks of binding.
    for strips in [[].as_slice(), &[PLUS], &[PLUS, TYPES]] {
        let place = world.place.path().join("phone");
        let mut phone = PhoneOptions::at(&middle(&world.server, strips)?, &place).start()?;
        let waiting = phone.state_after(0, "waiting", SOON)?;
        assert_eq!(waiting.get("why").and_then(|why| why.as_str()), Some("security"), "{strips:?}: {waiting}");
        assert!(!phone.lines().iter().any(|line| line.get("state").is_some_and(|state| state == "online")));
        phone.terminate(SOON)?;
        assert!(phone.log().contains("the login was not safe, the account is kept"), "{}", phone.log());
    }
    let phone = world.phone("phone")?;
    assert_eq!((phone.id()?, accounts(&world)?), (device, 1), "the same device on the same account");
    Ok(())
}
