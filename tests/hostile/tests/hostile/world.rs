//! A server to attack.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, ensure};
use longwire_test_support::{Client, Ready, Server, ServerOptions, TempDir, folder};
use serde_json::{Value, json};

/// Where attackers come from, and who is not one of them: limits count by address.
pub(crate) const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 6, 6, 6));
pub(crate) const HONEST: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 1, 1, 1));
/// What is logged: more than operators have, so that what must not be in it could be.
const LOG_FILTER: &str = "info,longwire=debug,hyper=debug,h2=debug,rustls=debug";

/// Dropped in this order: the server ends before its folder goes.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) api: Client,
    pub(crate) place: TempDir,
}

impl World {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Self::with(|options| options)
    }

    pub(crate) fn with(more: impl FnOnce(ServerOptions) -> ServerOptions) -> anyhow::Result<Self> {
        let place = folder();
        let options = ServerOptions::new(&place.path().join("server"))
            .with_variable("LONGWIRE_LOG_FILTER", LOG_FILTER)
            .with_variable("LONGWIRE_REQUESTS_PER_SECOND_MAX", "1000000");
        let mut server = more(options).start()?;
        let api = server.admin()?;
        Ok(Self { server, api, place })
    }

    /// A world that serves original androidpn clients, also without TLS, and scripts from everywhere on this machine.
    pub(crate) fn for_originals() -> anyhow::Result<Self> {
        Self::with(|options| options.with(&["--androidpn", "--plaintext"]))
    }

    /// Where it listens: what threads of a test share.
    pub(crate) const fn ready(&self) -> &Ready {
        &self.server.ready
    }

    /// Posts a notification that must be accepted; gives its id.
    pub(crate) fn notify(&self, to: &str, title: &str) -> anyhow::Result<String> {
        let answer = self.api.post("/v1/notifications", &json!({ "to": to, "title": title }))?;
        ensure!(answer.status == 202, "a notification was answered {} {}", answer.status, answer.text());
        Ok(answer.field("id"))
    }

    /// A counter or gauge of `/metrics`; none when it is not there.
    pub(crate) fn metric(&self, name: &str) -> anyhow::Result<Option<u64>> {
        let text = self.api.get("/metrics")?.text();
        let line = text.lines().find(|line| line.split([' ', '{']).next() == Some(name));
        Ok(line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()))
    }

    /// The id of the only device of an account.
    pub(crate) fn device_of(&self, account: &str) -> anyhow::Result<String> {
        let is_own = |device: &Value| device.get("account").and_then(Value::as_str) == Some(account);
        let device = self.items("/v1/devices?limit=100")?.into_iter().find(is_own);
        let id = device.and_then(|device| Some(device.get("id")?.as_str()?.to_owned()));
        id.with_context(|| format!("{account} has no device"))
    }

    /// The items of a list.
    pub(crate) fn items(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.api.get(path)?;
        ensure!(answer.status == 200, "{path} was answered {} {}", answer.status, answer.text());
        Ok(answer.json().get("items").and_then(Value::as_array).cloned().unwrap_or_default())
    }
}
