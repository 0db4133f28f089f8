//! Registration and login: the answers that old clients look for, and none that costs them their account.

use std::time::Duration;

use anyhow::ensure;
use longwire_test_support::wait::now;
use longwire_test_support::wire::{Wire, plain_login};
use longwire_test_support::{SOON, ServerOptions, folder};

use super::client::{HEADER, Old, PASSWORD, error_of};
use super::world;
use crate::world::World;

const NAME: &str = "2c027d44cf234d1080e9c9353220f757";

#[test]
fn t1_a_client_registers_logs_in_and_is_silent_company() -> anyhow::Result<()> {
    let world = world()?;
    let (mut old, features) = Old::plain(&world.server)?;
    assert!(features.has_child("http://jabber.org/features/iq-auth", "auth"), "{features}");
    assert!(features.has_child("http://jabber.org/features/iq-register", "register"), "{features}");
    let starttls = features.child("urn:ietf:params:xml:ns:xmpp-tls", "starttls").expect("offered");
    assert_eq!(starttls.children().count(), 0, "not required");
    let answer = old.register(NAME, PASSWORD)?;
    assert_eq!((answer.attr("type"), answer.attr("id")), (Some("result"), Some("lfuI6-0")), "{answer}");
    assert_eq!(answer.attr("to"), Some(format!("localhost/{}", old.stream_id).as_str()));
    let form = old.ask(&format!(
        "<iq id=\"lfuI6-1\" type=\"get\"><query xmlns=\"jabber:iq:auth\"><username>{NAME}</username></query></iq>"
    ))?;
    let query = form.child("jabber:iq:auth", "query").expect("a form");
    let names: Vec<_> = query.children().map(|field| field.name()).collect();
    assert_eq!(names, ["username", "password", "digest", "resource"]);
    assert_eq!((query.child_text("jabber:iq:auth", "username").as_deref(), form.attr("to")), (Some(NAME), None));
    old.log_in(NAME)?;
    old.is_available()?;
    old.wire.send(
        "<presence type=\"subscribe\" to=\"x@localhost\"/><iq type=\"result\" id=\"7\"/><iq type=\"set\" id=\"8\"/> ",
    )?;
    old.hears_nothing()?;
    old.wire.send("<presence id=\"9\" type=\"unavailable\"></presence></stream:stream>")?;
    let end = old.wire.expect_close(SOON)?;
    assert_eq!(end, "</stream:stream>");
    Ok(())
}

#[test]
fn t2_tls_is_started_and_not_offered_again() -> anyhow::Result<()> {
    // Without --plaintext: a client that demands TLS needs none.
    let world = World::with(&["--androidpn"])?;
    let (mut old, features) = Old::starttls(&world.server)?;
    assert!(!features.has_child("urn:ietf:params:xml:ns:xmpp-tls", "starttls"), "{features}");
    assert!(features.has_child("http://jabber.org/features/iq-auth", "auth"), "{features}");
    old.register(NAME, PASSWORD)?;
    old.log_in(NAME)?;
    old.is_available()
}

#[test]
fn without_plaintext_a_client_that_never_starts_tls_is_told_so() -> anyhow::Result<()> {
    let world = World::with(&["--androidpn"])?;
    let (mut old, _) = Old::plain(&world.server)?;
    let error = old.register(NAME, PASSWORD)?;
    assert!(error.to_string().contains("policy-violation") && error.to_string().contains("TLS"), "{error}");
    ensure!(old.wire.expect_close(SOON).is_ok(), "the stream goes on");
    Ok(())
}

