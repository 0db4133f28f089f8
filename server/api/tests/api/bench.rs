//! A core with its API, a clock that stands still, and requests to it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::{Extension, Router};
use http_body_util::BodyExt as _;
use longwire_api::{Api, ApiConfig, Operator};
use longwire_core::auth_manager::NewKey;
use longwire_core::{Clock, Core, CoreConfig, Env, Random, Registration};
use longwire_model::{AppId, DeviceId, DeviceKind, Scope, Timestamp};
use longwire_store::write::NewDevice;
use longwire_store::{MemoryStore, Write};
use serde_json::Value;
use tower::ServiceExt as _;

/// A clock that moves when told.
pub(crate) struct Still(AtomicI64);

impl Still {
    pub(crate) fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn mono_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed).unsigned_abs()
    }
}

/// Bytes that are all different and always the same.
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes.iter_mut() {
            *byte = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes()[0];
        }
    }
}

/// An answer.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {:?}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status, code and field of a problem document.
    pub(crate) fn problem(&self) -> (u16, String, Option<String>) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        for key in ["type", "title", "detail"] {
            assert!(problem[key].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        let text = |key: &str| problem[key].as_str().map(str::to_owned);
        (self.status.as_u16(), text("code").expect("a code"), text("field"))
    }
}

pub(crate) struct Bench {
    pub core: Arc<Core>,
    pub api: Arc<Api>,
    pub clock: Arc<Still>,
    pub key: String,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Self::config()).await
    }

    pub(crate) const fn config() -> ApiConfig {
        ApiConfig {
            concurrency_max: 64,
            requests_per_second_max: NonZeroU32::MAX,
            metrics_need_key: true,
            androidpn: None,
        }
    }

    pub(crate) async fn with(config: ApiConfig) -> Self {
        let clock = Arc::new(Still(AtomicI64::new(1_763_725_320_000)));
        let env = Env::new(Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(Counting(AtomicU64::new(0))));
        let core_config = CoreConfig {
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
        let core = Core::open(Arc::new(MemoryStore::new()), env, core_config).await.expect("a core");
        core.begin_generation().await.expect("a generation");
        let api = Api::new(Arc::clone(&core), config);
        let mut bench = Self { core, api, clock, key: String::new() };
        bench.key = bench.new_key(&[Scope::Admin], None).await;
        bench
    }

    pub(crate) async fn new_key(&self, scopes: &[Scope], expires_at: Option<Timestamp>) -> String {
        let new = NewKey { scopes: scopes.to_vec(), label: None, expires_at };
        self.core.auth.create_key(new).await.expect("a key").1
    }

    /// Registers a device as a login does.
    pub(crate) async fn device(&self, account: &str) -> DeviceId {
        let device = self.new_device(account, DeviceKind::Push(format!("agent of {account}")));
        let id = device.id;
        self.core.log.write(Write::Register(device)).await.expect("registered");
        id
    }

    pub(crate) fn new_device(&self, account: &str, kind: DeviceKind) -> NewDevice {
        NewDevice {
            id: DeviceId::new(self.core.env.random()),
            app: AppId::DEFAULT,
            account: account.to_owned(),
            kind,
            installation_hash: None,
            entry: self.core.env.entry_id(),
            at: self.core.env.now(),
        }
    }

    pub(crate) fn router(&self) -> Router {
        self.api.router()
    }

    pub(crate) fn operator(&self) -> Router {
        self.api.router().layer(Extension(Operator))
    }

    /// A request with the admin key.
    pub(crate) async fn call(&self, method: Method, path: &str, body: &str) -> Answer {
        self.call_as(&self.key, method, path, body, &[]).await
    }

    pub(crate) async fn call_as(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(self.router(), request.body(Body::from(body.to_owned())).expect("a request")).await
    }

    pub(crate) async fn post(&self, body: &str) -> Answer {
        self.call(Method::POST, "/v1/notifications", body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, "").await
    }
}

pub(crate) async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Answer { status: parts.status, headers: parts.headers, text }
}
