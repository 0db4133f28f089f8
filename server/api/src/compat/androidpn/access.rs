//! Who may: the addresses that the configuration trusts, and whoever shows an API key in one of the places where scripts can put one.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_model::Scope;

use super::caller::{Doubt, doubt};
use super::form::Form;
use crate::Api;
use crate::extract::{Operator, Peer, authorize, take_from_rate};
use crate::problem::{Code, Problem};

/// What every API key begins with. The original ignores the `apiKey` of a form, so callers have anything in it.
const KEY_START: &str = "lw_";

/// Lets a request through, or says what it lacks.
pub(super) async fn admit(api: &Api, parts: &Parts, form: &Form, scope: Scope) -> Result<(), Problem> {
    if parts.extensions.get::<Operator>().is_some() {
        return Ok(());
    }
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
    let trusted = peer.filter(|peer| is_trusted(api, *peer));
    let doubt = doubt(parts, &api.core.config.domain);
    if let (Some(peer), None) = (trusted, &doubt) {
        return take_from_rate(&parts.extensions, api, &peer.to_string());
    }
    let is_unproven_page = doubt.as_ref().is_some_and(Doubt::is_of_unproven_page);
    match shown(&parts.headers, form, is_unproven_page) {
        Some(key) => authorize(&parts.extensions, api, &key, scope).await.map(|_| ()),
        None => Err(no_key(peer, doubt.filter(|_| trusted.is_some()), scope)),
    }
}

fn is_trusted(api: &Api, peer: IpAddr) -> bool {
    api.config.androidpn.as_ref().is_some_and(|config| config.trusted.iter().any(|own| own.to_canonical() == peer))
}

/// The API key that a request shows: the first that looks like one, else the first of all, so that the refusal is about it. What a
/// browser adds by itself, `Basic`, counts for nothing where it may send for another site's page.
fn shown(headers: &HeaderMap, form: &Form, is_unproven_page: bool) -> Option<String> {
    let authorization = headers.get_all(AUTHORIZATION).iter().filter_map(|value| value.to_str().ok());
    let mut shown: Vec<String> = authorization.filter_map(|value| of_authorization(value, !is_unproven_page)).collect();
    // What cannot be read is no key either.
    shown.extend(form.word("apiKey").ok().flatten());
    let index = shown.iter().position(|key| key.starts_with(KEY_START)).unwrap_or(0);
    (index < shown.len()).then(|| shown.swap_remove(index))
}

/// The key in `Bearer KEY`, or in the password of `Basic` where that counts.
fn of_authorization(value: &str, may_be_basic: bool) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned()).filter(|key| !key.is_empty());
    }
    if !may_be_basic || !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (_, password) = decoded.split_once(':')?;
    Some(password.to_owned()).filter(|key| !key.is_empty())
}

fn no_key(peer: Option<IpAddr>, doubt: Option<Doubt>, scope: Scope) -> Problem {
    let from = peer.map_or_else(String::new, |peer| format!(" from {peer}"));
    let why = doubt.map_or_else(|| "the address is not in androidpn_trusted".to_owned(), |doubt| doubt.reason());
    Problem::new(Code::NoKey, format!("a request{from} needs an API key: {why}")).with_hint(format!(
        "send a key with the scope {scope} as `Authorization: Bearer lw_…`, as the password of Basic, or in the field apiKey; \
         `longwire key create --scope {scope}` makes one"
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

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
        let basic = headers(&[("authorization", &format!("Basic {}", STANDARD.encode("any:lw_a_b")))]);
        assert_eq!(shown(&basic, &Form::of("apiKey=lw_c_d"), true).as_deref(), Some("lw_c_d"));
        assert_eq!(shown(&basic, &Form::of(""), true), None);
        let bearer = headers(&[("authorization", "Bearer lw_a_b")]);
        assert_eq!(shown(&bearer, &Form::of(""), true).as_deref(), Some("lw_a_b"), "no browser adds that by itself");
    }

    #[test]
    fn a_refusal_says_what_took_the_trust_away_and_which_scope_is_needed() {
        let peer = Some(IpAddr::from([127, 0, 0, 1]));
        let proxied = no_key(peer, Some(Doubt::Proxy("x-forwarded-for".to_owned())), Scope::Read);
        assert!(proxied.detail().contains("127.0.0.1") && proxied.detail().contains("x-forwarded-for"));
        let document = serde_json::to_value(proxied.document("-")).expect("JSON");
        assert!(document["hint"].as_str().is_some_and(|hint| hint.contains("scope read")), "{document}");
        assert!(no_key(peer, None, Scope::Send).detail().contains("androidpn_trusted"));
    }
}
