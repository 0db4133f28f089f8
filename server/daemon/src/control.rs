//! How commands reach the service: over the control socket of a running server, else in process under the data directory's lock.

mod socket;

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use longwire_api::{Api, ApiConfig, Operator};
use longwire_core::Registration;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt as _;

use crate::cli::Place;
use crate::configuration::{self, DeviceKeys, HeartbeatBounds};
use crate::data_dir::{self, DataDir};
use crate::lock::{self, Attempt, Holder, Lock};
use crate::output;
use crate::system::{self, Engine, Originals};
use crate::unfinished;

pub(crate) use socket::{bind, owner};

/// How long a lock that somebody holds is waited for: a command, or a server that starts or stops.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// How long an answer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// What `longwire reload` posts to, on the control socket alone.
pub(crate) const RELOAD: &str = "/control/reload";

/// What `longwire backup` tells a server beside which it was made, on the control socket alone.
pub(crate) const BACKED_UP: &str = "/control/backed-up";
/// How long a server may take to note what it is told.
const TELL_WAIT: Duration = Duration::from_secs(5);

/// A way to the service.
pub(crate) enum Control {
    /// A server runs.
    Running(http1::SendRequest<Body>),
    /// None runs, and none can start meanwhile.
    InProcess(Box<InProcess>),
}

pub(crate) struct InProcess {
    engine: Engine,
    router: Router,
    has_generation: bool,
    _lock: Lock,
}

/// What a request asks for.
pub(crate) struct Call<'a> {
    pub method: Method,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Option<Value>,
}

impl<'a> Call<'a> {
    pub(crate) const fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, headers: &[], body: None }
    }
}

impl Control {
    /// Finds the way for `command`.
    pub(crate) async fn open(place: &Place, variables: &[(String, String)], command: &str) -> anyhow::Result<Self> {
        let data_dir = DataDir::find(&configuration::data_dir(place, variables)?)?;
        Self::find(&data_dir, command, None).await
    }

    /// Finds the way for a `command` that gives an account another password: one of an original androidpn client is kept under a key.
    pub(crate) async fn open_with_key(
        place: &Place,
        variables: &[(String, String)],
        command: &str,
    ) -> anyhow::Result<Self> {
        let data_dir = DataDir::find(&configuration::data_dir(place, variables)?)?;
        let has_key = data_dir.androidpn_key().exists();
        // What pushes carry matters to no command.
        Self::find(&data_dir, command, has_key.then_some(Originals { api_key: "", is_key_kept: false })).await
    }

    /// The way to a server that runs.
    pub(crate) async fn open_running(place: &Place, variables: &[(String, String)]) -> anyhow::Result<Self> {
        let data_dir = DataDir::find(&configuration::data_dir(place, variables)?)?;
        let found = Self::connect(&data_dir).await?;
        found.with_context(|| format!("no server runs on the data directory {}", data_dir.path().display()))
    }

    /// Tells a server what was done beside it; where none runs nobody is told.
    pub(crate) async fn tell(data_dir: &DataDir, path: &str, what: Value) -> anyhow::Result<()> {
        let Some(mut running) = Self::connect(data_dir).await? else { return Ok(()) };
        let told = timeout(TELL_WAIT, running.call(Call { body: Some(what), ..Call::new(Method::POST, path) })).await;
        told.context("the server does not answer")?.map(drop)
    }

    async fn connect(data_dir: &DataDir) -> anyhow::Result<Option<Self>> {
        let Some(stream) = socket::connect(data_dir).await else { return Ok(None) };
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.context("no talk over the control socket")?;
        tokio::spawn(connection);
        Ok(Some(Self::Running(sender)))
    }

    /// Finds the way for a `command` that takes accounts of original androidpn clients over. The data directory is made as a server
    /// would make it; a dry run makes nothing, and there is no way where there is no store.
    pub(crate) async fn open_for_androidpn(
        place: &Place,
        variables: &[(String, String)],
        command: &str,
        is_dry_run: bool,
    ) -> anyhow::Result<Option<Self>> {
        let path = configuration::data_dir(place, variables)?;
        let data_dir = match DataDir::with_store(&path)? {
            Some(found) => found,
            None if is_dry_run => return Ok(None),
            None => {
                let made = DataDir::create(&path)?;
                output::note(&format!("the data directory {} is new", made.path().display()));
                made
            }
        };
        // What pushes carry matters to no command.
        let originals = Originals { api_key: "", is_key_kept: !is_dry_run };
        Self::find(&data_dir, command, Some(originals)).await.map(Some)
    }

