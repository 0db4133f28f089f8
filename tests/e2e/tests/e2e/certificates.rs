//! Certificates: the server's, read anew while sessions live, and those that devices show.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use longwire_test_support::process::{binary, longwire, printed};
use longwire_test_support::wire::Wire;
use longwire_test_support::{PhoneOptions, Phones, SOON, Server, ServerOptions, folder, until};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd, generate_simple_self_signed,
};
use serde_json::{Value, json};

use crate::raw::Raw;

/// Phones that stay online all the while.
const PHONES: usize = 1_000;

/// `NAME.pem` and `NAME.key` in a folder.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Pair {
    fn at(folder: &Path, name: &str) -> Self {
        Self { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) }
    }

    /// A new certificate for `localhost`, signed by itself.
    fn made(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let own = generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let pair = Self::at(folder, name);
        fs::write(&pair.certificate, own.cert.pem())?;
        fs::write(&pair.key, own.signing_key.serialize_pem())?;
        Ok(pair)
    }

    /// Puts a copy of it where a server looks.
    fn install(&self, to: &Self) -> anyhow::Result<()> {
        fs::copy(&self.certificate, &to.certificate)?;
        fs::copy(&self.key, &to.key)?;
        Ok(())
    }

    fn of_server(&self, data: &Path) -> ServerOptions {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        ServerOptions::new(data)
            .with_variable("LONGWIRE_CERTIFICATE", &text(&self.certificate))
            .with_variable("LONGWIRE_CERTIFICATE_KEY", &text(&self.key))
    }

    /// A phone that shows this one.
    fn shown_by(&self, server: &Server, data: &Path) -> anyhow::Result<PhoneOptions> {
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a path of text");
        let (certificate, key) = (text(&self.certificate)?, text(&self.key)?);
        Ok(PhoneOptions::new(server, data).with(&["--client-certificate", &certificate, "--client-key", &key]))
    }
}

/// Whether a stream opens for who trusts this certificate.
fn opens(server: &Server, certificate: &Path) -> bool {
    Wire::tls(&server.ready.c2s_tls, certificate).and_then(|mut wire| wire.open()).is_ok()
}

#[test]
fn tls_05_a_new_certificate_is_seen_by_new_connections_and_ends_none() -> anyhow::Result<()> {
    let place = folder();
    let [first, second, third] = ["first", "second", "third"].map(|name| Pair::made(place.path(), name));
    let (first, second, third, current) = (first?, second?, third?, Pair::at(place.path(), "current"));
    first.install(&current)?;
    let mut server = current.of_server(&place.path().join("server")).for_crowds().start()?;
    let api = server.admin()?;
    let phones = PhoneOptions::new(&server, &place.path().join("phones")).times(PHONES).start()?;
    phones.online()?;
    let mut raw = Raw::register(&server, "other", "secret-word")?.bound("a")?;
    let mark = phones.mark();
    second.install(&current)?;
    ensure!(opens(&server, &first.certificate), "it is read when it is told to be");
    printed(&longwire(server.data(), &["reload"])?)?;
    assert!(opens(&server, &second.certificate) && !opens(&server, &first.certificate));
    Wire::starttls(&server.ready.c2s, &second.certificate)?.open()?;
    third.install(&current)?;
    let hangup = Command::new("kill").args(["-HUP", &server.id().to_string()]).status()?;
    ensure!(hangup.success(), "the server has gone");
    until("the third certificate to be seen", SOON, || opens(&server, &third.certificate).then_some(()))?;
    // What cannot be used changes nothing.
    fs::copy(&first.key, &current.key)?;
    let refused = longwire(server.data(), &["reload"])?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("is not that of the certificate"), "{said}");
    assert!(opens(&server, &third.certificate));
    // Who was there is still there.
    let sent = api.post("/v1/notifications", &json!({ "to": "all", "title": "still here" }))?.field("id");
    phones.wait("every phone to show it", SOON * 3, |lines| {
        let shown = lines.iter().filter(|line| line.pointer("/notification/id").and_then(Value::as_str) == Some(&sent));
        (shown.count() >= PHONES).then_some(())
    })?;
    let moved: Vec<Value> = phones.lines().into_iter().skip(mark).filter(|line| line.get("state").is_some()).collect();
    assert!(moved.is_empty(), "sessions were dropped: {moved:?}");
    raw.wire.send("<iq type='get' id='alive' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")?;
    raw.wire.expect("alive")?;
    Ok(())
}

#[test]
fn a_certificate_that_clients_refuse_is_told_wherever_an_operator_looks() -> anyhow::Result<()> {
    let place = folder();
    let good = Pair::made(place.path(), "good")?;
    let (current, key) = (Pair::at(place.path(), "current"), KeyPair::generate()?);
    let mut expired = CertificateParams::new(vec!["other.example".to_owned()])?;
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 2, 3));
    let write_expired = || -> anyhow::Result<()> {
        fs::write(&current.certificate, expired.self_signed(&key)?.pem())?;
        Ok(fs::write(&current.key, key.serialize_pem())?)
    };
    write_expired()?;
    let checked = Command::new(binary("longwire")?)
        .args(["serve", "--check"])
        .envs([("LONGWIRE_CERTIFICATE", &current.certificate), ("LONGWIRE_CERTIFICATE_KEY", &current.key)])
        .output()?;
    let wrong = ["NOT for localhost", "EXPIRED (at 2021-02-03T"];
    let is_told = |text: &str| wrong.iter().all(|wrong| text.contains(wrong));
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(is_told(&said), "{said}");

    let mut server = current.of_server(&place.path().join("server")).start()?;
    let api = server.admin()?;
    assert!(is_told(&server.log()), "{}", server.log());
    let metric = || -> anyhow::Result<Option<i64>> {
        let text = api.get("/metrics")?.text();
        let name = "longwire_certificate_expiration_timestamp_seconds ";
        Ok(text.lines().find_map(|line| line.strip_prefix(name)?.parse().ok()))
    };
    assert_eq!(metric()?, Some(1_612_310_400));
    let reload = || -> anyhow::Result<String> {
        let reloaded = longwire(server.data(), &["reload"])?;
        ensure!(reloaded.status.success(), "it is the operator's choice");
        Ok(String::from_utf8_lossy(&reloaded.stderr).into_owned())
    };
    let said = reload()?;
    assert!(is_told(&said) && said.contains("warning: ") && said.contains("current.pem"), "{said}");
    good.install(&current)?;
    let said = reload()?;
    assert!(!said.contains("warning") && said.contains("good until "), "{said}");
    assert!(metric()?.is_some_and(|at| at > 1_612_310_400));
    Ok(())
}

