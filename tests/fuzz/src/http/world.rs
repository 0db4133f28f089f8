//! The API over a core on the in-memory store, with a clock that stands still, and one notification that there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use longwire_api::{AndroidpnConfig, Api, ApiConfig};
use longwire_core::auth_manager::NewKey;
use longwire_core::{Clock, Core, CoreConfig, Env, Random, Registration};
use longwire_model::{AppId, Scope, Timestamp};
use longwire_protocol::DateTime;
use longwire_protocol::push::{Entry, EntryContent, Lane};
use longwire_store::{MemoryStore, Store as _};
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

/// Milliseconds since 1970 at which the clock stands.
const NOW_MS: i64 = 1_763_725_320_000;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW_MS)
    }

    fn mono_ms(&self) -> u64 {
        NOW_MS.unsigned_abs()
    }
}

/// `SplitMix64`: the same bytes in every run, and no id twice.
struct Seeded(AtomicU64);

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.iter_mut().zip((mixed ^ (mixed >> 31)).to_le_bytes()).for_each(|(place, byte)| *place = byte);
        }
    }
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

pub(super) struct World {
    runtime: Runtime,
    router: Router,
    store: Arc<MemoryStore>,
    /// An API key that may do everything.
    pub(super) key: String,
    /// The id of a notification.
    pub(super) notification: String,
}

impl World {
    pub(super) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let store = Arc::new(MemoryStore::new());
        let (router, key) = runtime.block_on(open(Arc::clone(&store)));
        let mut world = Self { runtime, router, store, key, notification: String::new() };
        let request = Request::post("/v1/notifications").header("authorization", format!("Bearer {}", world.key));
        let body = Body::from(r#"{"to":"all","title":"Door"}"#);
        let answer = world.send(request.body(body).expect("a request"));
        let answer: Value = serde_json::from_str(&answer.text).expect("the answer is JSON");
        world.notification = answer.get("id").and_then(Value::as_str).expect("it was accepted").to_owned();
        world
    }

    pub(super) fn send(&self, request: Request<Body>) -> Answer {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("an answer");
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await.expect("a body").to_bytes();
            Answer { status: parts.status, text: String::from_utf8(bytes.to_vec()).expect("UTF-8") }
        })
    }

    /// The payload that is kept of a notification; none of what was never kept. XML-38: in a stanza it is text.
    pub(super) fn payload(&self, id: &str) -> Option<Value> {
        let entry =
            self.runtime.block_on(self.store.entry(AppId::DEFAULT, id.parse().ok()?)).expect("the store reads")?;
        let json = entry.entry.kind.content()?.payload.to_string();
        let payload = serde_json::from_str(&json).expect("a payload is JSON");
        let pushed = Entry {
            id: id.to_owned(),
            seq: entry.entry.seq,
            lane: Lane::Normal,
            expires: DateTime(NOW_MS.unsigned_abs()),
            user: None,
            update: None,
            content: EntryContent::Notification { json },
        };
        let message = pushed.to_message("localhost");
        crate::codec::reads_back(&message);
        assert_eq!(Entry::from_message(&message), Ok(pushed), "XML-38: a payload that is more than text");
        Some(payload)
    }
}

async fn open(store: Arc<MemoryStore>) -> (Router, String) {
    let env = Env::new(Arc::new(Still), Arc::new(Seeded(AtomicU64::new(1))));
    let config = CoreConfig {
        domain: "localhost".to_owned(),
        registration: Registration::AppKey,
        heartbeat_min_s: None,
        heartbeat_max_s: 600,
        server_key: [7; 32],
        fast_token_ms: 86_400_000,
        device_topics: Vec::new(),
        device_tags: Vec::new(),
        androidpn: None,
    };
    let core = Core::open(store, env, config).await.expect("a core");
    core.begin_generation().await.expect("a generation");
    let new = NewKey { scopes: vec![Scope::Admin], label: None, expires_at: None };
    let (_, key) = core.auth.create_key(new).await.expect("a key");
    let config = ApiConfig {
        concurrency_max: 64,
        requests_per_second_max: std::num::NonZeroU32::MAX,
        metrics_need_key: true,
        androidpn: Some(AndroidpnConfig { trusted: vec![std::net::Ipv4Addr::LOCALHOST.into()] }),
    };
    (Api::new(core, config).router(), key)
}
