//! A server on a new data directory, its API, and phones beside it.

use anyhow::{Context, ensure};
use longwire_test_support::{
    Client, PhoneOptions, Phones, Response, SOON, Server, ServerOptions, TempDir, folder, until,
};
use serde_json::{Value, json};

/// Dropped in this order: the server ends before its folder goes.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) api: Client,
    pub(crate) place: TempDir,
}

impl World {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Self::with(&[])
    }

    /// A world whose server has more arguments.
    pub(crate) fn with(arguments: &[&str]) -> anyhow::Result<Self> {
        let place = folder();
        let mut server = ServerOptions::new(&place.path().join("server")).with(arguments).start()?;
        let api = server.admin()?;
        Ok(Self { server, api, place })
    }

    /// A phone that is not started yet; the name is its folder.
    pub(crate) fn phone_options(&self, name: &str) -> PhoneOptions {
        PhoneOptions::new(&self.server, &self.place.path().join(name))
    }

    /// A phone over direct TLS, online.
    pub(crate) fn phone(&self, name: &str) -> anyhow::Result<Phones> {
        Phones::one(&self.server, &self.place.path().join(name))
    }

    /// Posts a notification that must be accepted; gives the answer.
    pub(crate) fn notify(&self, to: impl Into<Value>, title: &str) -> anyhow::Result<Value> {
        let body = json!({ "to": to.into(), "title": title, "body": "Bell" });
        let answer = self.api.post("/v1/notifications", &body)?;
        ensure!(answer.status == 202, "{body} was answered {} {}", answer.status, answer.text());
        Ok(answer.json())
    }

    /// A PUT or DELETE of a membership, which must succeed.
    pub(crate) fn change(&self, method: &str, device: &str, what: &str, body: &Value) -> anyhow::Result<()> {
        let path = format!("/v1/devices/{device}/{what}");
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.api.send(method, &path, &[], text.as_bytes())?;
        ensure!(answer.status / 100 == 2, "{method} {path} was answered {} {}", answer.status, answer.text());
        Ok(())
    }

    pub(crate) fn bind_user(&self, device: &str, user: &str) -> anyhow::Result<()> {
        self.change("PUT", device, "user", &json!({ "user": user }))
    }

    pub(crate) fn join(&self, device: &str, collection: &str, name: &str) -> anyhow::Result<()> {
        self.change("PUT", device, &format!("{collection}/{name}"), &Value::Null)
    }

    /// The state of a notification on a device, as the API tells it.
    pub(crate) fn state(&self, id: &str, device: &str) -> anyhow::Result<Option<String>> {
        let answer = self.api.get(&format!("/v1/notifications/{id}/deliveries"))?;
        ensure!(answer.status == 200, "deliveries of {id}: {} {}", answer.status, answer.text());
        let answer = answer.json();
        let items = answer.get("items").and_then(Value::as_array).context("deliveries have items")?;
        let item = items.iter().find(|item| item.get("device").and_then(Value::as_str) == Some(device));
        Ok(item.and_then(|item| item.get("state")).and_then(Value::as_str).map(str::to_owned))
    }

    /// Waits until the API says that a device has a notification.
    pub(crate) fn delivered(&self, id: &str, device: &str) -> anyhow::Result<String> {
        until(&format!("{id} delivered on {device}"), SOON, || {
            let state = self.state(id, device).ok().flatten();
            state.filter(|state| matches!(state.as_str(), "delivered" | "displayed" | "opened" | "dismissed"))
        })
    }

    /// A counter or gauge of `/metrics`; zero when it is not there.
    pub(crate) fn metric(&self, name: &str) -> anyhow::Result<u64> {
        let text = self.api.get("/metrics")?.text();
        let line = text.lines().find(|line| line.split([' ', '{']).next() == Some(name));
        Ok(line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()).unwrap_or(0))
    }

    /// The server still serves: a notification goes the whole way to a phone.
    pub(crate) fn still_serves(&self, phone: &Phones) -> anyhow::Result<()> {
        let id = id_of(&self.notify(format!("device:{}", phone.id()?), "Still there")?);
        phone.shown(&id)?;
        Ok(())
    }
}

/// The id in an answer.
pub(crate) fn id_of(answer: &Value) -> String {
    answer.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Asserts that an answer is a whole problem document with this status and code.
pub(crate) fn assert_problem(answer: &Response, status: u16, code: &str) {
    let body = answer.json();
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text());
    for field in ["type", "title", "detail", "request_id"] {
        let text = body.get(field).and_then(Value::as_str).unwrap_or_default();
        assert!(!text.is_empty(), "no `{field}` in {body}");
    }
    assert_eq!(body.get("status"), Some(&json!(status)), "{body}");
    assert_eq!(body.get("code"), Some(&json!(code)), "{body}");
}
