//! A server for original clients, and requests to it.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, ensure};
use longwire_test_support::{Client, Response, Server, ServerOptions, TempDir, folder};

use crate::phone::Phone;
use crate::raw_http::{answer, exchange};

/// An address that the default configuration trusts, and one that it does not.
pub(crate) const TRUSTED: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

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
        let options = ServerOptions::new(&place.path().join("server")).with(&["--androidpn", "--plaintext"]);
        let mut server = more(options).start()?;
        let api = server.admin()?;
        Ok(Self { server, api, place })
    }

    pub(crate) fn phone(&self, name: &str) -> anyhow::Result<Phone> {
        Phone::registered(&self.server, name, &format!("password of {name}").replace(' ', "-"))
    }

    /// Sends a request as it stands, with the address of this server in the place of `HOST`.
    pub(crate) fn raw(&self, source: IpAddr, request: &[u8]) -> anyhow::Result<Response> {
        exchange(&self.server.ready.http, source, &self.addressed(request))
    }

    /// The same, with the answer as it stands: a HEAD is answered by a head alone.
    pub(crate) fn head(&self, path: &str) -> anyhow::Result<String> {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n");
        let answer = answer(&self.server.ready.http, TRUSTED, &self.addressed(request.as_bytes()))?;
        String::from_utf8(answer).context("text")
    }

    fn addressed(&self, request: &[u8]) -> Vec<u8> {
        let host = self.server.ready.http.as_bytes();
        let mut bytes = Vec::new();
        let mut rest = request;
        while let Some(at) = rest.windows(4).position(|window| window == b"HOST") {
            bytes.extend_from_slice(&rest[..at]);
            bytes.extend_from_slice(host);
            rest = &rest[at + 4..];
        }
        bytes.extend_from_slice(rest);
        bytes
    }

    /// A form as POST with more headers.
    pub(crate) fn post_from(
        &self,
        source: IpAddr,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<Response> {
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n{more}Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.raw(source, format!("{head}{body}").as_bytes())
    }

    /// A form as POST from a trusted address.
    pub(crate) fn post(&self, path: &str, body: &str) -> anyhow::Result<Response> {
        self.post_from(TRUSTED, path, &[], body)
    }

    /// A GET from a trusted address.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Response> {
        self.raw(TRUSTED, format!("GET {path} HTTP/1.1\r\nHost: HOST\r\n\r\n").as_bytes())
    }

    /// Holds an answer against what every known caller takes for success, and follows it as they do; gives the notification's id.
    pub(crate) fn sent(&self, answer: &Response, audience: u64) -> anyhow::Result<String> {
        ensure!(answer.status == 302, "{} {:?} {}", answer.status, answer.headers, answer.text());
        let told = answer.header("longwire-audience").and_then(|told| told.parse().ok());
        ensure!(told == Some(audience), "an audience of {told:?}, not {audience}");
        let page = answer.header("location").context("a page to go to")?;
        ensure!(page.ends_with("/notification.do") && answer.body.is_empty(), "{page}");
        let followed = self.get(page)?;
        ensure!(followed.status == 200, "{page} was answered {}", followed.status);
        let id = answer.header("longwire-notification-id").context("an id")?.to_owned();
        let known = self.api.get(&format!("/v1/notifications/{id}"))?;
        ensure!(known.status == 200, "{id} is not known: {}", known.status);
        Ok(id)
    }
}
