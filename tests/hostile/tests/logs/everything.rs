//! LOG-02: a server that logs everything it can, and a phone, with secrets of every kind.

use std::path::Path;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_test_support::process::{longwire, printed};
use longwire_test_support::wire::{Wire, plain_login};
use longwire_test_support::{Phones, SOON, ServerOptions, folder};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::has_none_of;

/// Contents of a notification, and a password; nothing else is written like these.
const TITLE: &str = "a-title-that-nobody-else-reads";
const PASSWORD: &str = "a-password-that-nobody-else-knows";
const WRONG: &str = "a-password-that-nobody-has-at-all";

/// The password and the token that a phone has stored.
fn stored(data: &Path) -> anyhow::Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let options = SqliteConnectOptions::new().filename(data.join("devices.sqlite"));
    let rows = runtime.block_on(async {
        let mut connection = SqliteConnection::connect_with(&options).await?;
        sqlx::query("SELECT password, token FROM device").fetch_all(&mut connection).await
    })?;
    let row = rows.first().context("a device")?;
    let secrets: [Option<String>; 2] = [row.try_get(0)?, row.try_get(1)?];
    Ok(secrets.into_iter().flatten().collect())
}

/// Registers and logs in by hand, and tries a wrong password and a forged token.
fn logs_in(certificate: &Path, address: &str) -> anyhow::Result<Vec<String>> {
    let (login, wrong) = (plain_login("romeo", PASSWORD), plain_login("romeo", WRONG));
    let sasl = |data: &str| format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{data}</auth>");
    let mut wire = Wire::tls(address, certificate)?;
    wire.open()?;
    wire.send(&format!(
        "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>romeo</username><password>{PASSWORD}</password></query></iq>"
    ))?;
    wire.expect("result")?;
    wire.send(&sasl(&wrong))?;
    wire.expect("</failure>")?;
    let token = STANDARD.encode("romeo\0a-proof-that-nobody-can-make");
    wire.send(&format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-EXPR'><initial-response>{token}</initial-response></authenticate>"
    ))?;
    wire.expect("</failure>")?;
    wire.send(&sasl(&login))?;
    wire.expect("<success")?;
    Ok(vec![PASSWORD.to_owned(), WRONG.to_owned(), login, wrong, token])
}

#[test]
fn log_02_a_log_of_everything_has_no_secret_and_no_content() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server")).with_variable("LONGWIRE_LOG_FILTER", "trace");
    let mut server = options.with(&["--androidpn", "--plaintext"]).start()?;
    let api = server.admin()?;
    let mut secrets = logs_in(&server.ready.certificate, &server.ready.c2s_tls)?;
    let phone = Phones::one(&server, &place.path().join("phone"))?;
    let sent = api.post("/v1/notifications", &json!({ "to": "all", "title": TITLE, "data": { "key": TITLE } }))?;
    phone.shown(&sent.field("id"))?;
    secrets.extend(stored(phone.data())?);
    ensure!(secrets.len() >= 6, "the phone has a password and a token");
    let keys =
        [["key", "create", "--scope", "read"].as_slice(), &["app", "key", "create"], &["account", "add", "juliet"]];
    for key in keys {
        secrets.push(printed(&longwire(server.data(), key)?)?);
    }
    for key in [server.api_key.clone().context("a key")?, secrets.last().cloned().unwrap_or_default()] {
        let form = format!("action=send&broadcast=Y&title={TITLE}&message={TITLE}&apiKey={key}");
        let forms =
            server.client(None).send("POST", "/notification.do", &[("x-forwarded-for", "::1")], form.as_bytes())?;
        ensure!(matches!(forms.status, 302 | 401), "{}", forms.text());
        server.client(Some(&key)).get(&format!("/notification.do?apiKey={key}&title={TITLE}"))?;
        secrets.push(key);
    }
    // An id of a key may be told, its secret may not.
    secrets
        .extend(secrets.clone().iter().filter_map(|key| Some(key.strip_prefix("lw_")?.split_once('_')?.1.to_owned())));
    for file in ["server.key", "androidpn.key"] {
        let Ok(bytes) = std::fs::read(server.data().join(file)) else { continue };
        secrets.push(STANDARD.encode(&bytes));
        secrets.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    secrets.push(TITLE.to_owned());
    ensure!(server.terminate(SOON)?.success(), "it ends in order");
    let log = server.log();
    ensure!(log.lines().count() > 100, "nothing was logged");
    has_none_of("the server's log", &log, &secrets)?;
    has_none_of("the phone's log", &phone.log(), &secrets)
}