#[test]
fn t3_every_cut_of_the_bytes_is_the_same_to_the_server() -> anyhow::Result<()> {
    let world = world()?;
    let names = ["\u{20ac}uro", "\u{1d11e}-clef"];
    for name in names {
        let text = format!(
            "<iq id=\"lfuI6-0\" type=\"set\"><query xmlns=\"jabber:iq:register\"><password>{PASSWORD}</password>\
             <username>{name}</username></query></iq>"
        );
        let mut wire = Wire::plain(&world.server.ready.c2s)?;
        wire.send_bytewise(&format!("<?xml version=\"1.0\"?>{HEADER}"))?;
        wire.expect("</stream:features>")?;
        wire.send_bytewise(&text)?;
        let answer = wire.expect("/>")?;
        ensure!(answer.contains("type='result'"), "{answer}");
        Old::plain(&world.server)?.0.log_in(name)?;
    }
    let mut old = Old::registered(&world.server, NAME)?;
    let text = format!(
        "<iq id=\"c\" type=\"get\"><query xmlns=\"jabber:iq:auth\"><username>{NAME} \u{20ac}\u{1f600}</username></query></iq>"
    );
    for cut in 1..text.len() {
        let (first, rest) = text.as_bytes().split_at(cut);
        old.wire.send_bytes(first)?;
        old.wire.send_bytes(rest)?;
        let form = old.next()?;
        let query = form.child("jabber:iq:auth", "query").expect("a form");
        let told = query.child_text("jabber:iq:auth", "username");
        assert_eq!(told.as_deref(), Some(format!("{NAME} \u{20ac}\u{1f600}").as_str()), "cut at {cut}");
    }
    old.log_in(NAME)?;
    old.is_available()?;
    // Keep-alives between, before and behind stanzas of one segment.
    old.wire.send("  <iq id=\"s1\" type=\"get\"><ping xmlns=\"urn:xmpp:ping\"/></iq> ")?;
    assert_eq!(old.next()?.attr("id"), Some("s1"));
    old.hears_nothing()
}

#[test]
fn t4_a_wrong_password_is_401_and_the_stream_goes_on() -> anyhow::Result<()> {
    let world = world()?;
    let mut old = Old::registered(&world.server, NAME)?;
    let query = |name: &str, proof: &str| {
        format!(
            "<iq id=\"a-1\" type=\"set\"><query xmlns=\"jabber:iq:auth\"><username>{name}</username>{proof}\
             <resource>AndroidpnClient</resource></query></iq>"
        )
    };
    let zeros = format!("<digest>{}</digest>", "0".repeat(40));
    let by_address = format!("{NAME}@localhost");
    let right = format!("<password>{PASSWORD}</password>");
    for (name, proof) in [
        (NAME, zeros.as_str()),
        (NAME, "<password>x</password>"),
        ("nobody", &zeros),
        (&by_address, &right),
        ("", &right),
    ] {
        let answer = old.ask(&query(name, proof))?;
        assert_eq!(answer.attr("id"), Some("a-1"));
        assert_eq!(error_of(&answer), ("401".to_owned(), "not-authorized".to_owned()), "{answer}");
        assert!(!answer.to_string().contains(PASSWORD), "a password is told back: {answer}");
        assert_eq!(answer.child("jabber:client", "error").and_then(|error| error.attr("type")), Some("auth"));
    }
    let answer = old.ask(&query(NAME, &right).replace("<resource>AndroidpnClient</resource>", ""))?;
    assert_eq!(error_of(&answer), ("406".to_owned(), "not-acceptable".to_owned()));
    // As the client does it after a 401: another account on the same connection.
    assert_eq!(old.register("another1", PASSWORD)?.attr("type"), Some("result"));
    old.log_in("another1")?;
    // By its password instead of the digest; the name as a person types it, under a resource of its own.
    let (mut other, _) = Old::plain(&world.server)?;
    let login = query(" AnOther1 ", &right).replace("AndroidpnClient", "EMM3.0");
    assert_eq!(other.ask(&login)?.attr("to"), Some("another1@localhost/EMM3.0"));
    Ok(())
}

#[test]
fn t6_names_that_are_taken_bad_or_without_password_have_their_codes() -> anyhow::Result<()> {
    let world = world()?;
    let mut old = Old::registered(&world.server, "Bob")?;
    let mut refused = |name: &str, password: &str| -> anyhow::Result<(String, String)> {
        let answer = old.register(name, password)?;
        assert_eq!(answer.attr("to"), Some(format!("localhost/{}", old.stream_id).as_str()), "{answer}");
        assert!(!answer.to_string().contains(PASSWORD), "a password is told back: {answer}");
        Ok(error_of(&answer))
    };
    assert_eq!(refused("Bob", PASSWORD)?, ("409".to_owned(), "conflict".to_owned()));
    assert_eq!(refused("bOB", PASSWORD)?, ("409".to_owned(), "conflict".to_owned()));
    for blank in ["", "  "] {
        assert_eq!(refused("carol", blank)?, ("406".to_owned(), "not-acceptable".to_owned()));
    }
    for bad in ["ca rol", "ca@rol", "ca/rol"] {
        assert_eq!(refused(bad, PASSWORD)?, ("400".to_owned(), "jid-malformed".to_owned()), "{bad}");
    }
    let form = old.ask("<iq id=\"g1\" type=\"get\"><query xmlns=\"jabber:iq:register\"/></iq>")?;
    let query = form.child("jabber:iq:register", "query").expect("a form");
    let names: Vec<_> = query.children().map(|field| field.name()).collect();
    assert_eq!((names, form.attr("to")), (vec!["username", "password", "email", "name"], None));
    old.log_in("BOB")?;
    let empty = old.ask("<iq id=\"g2\" type=\"get\"><query xmlns=\"jabber:iq:register\"/></iq>")?;
    assert_eq!((empty.attr("type"), empty.children().count()), (Some("result"), 0));
    assert_eq!(error_of(&old.register("bob", "other")?), ("406".to_owned(), "not-acceptable".to_owned()));
    Ok(())
}

