//! What the store asks SQLite, by SQLite's own statement trace.

use std::sync::{Arc, Mutex};

use longwire_model::entry::{Content, Routing};
use longwire_model::{AppId, AudienceKey, DeviceId, DeviceKind, EntryId, EntryKind, Lane, Timestamp};
use longwire_store::write::NewDevice;
use longwire_store::{LogQuery, Store, Write};
use longwire_store_sqlite::{Options, SqliteStore};

const APP: AppId = AppId::DEFAULT;

fn is_of_the_log(sql: &str) -> bool {
    let mut words = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.any(|word| matches!(word, "entry" | "entry_key"))
}

/// DESIGN rule 11: loading a device asks neither the log nor its index; appending to all asks no device.
#[tokio::test]
async fn loading_a_device_makes_no_query_of_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = SqliteStore::open(dir.path(), Options::default()).await.expect("a store");
    let id = DeviceId::new([1; 16]);
    let at = Timestamp::from_millis(1);
    let device = NewDevice {
        id,
        app: APP,
        account: "alice".to_owned(),
        kind: DeviceKind::Push("phone".to_owned()),
        installation_hash: None,
        entry: EntryId::from_bytes([1; 16]),
        at,
    };
    store.commit(vec![Write::Register(device)]).await.expect("a commit");
    let seen = Arc::new(Mutex::new(Vec::<String>::new()));
    let sink = Arc::clone(&seen);
    store.set_trace(Arc::new(move |sql| sink.lock().expect("the list").push(sql.to_owned())));
    let taken = || std::mem::take(&mut *seen.lock().expect("the list"));

    let loaded = store.device(id).await.expect("an answer").expect("a device");
    let statements = taken();
    assert!(statements.iter().any(|sql| sql.contains("device_state")), "{statements:?}");
    assert!(!statements.iter().any(|sql| is_of_the_log(sql)), "{statements:?}");

    let routing = Routing { audience: [AudienceKey::all()].into(), lane: Lane::Normal, expires_at: at };
    let kind = EntryKind::Notification(Content { routing, filter: None, collapse_key: None, payload: "{}".into() });
    let append = Write::Append { app: APP, id: EntryId::from_bytes([2; 16]), at, kind, idempotency: None };
    store.commit(vec![append]).await.expect("a commit");
    let statements = taken();
    assert!(statements.iter().any(|sql| is_of_the_log(sql)), "{statements:?}");
    assert!(!statements.iter().any(|sql| sql.contains("device") || sql.contains("membership")), "{statements:?}");

    let memberships = loaded.device.memberships.into();
    let query = LogQuery { app: APP, memberships, lane: Lane::Normal, after: 0, upto: 2, limit: 64 };
    assert_eq!(store.read_log(query).await.expect("a page").rows.len(), 1);
    assert!(taken().iter().any(|sql| is_of_the_log(sql)), "the trace sees queries of the log");
}
