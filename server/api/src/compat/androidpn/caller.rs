//! What a request's headers say of who sends it: a script, a proxy for somebody, or a browser for a page.
//!
//! The address of a connection is that of a browser too, and a page of anybody can make the browser send to this server: from its own
//! site (forged across sites), or under a name of its own that it leads here (DNS rebinding). Scripts are configured with a URL of any
//! name, so a name says nothing against them, and no rule may ask anything of them. So:
//!
//! 1. A foreign `Origin`, `Referer` or `Sec-Fetch-Site` is that of another site's page.
//! 2. A browser is known by `Origin`, `Accept-Language` or `Sec-Fetch-…`: one of them is on all that it sends, and a page cannot take
//!    them off. HTTP libraries of scripts send none. A `Referer` of this server is no sign of a browser: `CouchPotato` sends one. Nor
//!    is `Sec-Fetch-Mode` without `Sec-Fetch-Site`: a browser sends both or neither, Node.js the first with `Accept-Language: *`.
//! 3. What a browser sends counts for its address only when a header proves that the page is this server's own, and the server is
//!    called by a name that nobody else can lead here: an IP address, `localhost` or its own domain.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::header::{ACCEPT_LANGUAGE, HOST, ORIGIN, REFERER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use crate::fields::shorten;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// Headers of proxies, beside those that begin with `x-forwarded-`: behind one the address of the connection is not the caller's.
const PROXIES: [&str; 9] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "cf-connecting-ip",
    "true-client-ip",
    "fastly-client-ip",
];

/// Why the address of a request says nothing about who sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// A header of a proxy.
    Proxy(String),
    /// A header that names a page of another site.
    ForeignPage(&'static str),
    /// A header of a browser, and none that says whose page it is.
    UnknownPage(&'static str),
    /// A browser's request under a name that anybody may have led here.
    RenamedHost(String),
}

impl Doubt {
    /// Whether a browser may have added credentials by itself that whoever made the page does not know.
    pub(super) const fn is_of_unproven_page(&self) -> bool {
        matches!(self, Self::ForeignPage(_) | Self::UnknownPage(_))
    }

    /// As the end of a sentence.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Proxy(header) => format!("it carries {header}, so it came through a proxy"),
            Self::ForeignPage(header) => format!("its {header} is that of a page of another site"),
            Self::UnknownPage(header) => {
                format!("its {header} says that a browser sends it, and no header that the page is this server's own")
            }
            Self::RenamedHost(host) => format!(
                "a browser sends it under the name {host:?}, which is no IP address, nor localhost, nor this server's domain"
            ),
        }
    }
}

/// What speaks against taking the address of a request for that of who sends it, at a server of `domain`.
pub(super) fn doubt(parts: &Parts, domain: &str) -> Option<Doubt> {
    let headers = &parts.headers;
    let host = match text(headers, &HOST) {
        "" => parts.uri.authority().map_or("", |authority| authority.as_str()),
        host => host,
    };
    if let Some(header) = headers.keys().find(|name| is_of_proxy(name.as_str())) {
        return Some(Doubt::Proxy(header.to_string()));
    }
    let pages = [("Origin", text(headers, &ORIGIN)), ("Referer", text(headers, &REFERER))];
    let names_own = |page: &str| is_same(page, host);
    let is_named = |name: &str| headers.contains_key(name);
    if let Some((header, _)) = pages.iter().find(|(header, page)| is_named(header) && !names_own(page)) {
        return Some(Doubt::ForeignPage(header));
    }
    let site = headers.get(&SEC_FETCH_SITE).map(axum::http::HeaderValue::as_bytes);
    let is_own_site = matches!(site, Some(b"same-origin" | b"none"));
    if site.is_some() && !is_own_site {
        return Some(Doubt::ForeignPage("Sec-Fetch-Site"));
    }
    let mark = mark(headers)?;
    if !is_own_site && !pages.iter().any(|(header, _)| is_named(header)) {
        return Some(Doubt::UnknownPage(mark));
    }
    let shown = || shorten(host);
    (!is_fixed(host, domain)).then(|| Doubt::RenamedHost(shown()))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_of_proxy(header: &str) -> bool {
    header.starts_with("x-forwarded-") || PROXIES.contains(&header)
}

/// The header by which a browser is known.
fn mark(headers: &HeaderMap) -> Option<&'static str> {
    if headers.contains_key(ORIGIN) {
        return Some("Origin");
    }
    if headers.contains_key(SEC_FETCH_SITE) {
        return Some("Sec-Fetch-Site");
    }
    let is_node = headers.contains_key(SEC_FETCH_MODE);
    (headers.contains_key(ACCEPT_LANGUAGE) && !is_node).then_some("Accept-Language")
}

