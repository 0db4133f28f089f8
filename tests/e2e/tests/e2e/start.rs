//! What a start says, and to whom.

use longwire_test_support::keep::secret_of;
use longwire_test_support::{Phones, SOON, Server, ServerOptions, folder};
use serde_json::json;

use crate::world::id_of;

#[test]
fn the_ready_line_is_the_only_one_and_has_the_key_on_the_first_start() -> anyhow::Result<()> {
    let place = folder();
    let mut server = Server::start(&place.path().join("server"))?;
    assert_eq!(server.ready.keys, ["api_key", "c2s", "c2s_tls", "certificate", "http", "ready"]);
    let key = server.api_key.clone().unwrap_or_default();
    assert!(key.starts_with("lw_"), "{key}");
    assert_eq!(server.client(Some(&key)).get("/v1/accounts")?.status, 200);
    let secret = secret_of(&key);
    server.terminate(SOON)?;
    assert!(server.printed().is_empty(), "{:?}", server.printed());
    server.start_again()?;
    assert_eq!(server.ready.keys, ["c2s", "c2s_tls", "certificate", "http", "ready"]);
    assert!(!server.log().is_empty() && !server.log().contains(secret), "the log has the key");
    Ok(())
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server")).with_unread_log();
    let mut server = options.with_variable("LONGWIRE_LOG_FILTER", "trace").start()?;
    let api = server.admin()?;
    for _ in 0..500 {
        assert_eq!(api.get("/v1/devices")?.status, 200);
    }
    let phone = Phones::one(&server, &place.path().join("phone"))?;
    let sent = api.post("/v1/notifications", &json!({ "to": "all", "title": "Door" }))?;
    phone.shown(&id_of(&sent.json()))?;
    assert!(server.terminate(SOON)?.success());
    Ok(())
}
