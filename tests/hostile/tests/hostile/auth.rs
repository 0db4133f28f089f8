//! AUTH-…: who logs in as whom, and what it costs to try.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_hostile::source;
use longwire_test_support::keep::secret_of;
use longwire_test_support::wait::now;
use longwire_test_support::wire::plain_login_as;
use longwire_test_support::{Ready, SOON, ServerOptions};

use crate::beside::beside;
use crate::session::{Session, auth, authenticate, mechanism, opened, register};
use crate::world::{ATTACKER, World};

/// Somebody else who wants to log in while an attack goes on.
const VISITOR: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(127, 2, 2, 2));
const ATTEMPTS: usize = 1_000;
const THREADS: usize = 64;
/// An honest login beside them; one of them may meet with a machine that is busy otherwise.
const HONEST_MAX: Duration = Duration::from_secs(1);
/// Logins of one address in a second, and registrations in a minute (the defaults of the configuration).
const LOGINS_PER_SECOND: u64 = 100;
const REGISTRATIONS_PER_MINUTE: usize = 60;

/// The middle of some times.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Three wrong passwords at most on one connection; gives how many were looked at.
fn guess(ready: &Ready, attempts: &AtomicUsize) -> u64 {
    let Ok(mut wire) = opened(ready, ATTACKER) else {
        attempts.fetch_add(1, Ordering::Relaxed);
        return 0;
    };
    let mut refused = 0;
    while refused < 3 && attempts.fetch_add(1, Ordering::Relaxed) < ATTEMPTS {
        let answer = wire.send(&auth("honest", "a-guess-of-mallory")).and_then(|()| wire.expect("</failure>"));
        match answer {
            Ok(answer) if answer.contains("<not-authorized") => refused += 1,
            // It is told to come back later, or the stream has ended with that.
            Ok(_) | Err(_) => break,
        }
    }
    refused
}