/// Whether a page is of the host that the request names. Old callers write a host alone where the address of a page belongs.
fn is_same(page: &str, host: &str) -> bool {
    // Some write an IPv6 address without its brackets.
    let plain = |text: &str| text.replace(['[', ']'], "").to_ascii_lowercase();
    let Some((scheme, rest)) = page.split_once("://") else {
        return !page.is_empty() && plain(page) == plain(name_of(host));
    };
    let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let authority = |text: &str| {
        let text = plain(text);
        text.strip_suffix(port).map(str::to_owned).unwrap_or(text)
    };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    authority(rest.get(..end).unwrap_or_default()) == authority(host)
}

/// Whether nobody else can lead the name that the request uses to this server.
fn is_fixed(host: &str, domain: &str) -> bool {
    let name = name_of(host);
    if let Some(address) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name.parse::<Ipv4Addr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || name.eq_ignore_ascii_case(domain)
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Option<Doubt> {
        let request =
            pairs.iter().fold(Request::get("/notification.do"), |request, (name, value)| request.header(*name, *value));
        doubt(&request.body(()).expect("a request").into_parts().0, "push.example.com")
    }

    #[test]
    fn what_scripts_send_is_no_browsers_under_any_name() {
        let agent = "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:24.0) Gecko/20130519 Firefox/24.0";
        for headers in [
            &[][..],
            &[("host", "nas")],
            &[("host", "nas.lan:7070"), ("user-agent", agent), ("referer", "http://nas.lan:7070")],
            &[("host", "10.0.0.5"), ("user-agent", agent), ("referer", "10.0.0.5")],
            &[("host", "nas"), ("referer", "http://nas:80")],
            &[("host", "[::1]:7070"), ("referer", "http://::1:7070")],
            &[("host", "nas:7070"), ("accept", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2")],
            &[("host", "nas:7070"), ("accept-language", "*"), ("sec-fetch-mode", "cors")],
        ] {
            assert_eq!(of(headers), None, "{headers:?}");
        }
    }

    #[test]
    fn a_page_of_this_server_counts_where_nobody_else_can_lead_its_name() {
        for host in ["127.0.0.1:7070", "[::1]:7070", "localhost:7070", "LOCALHOST", "10.0.0.5", "Push.Example.com:7070"]
        {
            let origin = format!("http://{host}");
            let page = format!("{origin}/notification.do");
            for headers in [
                &[("host", host), ("origin", &origin), ("accept-language", "de")][..],
                &[("host", host), ("referer", &page), ("accept-language", "de")],
                &[
                    ("host", host),
                    ("origin", &origin),
                    ("sec-fetch-site", "same-origin"),
                    ("sec-fetch-mode", "navigate"),
                ],
                &[("host", host), ("sec-fetch-site", "none"), ("accept-language", "de")],
            ] {
                assert_eq!(of(headers), None, "{headers:?}");
            }
        }
    }

    #[test]
    fn a_page_of_another_site_is_told_by_the_header_that_names_it() {
        for (headers, header) in [
            (&[("host", "h:1"), ("origin", "http://h:2")][..], "Origin"),
            (&[("host", "h:1"), ("origin", "null")], "Origin"),
            (&[("host", "h:1"), ("origin", "")], "Origin"),
            (&[("host", "h:1"), ("origin", "http://h:1@evil.example")], "Origin"),
            (&[("host", "10.0.0.5:1"), ("referer", "http://evil.example/a?http://10.0.0.5:1")], "Referer"),
            (&[("host", "h:1"), ("referer", "evil.example")], "Referer"),
            (&[("sec-fetch-site", "cross-site")], "Sec-Fetch-Site"),
            (&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")], "Sec-Fetch-Site"),
        ] {
            assert_eq!(of(headers), Some(Doubt::ForeignPage(header)), "{headers:?}");
        }
    }

    #[test]
    fn a_browser_that_does_not_say_whose_page_it_is_is_not_believed() {
        for host in ["127.0.0.1:7070", "10.0.0.5:7070", "evil.example"] {
            let headers = [("host", host), ("accept", "image/*"), ("accept-language", "de")];
            assert_eq!(of(&headers), Some(Doubt::UnknownPage("Accept-Language")), "{host}");
        }
    }

    #[test]
    fn a_page_that_leads_a_name_of_its_own_here_is_not_believed() {
        for host in ["evil.example:7070", "evil.example", "nas:7070", "127.0.0.1.evil.example", "127.1", "[evil]", ""] {
            let page = format!("http://{host}");
            for headers in [
                &[("host", host), ("origin", page.as_str()), ("sec-fetch-site", "same-origin")][..],
                &[("host", host), ("referer", page.as_str()), ("accept-language", "de")],
                &[("host", host), ("sec-fetch-site", "none")],
            ] {
                assert_eq!(of(headers), Some(Doubt::RenamedHost(host.to_owned())), "{headers:?}");
            }
        }
    }

    #[test]
    fn a_header_of_a_proxy_takes_trust_away_and_never_gives_it() {
        for name in PROXIES.into_iter().chain(["x-forwarded-for", "x-forwarded-proto", "x-forwarded-server"]) {
            assert_eq!(of(&[("host", "h"), (name, "127.0.0.1")]), Some(Doubt::Proxy(name.to_owned())));
        }
    }
}