    async fn find(data_dir: &DataDir, command: &str, originals: Option<Originals<'_>>) -> anyhow::Result<Self> {
        let holder = Holder::new(command, system::now());
        let until = Instant::now() + LOCK_WAIT;
        loop {
            if let Some(running) = Self::connect(data_dir).await? {
                return Ok(running);
            }
            let attempt = lock::attempt(&data_dir.lock(), &holder);
            match attempt.map_err(|error| data_dir::explain(data_dir.path(), error))? {
                Attempt::Held(lock) => return Self::in_process(data_dir, lock, originals).await,
                Attempt::Taken(holder) if Instant::now() >= until => {
                    bail!(lock::refusal(data_dir.path(), holder.as_ref()));
                }
                Attempt::Taken(_) => sleep(LOCK_PAUSE).await,
            }
        }
    }

    async fn in_process(data_dir: &DataDir, lock: Lock, originals: Option<Originals<'_>>) -> anyhow::Result<Self> {
        unfinished::settle(data_dir)?;
        // Neither the domain nor registration, tokens or heartbeats matter to what commands do.
        let engine = Engine::open(
            data_dir,
            "localhost",
            Registration::Closed,
            configuration::FAST_TOKEN_S,
            HeartbeatBounds::default(),
            DeviceKeys::default(),
            originals,
        )
        .await?;
        if let Some(warning) = engine.warning {
            output::warn(warning);
        }
        let config = ApiConfig {
            concurrency_max: 1,
            requests_per_second_max: NonZeroU32::MIN,
            metrics_need_key: false,
            androidpn: None,
        };
        let router = Api::new(std::sync::Arc::clone(&engine.core), config).router().layer(axum::Extension(Operator));
        Ok(Self::InProcess(Box::new(InProcess { engine, router, has_generation: false, _lock: lock })))
    }

    /// Carries out a call; gives the answer's JSON (null when it has none), or the problem as an error.
    pub(crate) async fn call(&mut self, call: Call<'_>) -> anyhow::Result<Value> {
        let is_logged =
            call.method != Method::GET && !call.path.starts_with("/v1/keys") && !call.path.ends_with("/dry-run");
        let mut request = Request::builder().method(call.method).uri(call.path).header("host", "localhost");
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        let body = call.body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request =
            request.header(CONTENT_TYPE, "application/json").body(body).context("the request cannot be made")?;
        let answer = timeout(ANSWER_WAIT, async {
            match self {
                Self::Running(sender) => {
                    sender.ready().await?;
                    anyhow::Ok(sender.send_request(request).await?.map(Body::new))
                }
                Self::InProcess(own) => own.call(request, is_logged).await,
            }
        });
        let answer = answer.await.context("the server does not answer")?.context("the server hung up")?;
        read(answer).await
    }

    /// Ends it; in process, what was written is on disk already.
    pub(crate) async fn close(self) {
        match self {
            Self::Running(_) => (),
            Self::InProcess(own) => own.engine.close().await,
        }
    }
}

impl InProcess {
    async fn call(&mut self, request: Request<Body>, is_logged: bool) -> anyhow::Result<Response<Body>> {
        if is_logged && !self.has_generation {
            // The directory may be an old copy: what is appended now belongs to a new life of the log (DESIGN rule 6).
            self.engine.core.begin_generation().await?;
            self.has_generation = true;
        }
        Ok(self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {}))
    }
}

async fn read(answer: Response<Body>) -> anyhow::Result<Value> {
    let status = answer.status();
    let body = answer.into_body().collect().await.context("the answer broke off")?.to_bytes();
    if status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    let value: Value = serde_json::from_slice(&body).context("the answer is not JSON")?;
    if status.is_success() {
        return Ok(value);
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let detail = text("detail").unwrap_or("refused without a reason");
    let field =
        text("field").filter(|field| !detail.contains(field)).map_or_else(String::new, |field| format!("{field}: "));
    bail!("{field}{detail}");
}

/// A name as one segment of a path.
pub(crate) fn segment(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("alice"), "alice");
        assert_eq!(segment("../a?b#é"), "%2E%2E%2Fa%3Fb%23%C3%A9");
    }
}