#[test]
fn auth_16_a_thousand_wrong_passwords_are_capped_and_others_log_in() -> anyhow::Result<()> {
    let world = World::new()?;
    let account = ("visitor", "the password of visitor");
    drop(Session::registered(world.ready(), VISITOR, account.0, account.1)?);
    let (attempts, refused, is_over) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let (ready, began) = (world.ready(), now());
    let mut logins = beside("auth_16", &world, ATTEMPTS.try_into()?, || {
        std::thread::scope(|scope| {
            let visitor = scope.spawn(|| {
                let mut logins = Vec::new();
                while logins.is_empty() || !is_over.load(Ordering::Acquire) {
                    let began = now();
                    drop(Session::logged_in(ready, VISITOR, account, "desk")?);
                    logins.push(began.elapsed());
                }
                anyhow::Ok(logins)
            });
            let attackers: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        while attempts.load(Ordering::Relaxed) < ATTEMPTS {
                            refused.fetch_add(guess(ready, &attempts), Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            let all_ended = attackers.into_iter().all(|attacker| attacker.join().is_ok());
            is_over.store(true, Ordering::Release);
            assert!(all_ended, "an attacker panicked");
            visitor.join().map_err(|_| anyhow::anyhow!("the visitor panicked"))?
        })
    })?;
    let (seconds, refused) = (began.elapsed().as_secs() + 2, refused.load(Ordering::Relaxed));
    logins.sort_unstable();
    println!(
        "auth_16: {refused} of {ATTEMPTS} passwords were looked at in {seconds} s; {} honest logins, median {:?}, max {:?}",
        logins.len(),
        median(logins.clone()),
        logins.last(),
    );
    assert!(refused > 0, "no attempt came through: what was measured?");
    assert!(refused <= LOGINS_PER_SECOND * seconds, "{refused} in {seconds} s");
    let late = logins.iter().filter(|took| **took >= HONEST_MAX).count();
    assert!(late <= 1, "{late} of {} honest logins took {HONEST_MAX:?} or longer: {:?}", logins.len(), logins.last());
    Ok(())
}

/// How long the refusal of a wrong password takes.
fn refusal(world: &World, name: &str) -> anyhow::Result<Duration> {
    let mut wire = opened(world.ready(), ATTACKER)?;
    let began = now();
    wire.send(&auth(name, "a-guess-of-mallory"))?;
    let answer = wire.expect("</failure>")?;
    assert!(answer.ends_with("<not-authorized/></failure>"), "{answer}");
    Ok(began.elapsed())
}

/// Salt and rounds that a name is shown, and how long that takes.
fn challenge(world: &World, name: &str) -> anyhow::Result<(String, Duration)> {
    let mut wire = opened(world.ready(), ATTACKER)?;
    let first = STANDARD.encode(format!("n,,n={name},r=a-nonce-of-the-client"));
    let began = now();
    wire.send(&mechanism("SCRAM-SHA-256", &first))?;
    let answer = wire.expect("</challenge>")?;
    let took = began.elapsed();
    let data = answer.rsplit_once("'>").and_then(|(_, rest)| rest.strip_suffix("</challenge>")).context("data")?;
    let text = String::from_utf8(STANDARD.decode(data)?)?;
    Ok((text.split_once(",s=").context("a salt")?.1.to_owned(), took))
}

#[test]
fn auth_17_a_name_that_nobody_has_is_refused_as_one_that_somebody_has() -> anyhow::Result<()> {
    let world = World::with(ServerOptions::for_crowds)?;
    let (mut known, mut unknown, mut known_salt, mut unknown_salt) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut salts = Vec::new();
    beside("auth_17", &world, 160, || {
        for number in 0..40 {
            known.push(refusal(&world, "honest")?);
            unknown.push(refusal(&world, &format!("nobody{number}"))?);
            known_salt.push(challenge(&world, "honest")?.1);
            let (salt, took) = challenge(&world, "nobody")?;
            unknown_salt.push(took);
            salts.push(salt);
        }
        Ok(())
    })?;
    salts.dedup();
    let [salt] = salts.as_slice() else { anyhow::bail!("the salt of a name that nobody has changes: {salts:?}") };
    let (real, _) = challenge(&world, "honest")?;
    let rounds = |text: &str| text.split_once(",i=").map(|(salt, rounds)| (salt.len(), rounds.to_owned()));
    assert_eq!(rounds(salt), rounds(&real), "a made-up salt can be told by its length or its rounds");
    let [known, unknown, known_salt, unknown_salt] = [known, unknown, known_salt, unknown_salt].map(median);
    println!(
        "auth_17: refusal of a known name {known:?}, of an unknown one {unknown:?}; challenge {known_salt:?} and {unknown_salt:?}"
    );
    // A derivation that is left out would be seen as a multiple.
    assert!(unknown < known * 3 && known < unknown * 3, "{known:?} and {unknown:?}");
    Ok(())
}

/// What must be called once, in this order, with no way out before the last of it but that the store cannot be read: so many `?`.
fn is_straight(body: &str, calls: &[&str], ways_out: usize) -> anyhow::Result<()> {
    let mut rest = body;
    for call in calls {
        assert_eq!(body.matches(call).count(), 1, "{call} in {body}");
        (_, rest) = rest.split_once(call).with_context(|| format!("{call} is out of its turn in {body}"))?;
    }
    let before = body.strip_suffix(rest).unwrap_or_default().replace("map_or_else(||", "").replace("move ||", "");
    assert_eq!(before.matches('?').count(), ways_out, "{body}");
    for way in ["return", "break", "&&", "||", "if "] {
        assert!(!before.contains(way), "{way} before the last call of {body}");
    }
    Ok(())
}

/// The same calls for a name that nobody has: times alone would not show one that is left out on a fast machine.
#[test]
fn auth_17_a_name_that_nobody_has_costs_the_same_derivation_and_comparison() -> anyhow::Result<()> {
    let body = source::function_of;
    let check = body("server/core/src/auth_manager/account.rs", "check_password")?;
    is_straight(&check, &["self.account(name).await?", "Verifier::fake(", ".verify_password("], 1)?;
    let verify = body("protocol/src/sasl/scram/verifier.rs", "verify_password")?;
    is_straight(&verify, &["Keys::derive(", "stored_key.ct_eq(", "server_key.ct_eq("], 0)?;
    let fake = body("protocol/src/sasl/scram/verifier.rs", "fake")?;
    assert!(!fake.contains("derive"), "a name that nobody has costs a derivation more: {fake}");
    let answer = body("server/c2s/src/login/exchange.rs", "handle_answer")?;
    is_straight(&answer, &["found.map_or_else(|| fake_verifier(", "first.challenge("], 0)?;
    // As many rounds for a name that nobody has as for a new account.
    let account = std::fs::read_to_string(source::root().join("server/core/src/auth_manager/account.rs"))?;
    assert!(account.contains("Verifier::fake(&self.server_key, name, SCRAM_ITERATIONS)"));
    assert!(account.contains("Verifier::derive(&password, &salt, SCRAM_ITERATIONS)"));
    Ok(())
}

#[test]
fn auth_22_what_is_removed_while_it_is_online_is_off_within_five_seconds() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("auth_22", &world, 2, || {
        for is_account in [true, false] {
            let name = if is_account { "leaver" } else { "loser" };
            let mut session = Session::registered(world.ready(), ATTACKER, name, "the password of who leaves")?;
            session.is_available()?;
            let device = world.device_of(name)?;
            let path = if is_account { format!("/v1/accounts/{name}") } else { format!("/v1/devices/{device}") };
            let began = now();
            assert_eq!(world.api.delete(&path)?.status / 100, 2, "{path}");
            let end = session.wire.expect_close(SOON)?;
            let took = began.elapsed();
            println!("auth_22: {path} ended its session after {took:?}");
            assert!(end.contains("<stream:error><not-authorized "), "{path}: {end}");
            assert!(took < Duration::from_secs(5), "{path}: {took:?}");
        }
        let mut wire = opened(world.ready(), ATTACKER)?;
        wire.send(&auth("leaver", "the password of who leaves"))?;
        assert!(wire.expect("</failure>")?.contains("<not-authorized"));
        let key = world.server.make_key("read")?;
        let client = world.server.client(Some(&key));
        assert_eq!(client.get("/v1/devices")?.status, 200);
        let id = key.split('_').nth(1).context("lw_<id>_<secret>")?;
        assert_eq!(world.api.delete(&format!("/v1/keys/{id}"))?.status / 100, 2);
        assert_eq!(client.get("/v1/devices")?.status, 401);
        Ok(())
    })
}

/// Files that hold secrets against others: the lines with a comparison in constant time, and what is no secret and compared in the
/// usual way.
const COMPARED: &[(&str, usize, &[&str])] = &[
    ("server/core/src/auth_manager/api_key.rs", 1, &[]),
    ("server/core/src/auth_manager/app_key.rs", 1, &["self.registration == Registration::Closed", "id.len() == 12"]),
    ("server/core/src/androidpn/account.rs", 2, &[]),
    ("server/core/src/login.rs", 1, &["device.kind == *named"]),
    ("protocol/src/sasl/ht.rs", 2, &["mechanism.name() == name", "*byte == 0"]),
    ("protocol/src/sasl/scram/server.rs", 3, &["== TLS_EXPORTER"]),
    ("protocol/src/sasl/scram/verifier.rs", 1, &[]),
];

#[test]
fn auth_23_keys_are_compared_without_telling_how_far_they_agree() -> anyhow::Result<()> {
    for (file, secrets, others) in COMPARED {
        let text = std::fs::read_to_string(source::root().join(file))?;
        let compared = source::comparisons(&text);
        let (constant, plain): (Vec<&str>, Vec<&str>) = compared.into_iter().partition(|line| line.contains(".ct_eq("));
        assert_eq!(constant.len(), *secrets, "{file} compares secrets otherwise: {constant:?}");
        let unknown: Vec<&&str> =
            plain.iter().filter(|line| !others.iter().any(|known| line.contains(known))).collect();
        assert!(unknown.is_empty(), "{file} compares something in the usual way, which may be a secret: {unknown:?}");
    }
    let world = World::new()?;
    let key = world.server.make_key("read")?;
    let secret = secret_of(&key).len();
    let wrong_at = |at: usize| {
        let mut bytes = key.clone().into_bytes();
        let at = bytes.len() - secret + at;
        bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
        String::from_utf8(bytes)
    };
    let time = |key: &str| -> anyhow::Result<Duration> {
        let client = world.server.client(Some(key));
        let began = now();
        assert_eq!(client.get("/v1/devices")?.status, 401);
        Ok(began.elapsed())
    };
    let (first, last) = (wrong_at(0)?, wrong_at(secret - 1)?);
    beside("auth_23", &world, 400, || {
        let (mut at_first, mut at_last) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            at_first.push(time(&first)?);
            at_last.push(time(&last)?);
        }
        println!("auth_23: wrong in the first place {:?}, in the last {:?}", median(at_first), median(at_last));
        Ok(())
    })
}