#[test]
fn t7_before_login_everything_else_is_401_and_the_stream_goes_on() -> anyhow::Result<()> {
    let world = world()?;
    let (mut old, _) = Old::plain(&world.server)?;
    for stanza in [
        "<iq id=\"q\" type=\"get\"><query xmlns=\"jabber:iq:roster\"/></iq>",
        "<iq id=\"q\" type=\"get\"><ping xmlns=\"urn:xmpp:ping\"/></iq>",
        "<presence id=\"q\"/>",
        "<message id=\"q\" to=\"x@localhost\"><body>b</body></message>",
    ] {
        let answer = old.ask(stanza)?;
        assert_eq!((answer.attr("id"), answer.attr("type")), (Some("q"), Some("error")), "{answer}");
        assert_eq!(error_of(&answer), ("401".to_owned(), "not-authorized".to_owned()));
        assert_eq!(answer.attr("to"), Some(format!("localhost/{}", old.stream_id).as_str()));
    }
    let bind = "<iq id=\"b\" type=\"set\"><bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"/></iq>";
    assert_eq!(error_of(&old.ask(bind)?).0, "503");
    assert_eq!(old.register(NAME, PASSWORD)?.attr("type"), Some("result"));
    Ok(())
}

#[test]
fn each_kind_of_account_logs_in_in_its_own_way_alone() -> anyhow::Result<()> {
    let world = world()?;
    Old::registered(&world.server, NAME)?.log_in(NAME)?;
    let mut wire = Wire::tls(&world.server.ready.c2s_tls, &world.server.ready.certificate)?;
    wire.open()?;
    let sasl = |name: &str, password: &str| {
        let login = plain_login(name, password);
        format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{login}</auth>")
    };
    wire.send(&sasl(NAME, PASSWORD))?;
    wire.expect("not-authorized")?;
    wire.expect("</failure>")?;
    // On the port of direct TLS, and with the header of a modern client, an account is one of the others.
    wire.send(
        "<iq type='set' id='reg'><query xmlns='jabber:iq:register'><username>modern</username><password>secret-word</password>\
         </query></iq>",
    )?;
    wire.expect("result")?;
    wire.expect("/>")?;
    wire.send(&sasl("modern", "secret-word"))?;
    wire.expect("<success")?;
    let (mut old, _) = Old::plain(&world.server)?;
    let login = old.login_by_digest("modern", "secret-word", "AndroidpnClient");
    assert_eq!(error_of(&old.ask(&login)?).0, "401");
    assert_eq!(error_of(&old.register("modern", PASSWORD)?).0, "409");
    Ok(())
}

#[test]
fn without_androidpn_none_of_it_is_there() -> anyhow::Result<()> {
    let world = World::with(&["--plaintext"])?;
    let mut wire = Wire::plain(&world.server.ready.c2s)?;
    wire.send(&HEADER.replace("10.0.2.2", "localhost"))?;
    assert!(!wire.expect("</stream:features>")?.contains("iq-auth"));
    wire.send("<iq id=\"a\" type=\"get\"><query xmlns=\"jabber:iq:auth\"/></iq>")?;
    wire.expect("<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>")?;
    assert!(!world.server.data().join("androidpn.key").exists());
    Ok(())
}

