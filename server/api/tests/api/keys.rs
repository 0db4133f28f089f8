//! API keys, app keys and accounts: who may do what.

use axum::body::Body;
use axum::http::{Method, Request};
use longwire_model::{AndroidpnAccount, DeviceKind, Scope};
use longwire_store::Write;

use crate::bench::{Bench, send};

#[tokio::test]
async fn a_key_is_shown_once_and_revoked() {
    let bench = Bench::new().await;
    let body = r#"{"scopes":["send","read"],"label":"backend","expires_in":60}"#;
    let made = bench.call(Method::POST, "/v1/keys", body).await;
    assert_eq!(made.status, 201);
    let (key, id) = (made.json()["key"].clone(), made.json()["id"].clone());
    let (key, id) = (key.as_str().expect("a key"), id.as_str().expect("an id"));
    assert!(key.starts_with(&format!("lw_{id}_")));
    assert_eq!(made.json()["expires_at"], "2025-11-21T11:43:00.000Z");
    let secret = secret_of(key);
    let list = bench.get("/v1/keys").await;
    assert!(list.text.contains(id) && !list.text.contains(secret));
    let devices = async || bench.call_as(key, Method::GET, "/v1/devices", "", &[]).await;
    assert_eq!(devices().await.status, 200);
    for _ in 0..2 {
        assert_eq!(bench.call(Method::DELETE, &format!("/v1/keys/{id}"), "").await.status, 204);
    }
    assert_eq!(devices().await.problem().1, "unknown_key");
    assert_eq!(bench.call(Method::DELETE, "/v1/keys/nosuchkey", "").await.problem().1, "not_found");
}

#[tokio::test]
async fn keys_are_listed_page_by_page() {
    let bench = Bench::new().await;
    for _ in 0..4 {
        bench.new_key(&[Scope::Read], None).await;
        bench.new_key(&[Scope::Read], None).await;
        bench.clock.advance(1);
    }
    let whole = bench.get("/v1/keys").await.json();
    assert!(whole["next"].is_null());
    let whole = whole["items"].as_array().expect("items").clone();
    assert_eq!(whole.len(), 9);
    let (mut items, mut path) = (Vec::new(), "/v1/keys?limit=2".to_owned());
    loop {
        let page = bench.get(&path).await.json();
        let own = page["items"].as_array().expect("items").clone();
        assert!((1..=2).contains(&own.len()));
        items.extend(own);
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/keys?limit=2&cursor={next}");
    }
    assert_eq!(items, whole);
    for (query, code) in [("limit=0", "unreadable"), ("limit=1001", "unreadable"), ("cursor=AAAA", "bad_cursor")] {
        assert_eq!(bench.get(&format!("/v1/keys?{query}")).await.problem().1, code, "{query}");
    }
}

#[tokio::test]
async fn an_expired_key_is_told_so() {
    let bench = Bench::new().await;
    let end = bench.core.env.now().plus_millis(1_000);
    let key = bench.new_key(&[Scope::Read], Some(end)).await;
    bench.clock.advance(999);
    assert_eq!(bench.call_as(&key, Method::GET, "/v1/devices", "", &[]).await.status, 200);
    bench.clock.advance(1);
    let answer = bench.call_as(&key, Method::GET, "/v1/devices", "", &[]).await;
    assert_eq!(answer.problem().1, "expired_key");
    assert!(answer.json()["detail"].as_str().is_some_and(|text| text.contains("2025-11-21T11:42:01.000Z")));
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"longwire\"");
}

#[tokio::test]
async fn each_operation_needs_its_scope() {
    let bench = Bench::new().await;
    let document: serde_json::Value = bench.get("/openapi.json").await.json();
    let none = bench.new_key(&[], None).await;
    let mut operations = 0;
    for (path, item) in
        document["paths"].as_object().expect("paths").iter().filter(|(path, _)| path.starts_with("/v1/"))
    {
        let path = path.replace("{id}", "0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b").replace(['{', '}'], "");
        for method in item.as_object().expect("operations").keys() {
            operations += 1;
            let method: Method = method.to_uppercase().parse().expect("a method");
            let without = Request::builder().method(&method).uri(&path).body(Body::empty()).expect("a request");
            assert_eq!(send(bench.router(), without).await.problem().1, "no_key", "{method} {path}");
            for wrong in ["lw_x_y", "lw_", "x", "lw__", &format!("{}x", bench.key)] {
                let answer = bench.call_as(wrong, method.clone(), &path, "", &[]).await;
                assert_eq!(answer.problem().1, "unknown_key", "{method} {path}");
            }
            let answer = bench.call_as(&none, method.clone(), &path, "", &[]).await;
            assert_eq!((answer.problem().0, answer.problem().1.as_str()), (403, "missing_scope"), "{method} {path}");
        }
    }
    assert!(operations >= 18, "{operations}");
}

