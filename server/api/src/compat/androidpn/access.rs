//! Who may: the addresses that the configuration trusts, and whoever shows an API key in one of the places where scripts can put one.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_model::Scope;

use super::form::Form;
use crate::Api;
use crate::extract::{Operator, Peer, authorize, take_from_rate};
use crate::problem::{Code, Problem};

/// What every API key begins with. The original ignores the `apiKey` of a form, so callers have anything in it.
const KEY_START: &str = "lw_";
/// Headers of proxies: behind one the address of the connection is not the caller's.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Lets a request through, or says what it lacks.
pub(super) async fn admit(api: &Api, parts: &Parts, form: &Form, scope: Scope) -> Result<(), Problem> {
    if parts.extensions.get::<Operator>().is_some() {
        return Ok(());
    }
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
    let is_foreign = is_of_another_site(&parts.headers);
    if let Some(peer) = peer.filter(|peer| is_trusted(api, *peer))
        && !is_foreign
        && !is_forwarded(&parts.headers)
    {
        return take_from_rate(&parts.extensions, api, &peer.to_string());
    }
    match shown(&parts.headers, form, is_foreign) {
        Some(key) => authorize(&parts.extensions, api, &key, scope).await.map(|_| ()),
        None => Err(no_key(peer)),
    }
}

fn is_trusted(api: &Api, peer: IpAddr) -> bool {
    api.config.androidpn.as_ref().is_some_and(|config| config.trusted.iter().any(|own| own.to_canonical() == peer))
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDED.iter().any(|name| headers.contains_key(*name))
}

/// Whether a browser sends this for a page of another site: such a page could send to every device of whoever reads it on a trusted
/// host. Scripts send neither header.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get(HeaderName::from_static("sec-fetch-site"));
    let is_own_site = site.is_none_or(|site| site == "same-origin" || site == "none");
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_own_origin = headers.get(ORIGIN).is_none_or(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        origin.split_once("://").is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host))
    });
    !is_own_site || !is_own_origin
}

/// The API key that a request shows: the first that looks like one, else the first of all, so that the refusal is about it. What a
/// browser adds by itself counts for nothing where another site's page sends.
fn shown(headers: &HeaderMap, form: &Form, is_foreign: bool) -> Option<String> {
    let authorization = headers.get_all(AUTHORIZATION).iter().filter_map(|value| value.to_str().ok());
    let mut shown: Vec<String> = authorization.filter(|_| !is_foreign).filter_map(of_authorization).collect();
    // What cannot be read is no key either.
    shown.extend(form.word("apiKey").ok().flatten());
    let index = shown.iter().position(|key| key.starts_with(KEY_START)).unwrap_or(0);
    (index < shown.len()).then(|| shown.swap_remove(index))
}

/// The key in `Bearer KEY`, or in the password of `Basic`.
fn of_authorization(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned()).filter(|key| !key.is_empty());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (_, password) = decoded.split_once(':')?;
    Some(password.to_owned()).filter(|key| !key.is_empty())
}

fn no_key(peer: Option<IpAddr>) -> Problem {
    let from = peer.map_or_else(String::new, |peer| format!(" from {peer}"));
    Problem::new(Code::NoKey, format!("a request{from} needs an API key")).with_hint(
        "send one with the scope send as `Authorization: Bearer lw_…`, as the password of Basic, or in the field apiKey; or name \
         the address in androidpn_trusted. What comes through a proxy or from a page of another site always needs a key",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_key_is_found_where_scripts_can_put_it() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let found = |authorization: &str, query: &str| {
            let headers =
                if authorization.is_empty() { HeaderMap::new() } else { headers(&[("authorization", authorization)]) };
            shown(&headers, &Form::of(query), false)
        };
        assert_eq!(found("Bearer lw_a_b", "").as_deref(), Some("lw_a_b"));
        assert_eq!(found("bearer  lw_a_b ", "apiKey=lw_c_d").as_deref(), Some("lw_a_b"));
        assert_eq!(found(&basic("any:lw_a_b"), "").as_deref(), Some("lw_a_b"));
        assert_eq!(found(&basic("admin:tomcat"), "apiKey=lw_c_d").as_deref(), Some("lw_c_d"));
        assert_eq!(found("", "apiKey=lw_c_d").as_deref(), Some("lw_c_d"));
        assert_eq!(
            found("", "apiKey=1234567890").as_deref(),
            Some("1234567890"),
            "refused as no key, and not for having none"
        );
        for (authorization, query) in [("", ""), ("Basic ***", "apiKey="), ("Digest x", "apiKey=%01"), ("Bearer ", "")]
        {
            assert_eq!(found(authorization, query), None, "{authorization} {query}");
        }
    }

    #[test]
    fn what_a_browser_adds_by_itself_is_no_key_of_another_site() {
        let headers = headers(&[("authorization", "Bearer lw_a_b")]);
        assert_eq!(shown(&headers, &Form::of("apiKey=lw_c_d"), true).as_deref(), Some("lw_c_d"));
        assert_eq!(shown(&headers, &Form::of(""), true), None);
    }

    #[test]
    fn a_page_of_another_site_is_told_apart() {
        let of_another = |pairs: &[(&'static str, &str)]| is_of_another_site(&headers(pairs));
        assert!(!of_another(&[]));
        assert!(!of_another(&[("host", "h:1"), ("origin", "http://h:1"), ("sec-fetch-site", "same-origin")]));
        assert!(!of_another(&[("sec-fetch-site", "none")]));
        assert!(of_another(&[("sec-fetch-site", "cross-site")]));
        assert!(of_another(&[("sec-fetch-site", "same-site")]));
        assert!(of_another(&[("host", "h:1"), ("origin", "http://h:2")]));
        assert!(of_another(&[("host", "h:1"), ("origin", "null")]));
    }

    #[test]
    fn a_header_of_a_proxy_takes_trust_away_and_never_gives_it() {
        for name in FORWARDED {
            assert!(is_forwarded(&headers(&[(name, "127.0.0.1")])), "{name}");
        }
        assert!(!is_forwarded(&headers(&[("host", "h")])));
    }
}