#[test]
fn a_lost_key_is_told_of_and_never_a_wrong_password() -> anyhow::Result<()> {
    let place = folder();
    let data = place.path().join("server");
    let options = ServerOptions::new(&data).with(&["--androidpn", "--plaintext"]);
    let mut server = options.start()?;
    Old::registered(&server, NAME)?.log_in(NAME)?;
    let database = std::fs::read(data.join("longwire.db"))?;
    let log = std::fs::read(data.join("longwire.db-wal")).unwrap_or_default();
    let holds = |bytes: &[u8]| bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
    ensure!(!holds(&database) && !holds(&log) && !server.log().contains(PASSWORD), "the password is readable");
    server.terminate(SOON)?;
    let key = std::fs::read(data.join("androidpn.key"))?;
    std::fs::remove_file(data.join("androidpn.key"))?;
    let (status, said) = options.refusal()?;
    ensure!(!status.success() && said.contains("androidpn.key"), "{said}");
    // Another key in its place: an outage, not a refusal.
    std::fs::write(data.join("androidpn.key"), [7; 32])?;
    server.start_again()?;
    let (mut old, _) = Old::plain(&server)?;
    let login = old.login_by_digest(NAME, PASSWORD, "AndroidpnClient");
    let answer = old.ask(&login)?;
    assert_eq!(error_of(&answer).0, "500");
    assert!(!answer.to_string().contains("401"), "{answer}");
    server.terminate(SOON)?;
    std::fs::write(data.join("androidpn.key"), key)?;
    server.start_again()?;
    let (mut old, _) = Old::plain(&server)?;
    old.log_in(NAME)
}

#[test]
fn registrations_of_an_address_are_capped() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server")).with(&["--androidpn", "--plaintext"]);
    let server = options.with_variable("LONGWIRE_REGISTRATIONS_PER_MINUTE_MAX", "2").start()?;
    let (mut old, _) = Old::plain(&server)?;
    let began = now();
    for (name, code) in [("a1", ""), ("a2", ""), ("a3", "500")] {
        let answer = old.register(name, PASSWORD)?;
        assert_eq!(error_of(&answer).0, code, "{answer}");
    }
    assert!(now().duration_since(began) >= Duration::from_secs(10), "it waited for its turn");
    server.logged("who is turned away", |line| line.contains("registrations_per_minute_max"))?;
    Ok(())
}

#[test]
fn logins_wait_for_their_turn() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server")).with(&["--androidpn", "--plaintext"]);
    let server = options.with_variable("LONGWIRE_LOGINS_PER_SECOND_MAX", "2").start()?;
    let names = ["b1", "b2", "b3", "b4", "b5", "b6"];
    for name in names {
        drop(Old::registered(&server, name)?);
    }
    let began = now();
    let mut olds = Vec::new();
    for name in names {
        let (mut old, _) = Old::plain(&server)?;
        let login = old.login_by_digest(name, PASSWORD, "AndroidpnClient");
        old.wire.send(&login)?;
        olds.push(old);
    }
    for mut old in olds {
        let answer = old.next()?;
        ensure!(answer.attr("type") == Some("result"), "{answer}");
    }
    assert!(now().duration_since(began) >= Duration::from_millis(1_500), "two in any second");
    Ok(())
}

#[test]
fn closed_registration_is_closed_to_original_clients_too() -> anyhow::Result<()> {
    let world = World::with(&["--androidpn", "--plaintext", "--registration", "closed"])?;
    let (mut old, _) = Old::plain(&world.server)?;
    let answer = old.register(NAME, PASSWORD)?;
    assert_eq!(error_of(&answer), ("405".to_owned(), "not-allowed".to_owned()), "{answer}");
    world.server.logged("who may register", |line| line.contains("cannot register"))?;
    Ok(())
}

#[test]
fn a_header_with_a_language_is_no_obstacle_to_a_generated_name() -> anyhow::Result<()> {
    let world = world()?;
    let mut wire = Wire::plain(&world.server.ready.c2s)?;
    wire.send(&HEADER.replace(" version", " xml:lang=\"en\" version"))?;
    let (mut old, _) = Old::opened(wire)?;
    let answer = old.register(NAME, PASSWORD)?;
    ensure!(answer.attr("type") == Some("result"), "{answer}");
    old.log_in(NAME)
}

#[test]
fn a_resource_is_a_label() -> anyhow::Result<()> {
    let world = world()?;
    drop(Old::registered(&world.server, NAME)?);
    for (resource, label) in [("EMM3.0", "EMM3.0"), ("\u{1f600}", "AndroidpnClient"), ("a b", "a b")] {
        let (mut old, _) = Old::plain(&world.server)?;
        let answer = old.ask(&old.login_by_digest(NAME, PASSWORD, resource))?;
        assert_eq!(answer.attr("to"), Some(format!("{NAME}@localhost/{label}").as_str()), "{answer}");
    }
    let (mut old, _) = Old::plain(&world.server)?;
    let answer = old.ask(&old.login_by_digest(NAME, PASSWORD, &"x".repeat(1_100)))?;
    assert_eq!(answer.attr("to"), Some(format!("{NAME}@localhost/AndroidpnClient").as_str()), "{answer}");
    Ok(())
}