#[test]
fn a_reload_without_a_server_says_so() -> anyhow::Result<()> {
    let place = folder();
    let mut server = Server::start(&place.path().join("server"))?;
    server.terminate(SOON)?;
    let refused = longwire(server.data(), &["reload"])?;
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("no server runs"));
    Ok(())
}

/// An authority in a file, and a certificate of it.
fn authority(folder: &Path, name: &str) -> anyhow::Result<(PathBuf, Pair)> {
    let key = KeyPair::generate()?;
    let mut own = CertificateParams::new(Vec::new())?;
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    own.distinguished_name.push(DnType::CommonName, format!("Authority {name}"));
    let path = folder.join(format!("{name}-ca.pem"));
    fs::write(&path, own.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(own, key);
    let (pair, key) = (Pair::at(folder, name), KeyPair::generate()?);
    let issued = CertificateParams::new(vec![format!("{name}.example")])?.signed_by(&key, &issuer)?;
    fs::write(&pair.certificate, issued.pem())?;
    fs::write(&pair.key, key.serialize_pem())?;
    Ok((path, pair))
}

/// It is refused before it says who it is, and says why.
fn stays_out(phone: &Phones) -> anyhow::Result<()> {
    let waiting = phone.state_after(0, "waiting", SOON)?;
    ensure!(waiting.get("why").and_then(Value::as_str) == Some("client-certificate"), "{waiting}");
    ensure!(!phone.lines().iter().any(|line| line.get("state").is_some_and(|state| state == "online")), "it is in");
    Ok(())
}

#[test]
fn devices_without_a_certificate_of_the_authority_are_kept_out() -> anyhow::Result<()> {
    let place = folder();
    let (ca, own) = authority(place.path(), "own")?;
    let (other_ca, stranger) = authority(place.path(), "stranger")?;
    let at = |name: &str| place.path().join(name);
    let ca_text = ca.to_str().context("a path of text")?;
    let mut server = ServerOptions::new(&at("server")).with_variable("LONGWIRE_CLIENT_CA", ca_text).start()?;
    let api = server.admin()?;
    let phone = own.shown_by(&server, &at("phone"))?.start()?;
    phone.online()?;
    own.shown_by(&server, &at("by-starttls"))?.over_starttls(&server).start()?.online()?;
    stays_out(&stranger.shown_by(&server, &at("stranger"))?.start()?)?;
    stays_out(&PhoneOptions::new(&server, &at("bare")).start()?)?;
    // The operator sees who was refused, and why.
    for reason in ["it is not of an authority in client_ca", "it shows none"] {
        let told = ["a client's certificate was refused", "peer=127.0.0.1", reason];
        let is_told = |line: &str| told.iter().all(|told| line.contains(told));
        until("the refusal to be logged", SOON, || server.log().lines().any(is_told).then_some(()))?;
    }
    let metrics = api.get("/metrics")?.text();
    let count = metrics.lines().find_map(|line| line.strip_prefix("longwire_client_certificates_refused_total "));
    assert!(count.and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count >= 2), "{metrics}");
    assert!(!opens(&server, &server.ready.certificate));
    let devices = api.get("/v1/devices")?.json();
    assert_eq!(devices.get("items").and_then(Value::as_array).map(Vec::len), Some(2), "{devices}");
    // Another authority from now on: who is in stays in.
    fs::copy(&other_ca, &ca)?;
    let reloaded = longwire(server.data(), &["reload"])?;
    let said = String::from_utf8_lossy(&reloaded.stderr).into_owned();
    assert!(
        reloaded.status.success() && said.contains("against the authorities in /") && said.contains("own-ca.pem"),
        "{said}"
    );
    stranger.shown_by(&server, &at("stranger"))?.start()?.online()?;
    let sent = api.post("/v1/notifications", &json!({ "to": format!("device:{}", phone.id()?), "title": "in" }))?;
    phone.shown(&sent.field("id"))?;
    stays_out(&own.shown_by(&server, &at("late"))?.start()?)
}

#[test]
fn an_optional_certificate_may_be_left_out_and_must_be_good_when_shown() -> anyhow::Result<()> {
    let place = folder();
    let (ca, own) = authority(place.path(), "own")?;
    let (_, stranger) = authority(place.path(), "stranger")?;
    let at = |name: &str| place.path().join(name);
    let options = ServerOptions::new(&at("server"))
        .with_variable("LONGWIRE_CLIENT_CA", ca.to_str().context("a path of text")?)
        .with_variable("LONGWIRE_CLIENT_CERTIFICATES", "optional");
    let server = options.start()?;
    PhoneOptions::new(&server, &at("bare")).start()?.online()?;
    own.shown_by(&server, &at("phone"))?.start()?.online()?;
    stays_out(&stranger.shown_by(&server, &at("stranger"))?.start()?)?;
    Ok(())
}