#[test]
fn auth_24_a_flood_of_registrations_is_capped_and_others_register() -> anyhow::Result<()> {
    let world = World::new()?;
    let registered = AtomicUsize::new(0);
    beside("auth_24", &world, 300, || {
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (ready, registered) = (world.ready(), &registered);
                scope.spawn(move || {
                    for number in 0..40 {
                        // Who is refused may be hung up on.
                        let Ok(mut wire) = opened(ready, ATTACKER) else { continue };
                        let answer = register(&mut wire, &format!("flood{thread}x{number}"), "the password of many");
                        if answer.is_ok_and(|answer| answer.contains("result")) {
                            registered.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        drop(Session::registered(world.ready(), VISITOR, "visitor", "the password of visitor")?);
        Ok(())
    })?;
    let registered = registered.into_inner();
    println!("auth_24: {registered} of 320 registrations were carried out");
    // The flood may last beyond one minute on a busy machine.
    assert!((1..=2 * REGISTRATIONS_PER_MINUTE).contains(&registered), "{registered}");
    Ok(())
}

/// The refusal of a login with an authorisation id, in one of the two profiles.
fn refused(world: &World, authorisation: &str, is_second: bool) -> anyhow::Result<String> {
    let mut wire = opened(world.ready(), ATTACKER)?;
    let login = plain_login_as(authorisation, "romeo", "the password of romeo");
    wire.send(&if is_second {
        format!("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{login}</initial-response></authenticate>")
    } else {
        mechanism("PLAIN", &login)
    })?;
    wire.expect("</failure>")
}

#[test]
fn auth_27_nobody_is_bound_as_somebody_else() -> anyhow::Result<()> {
    let world = World::new()?;
    drop(Session::registered(world.ready(), ATTACKER, "romeo", "the password of romeo")?);
    beside("auth_27", &world, 20, || {
        for authorisation in ["honest@localhost", "honest", "localhost", "admin@localhost", "romeo@example.org", "@"] {
            for is_second in [false, true] {
                let answer = refused(&world, authorisation, is_second)?;
                assert!(answer.contains("<invalid-authzid"), "{authorisation}: {answer}");
            }
        }
        // The own one may be said; the JID that is bound is asked for in each login.
        let mut wire = opened(world.ready(), ATTACKER)?;
        wire.send(&mechanism("PLAIN", &plain_login_as("romeo@localhost", "romeo", "the password of romeo")))?;
        wire.expect("<success")?;
        wire.expect(">")?;
        wire.open()?;
        drop(Session::bound(wire, "romeo", "desk")?);
        for resource in ["honest@localhost/desk", "../../honest", "\u{202e}x"] {
            let mut wire = opened(world.ready(), ATTACKER)?;
            authenticate(&mut wire, "romeo", "the password of romeo")?;
            match crate::session::bind(&mut wire, resource) {
                Ok(jid) => assert!(jid.starts_with("romeo@localhost/"), "{jid}"),
                Err(error) => assert!(error.to_string().contains("<error "), "{error}"),
            }
        }
        Ok(())
    })
}