#[tokio::test]
async fn an_app_key_is_shown_once_counted_and_revoked() {
    let bench = Bench::new().await;
    let keys = bench.new_key(&[Scope::Keys], None).await;
    let call = async |method: Method, path: &str, body: &str| bench.call_as(&keys, method, path, body, &[]).await;
    let made = call(Method::POST, "/v1/app-keys", r#"{"label":"android"}"#).await;
    assert_eq!(made.status, 201);
    let (key, id) = (made.json()["key"].clone(), made.json()["id"].clone());
    let (key, id) = (key.as_str().expect("a key"), id.as_str().expect("an id"));
    assert!(key.starts_with(&format!("lwa_{id}_")));
    assert_eq!((made.json()["registrations"].as_u64(), made.json()["label"].as_str()), (Some(0), Some("android")));
    let unnamed = call(Method::POST, "/v1/app-keys", "").await;
    assert_eq!((unnamed.status.as_u16(), unnamed.json()["label"].is_null()), (201, true), "a label is not needed");
    assert_eq!(bench.call_as(key, Method::GET, "/v1/devices", "", &[]).await.problem().1, "unknown_key");
    let admitted = bench.core.auth.check_app_key(key).await.expect("good");
    bench.core.auth.register("bob", "secret-word".to_owned(), Some(admitted)).await.expect("admitted");
    let list = call(Method::GET, "/v1/app-keys", "").await;
    assert!(!list.text.contains(secret_of(key)));
    let own = list.json()["items"].as_array().expect("items").iter().find(|item| item["id"] == id).cloned();
    assert_eq!(own.as_ref().map(|item| item["registrations"].as_u64()), Some(Some(1)));
    for _ in 0..2 {
        assert_eq!(call(Method::DELETE, &format!("/v1/app-keys/{id}"), "").await.status, 204);
    }
    let list = call(Method::GET, "/v1/app-keys", "").await.json();
    let own = list["items"].as_array().expect("items").iter().find(|item| item["id"] == id);
    assert!(own.is_some_and(|item| item["revoked_at"].is_string()), "{list}");
    assert_eq!(call(Method::DELETE, "/v1/app-keys/nosuchkey", "").await.problem().1, "not_found");
    for (body, field) in [
        (r#"{"label":7}"#, "label"),
        (r#"{"scopes":[]}"#, "scopes"),
        (&format!(r#"{{"label":"{:0101}"}}"#, 0), "label"),
    ] {
        let (status, _, named) = call(Method::POST, "/v1/app-keys", body).await.problem();
        assert_eq!((status, named.as_deref()), (422, Some(field)), "{body}");
    }
    let first = call(Method::GET, "/v1/app-keys?limit=1", "").await.json();
    let next = first["next"].as_str().expect("more");
    let second = call(Method::GET, &format!("/v1/app-keys?limit=1&cursor={next}"), "").await.json();
    assert!(second["next"].is_null() && second["items"] != first["items"], "{second}");
}

#[tokio::test]
async fn only_admin_gives_and_takes_admin() {
    let bench = Bench::new().await;
    let keys = bench.new_key(&[Scope::Keys], None).await;
    let post = async |body: &str| bench.call_as(&keys, Method::POST, "/v1/keys", body, &[]).await;
    assert_eq!(post(r#"{"scopes":["send"]}"#).await.status, 201);
    assert_eq!(post(r#"{"scopes":["send","admin"]}"#).await.problem().0, 403);
    let admin = bench.key.split('_').nth(1).expect("an id");
    let answer = bench.call_as(&keys, Method::DELETE, &format!("/v1/keys/{admin}"), "", &[]).await;
    assert_eq!(answer.problem().0, 403);
    for (body, field) in [
        ("{}", "scopes"),
        (r#"{"scopes":[]}"#, "scopes"),
        (r#"{"scopes":"send"}"#, "scopes"),
        (r#"{"scopes":["send","fly"]}"#, "scopes[1]"),
        (r#"{"scopes":["send"],"expires_in":0}"#, "expires_in"),
        (r#"{"scopes":["send"],"expires":1}"#, "expires"),
    ] {
        let (status, _, named) = post(body).await.problem();
        assert_eq!((status, named.as_deref()), (422, Some(field)), "{body}");
    }
}

#[tokio::test]
async fn the_operator_needs_no_key() {
    let bench = Bench::new().await;
    let request = Request::builder().uri("/v1/accounts").body(Body::empty()).expect("a request");
    assert_eq!(send(bench.operator(), request).await.status, 200);
    // Nothing that a client sends makes it the operator.
    let request = Request::builder().uri("/v1/accounts").header("operator", "true").body(Body::empty());
    assert_eq!(send(bench.router(), request.expect("a request")).await.status, 401);
}

#[tokio::test]
async fn accounts_are_added_listed_and_removed() {
    let bench = Bench::new().await;
    let post = async |body: &str| bench.call(Method::POST, "/v1/accounts", body).await;
    let made = post(r#"{"name":"alice"}"#).await;
    assert_eq!(made.status, 201);
    assert!(made.json()["password"].as_str().is_some_and(|password| password.len() >= 20));
    let given = post(r#"{"name":"bob","password":"8 bytes."}"#).await;
    assert_eq!((given.status.as_u16(), given.json().get("password")), (201, None));
    assert_eq!(post(r#"{"name":"bob"}"#).await.problem().1, "exists");
    assert_eq!(post(r#"{"name":"a@b"}"#).await.problem().2.as_deref(), Some("name"));
    let refused = post(r#"{"name":"carol","password":""}"#).await;
    assert_eq!(refused.problem().2.as_deref(), Some("password"));
    assert!(refused.text.contains("1 to 1023 bytes"), "{}", refused.text);
    let page = bench.get("/v1/accounts?limit=1").await.json();
    assert_eq!((page["items"][0]["name"].as_str(), page["items"][0]["kind"].as_str()), (Some("alice"), Some("xmpp")));
    let next = page["next"].as_str().expect("more");
    let page = bench.get(&format!("/v1/accounts?limit=1&cursor={next}")).await.json();
    assert_eq!((page["items"][0]["name"].as_str(), page["next"].is_null()), (Some("bob"), true));
    let device = bench.device("bob").await;
    assert_eq!(bench.call(Method::DELETE, "/v1/accounts/bob", "").await.status, 204);
    assert_eq!(bench.get(&format!("/v1/devices/{device}")).await.status, 404);
    assert_eq!(bench.call(Method::DELETE, "/v1/accounts/bob", "").await.problem().1, "not_found");
}

#[tokio::test]
async fn auth_22_accounts_are_disabled_and_get_other_passwords() {
    let bench = Bench::new().await;
    assert_eq!(bench.call(Method::POST, "/v1/accounts", r#"{"name":"bob"}"#).await.status, 201);
    let patch = async |body: &str| bench.call(Method::PATCH, "/v1/accounts/bob", body).await;
    assert_eq!(patch(r#"{"disabled":true}"#).await.status, 204);
    let disabled = bench.get("/v1/accounts").await.json()["items"][0]["disabled"].as_bool();
    assert_eq!(disabled, Some(true));
    assert_eq!(patch(r#"{"disabled":false}"#).await.status, 204);
    assert_eq!(patch(r#"{"disabled":"no"}"#).await.problem().2.as_deref(), Some("disabled"));
    assert_eq!(patch("{}").await.problem().1, "missing_field");
    assert_eq!(
        bench.call(Method::PATCH, "/v1/accounts/BOB", r#"{"disabled":false}"#).await.status,
        204,
        "it is folded"
    );
    let password =
        async |name: &str, body: &str| bench.call(Method::POST, &format!("/v1/accounts/{name}/password"), body).await;
    let made = password("bob", "{}").await;
    assert!(made.json()["password"].as_str().is_some_and(|password| password.len() >= 20));
    let given = password("bob", r#"{"password":"x"}"#).await;
    assert_eq!((given.status.as_u16(), given.json().get("password")), (200, None));
    assert_eq!(password("bob", r#"{"password":""}"#).await.problem().2.as_deref(), Some("password"));
    assert_eq!(password("eve", "{}").await.problem().1, "not_found");
    assert_eq!(bench.call(Method::PATCH, "/v1/accounts/eve", r#"{"disabled":true}"#).await.problem().1, "not_found");
}

#[tokio::test]
async fn a_password_that_this_server_cannot_keep_is_422_and_no_outage() {
    let bench = Bench::new().await;
    let account = AndroidpnAccount {
        name: "cid".to_owned(),
        sealed_password: vec![1],
        email: None,
        full_name: None,
        created_at: bench.core.env.now(),
        claimed: Vec::new(),
        is_disabled: false,
    };
    let device = bench.new_device("cid", DeviceKind::Androidpn);
    bench.core.log.write(Write::AddAndroidpn { account, device }).await.expect("imported");
    let refused = bench.call(Method::POST, "/v1/accounts/cid/password", "{}").await;
    assert_eq!(refused.problem(), (422, "invalid_field".to_owned(), Some("name".to_owned())));
    assert!(refused.text.contains("--androidpn"), "{}", refused.text);
    assert_eq!(bench.call(Method::PATCH, "/v1/accounts/cid", r#"{"disabled":true}"#).await.status, 204);
}

#[tokio::test]
async fn a_key_has_so_many_requests_a_second_and_is_told_how_many() {
    let requests_per_second_max = std::num::NonZeroU32::MIN;
    let bench = Bench::with(longwire_api::ApiConfig { requests_per_second_max, ..Bench::config() }).await;
    let other = bench.new_key(&[Scope::Send], None).await;
    for remaining in ["4", "3", "2", "1", "0"] {
        let answer = bench.get("/v1/devices").await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit-remaining")), (200, remaining));
        assert_eq!(answer.header("ratelimit-limit"), "5");
    }
    let refused = bench.get("/v1/devices").await;
    assert_eq!((refused.problem().0, refused.problem().1.as_str()), (429, "rate_limited"));
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit-reset")), ("1", "5"));
    // Nobody else is touched: another key (also where it may not), the operator, whoever has no key, and metrics.
    let answer = bench.call_as(&other, Method::GET, "/v1/devices", "", &[]).await;
    assert_eq!((answer.problem().0, answer.header("ratelimit-remaining")), (403, "4"));
    let request = || Request::builder().uri("/v1/accounts").body(Body::empty()).expect("a request");
    assert_eq!(send(bench.operator(), request()).await.status, 200);
    let answer = send(bench.router(), request()).await;
    assert_eq!((answer.status.as_u16(), answer.header("ratelimit-limit")), (401, ""));
    assert_eq!(bench.get("/metrics").await.status, 200);
    bench.clock.advance(1_000);
    assert_eq!(bench.get("/v1/devices").await.status, 200);
    assert_eq!(bench.get("/v1/devices").await.status, 429);
}

const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";

#[tokio::test]
async fn a_user_key_is_added_listed_and_revoked() {
    let bench = Bench::new().await;
    let body = serde_json::json!({ "public_key": PUBLIC_KEY, "label": "back-end" });
    let made = bench.call(Method::POST, "/v1/user-keys", &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!((made["algorithm"].as_str(), made["public_key"].as_str()), (Some("EdDSA"), Some(PUBLIC_KEY)));
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!(bench.get("/v1/user-keys").await.json()["items"], serde_json::json!([made]));
    for _ in 0..2 {
        assert_eq!(bench.call(Method::DELETE, &format!("/v1/user-keys/{id}"), "").await.status, 204);
    }
    assert_eq!(bench.get("/v1/user-keys").await.json()["items"][0]["revoked_at"], "2025-11-21T11:42:00.000Z");
    assert_eq!(bench.call(Method::DELETE, "/v1/user-keys/nosuchkey", "").await.problem().1, "not_found");
    for (key, word) in
        [("nothing", "PUBLIC KEY"), ("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----", "private")]
    {
        let body = serde_json::json!({ "public_key": key }).to_string();
        let refused = bench.call(Method::POST, "/v1/user-keys", &body).await;
        assert_eq!(refused.problem(), (422, "invalid_field".to_owned(), Some("public_key".to_owned())));
        assert!(refused.json()["detail"].as_str().is_some_and(|text| text.contains(word)), "{}", refused.text);
    }
}

/// The secret of `lw_<id>_<secret>`, which may have `_` in it as well: it is base64url.
fn secret_of(key: &str) -> &str {
    key.splitn(3, '_').nth(2).expect("a key has a secret")
}
