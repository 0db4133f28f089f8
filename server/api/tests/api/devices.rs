//! Devices: listed, and changed in whom they belong to.

use axum::http::Method;
use longwire_model::Scope;
use longwire_model::limits::MEMBERSHIPS_MAX;

use crate::bench::Bench;

#[tokio::test]
async fn a_device_is_shown_with_what_it_belongs_to() {
    let bench = Bench::new().await;
    let device = bench.device("a").await;
    let path = format!("/v1/devices/{device}");
    for change in ["tags/beta", "tags/a%2Fb", "topics/news/sport", "topics/a%2Fb", "topics/100%25"] {
        for _ in 0..2 {
            assert_eq!(bench.call(Method::PUT, &format!("{path}/{change}"), "").await.status, 204, "{change}");
        }
    }
    for _ in 0..2 {
        assert_eq!(bench.call(Method::PUT, &format!("{path}/user"), r#"{"user":"alice"}"#).await.status, 204);
    }
    let shown = bench.get(&path).await.json();
    assert_eq!(shown["id"], device.to_string());
    assert_eq!((shown["app"].as_str(), shown["account"].as_str()), (Some("default"), Some("a")));
    assert_eq!(shown["user"], "alice");
    assert_eq!(shown["tags"], serde_json::json!(["a/b", "beta"]));
    assert_eq!(shown["topics"], serde_json::json!(["100%", "a/b", "news/sport"]));
    assert_eq!(shown["online"], false);
    for key in ["last_seen", "next_contact"] {
        assert!(shown[key].is_null());
    }
    for change in ["tags/beta", "tags/never", "topics/news/sport", "user"] {
        for _ in 0..2 {
            assert_eq!(bench.call(Method::DELETE, &format!("{path}/{change}"), "").await.status, 204, "{change}");
        }
    }
    let shown = bench.get(&path).await.json();
    assert!(shown["user"].is_null());
    assert_eq!((&shown["tags"], &shown["topics"]), (&serde_json::json!(["a/b"]), &serde_json::json!(["100%", "a/b"])));
}

#[tokio::test]
async fn devices_are_listed_by_audience_and_page() {
    let bench = Bench::new().await;
    let mut ids = Vec::new();
    for index in 0..5 {
        let device = bench.device(&format!("a{index}")).await;
        bench.call(Method::PUT, &format!("/v1/devices/{device}/tags/beta"), "").await;
        ids.push(device.to_string());
    }
    ids.sort_unstable();
    bench.device("other").await;
    assert_eq!(bench.get("/v1/devices").await.json()["items"].as_array().map(Vec::len), Some(6));
    let first = bench.get("/v1/devices?to=tag:beta&limit=4").await.json();
    let next = first["next"].as_str().expect("more");
    let second = bench.get(&format!("/v1/devices?to=tag:beta&limit=4&cursor={next}")).await.json();
    let items = first["items"].as_array().into_iter().chain(second["items"].as_array()).flatten();
    let seen: Vec<&str> = items.map(|item| item["id"].as_str().expect("an id")).collect();
    assert_eq!(seen, ids);
    assert!(second["next"].is_null());
    assert_eq!(bench.get(&format!("/v1/devices?limit=4&cursor={next}")).await.problem().1, "bad_cursor");
    assert_eq!(bench.get("/v1/devices?to=everyone").await.problem().0, 400);
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let bench = Bench::new().await;
    let device = bench.device("a").await;
    let path = format!("/v1/devices/{device}");
    for unknown in ["/v1/devices/x", "/v1/devices/0199a0b1-c2d3-4e4f-8a5b-6c7d8e9f0a1b"] {
        assert_eq!(bench.get(unknown).await.problem().1, "not_found");
        assert_eq!(bench.call(Method::PUT, &format!("{unknown}/tags/a"), "").await.problem().1, "not_found");
        assert_eq!(bench.call(Method::DELETE, &format!("{unknown}/user"), "").await.problem().1, "not_found");
    }
    for (change, field) in [("tags/a%20b", "tag"), ("topics/a%00", "topic"), ("topics/a%0A", "topic")] {
        let answer = bench.call(Method::PUT, &format!("{path}/{change}"), "").await;
        assert_eq!(answer.problem(), (422, "invalid_field".to_owned(), Some(field.to_owned())));
    }
    assert_eq!(bench.call(Method::PUT, &format!("{path}/tags/%ff"), "").await.problem().0, 400);
    for (body, status, field) in [
        ("", 400, None),
        ("{}", 422, Some("user")),
        (r#"{"user":""}"#, 422, Some("user")),
        (r#"{"user":7}"#, 422, Some("user")),
        (r#"{"user":"a b"}"#, 422, Some("user")),
        (r#"{"user":"a","name":"b"}"#, 422, Some("name")),
    ] {
        let answer = bench.call(Method::PUT, &format!("{path}/user"), body).await.problem();
        assert_eq!((answer.0, answer.2.as_deref()), (status, field), "{body}");
    }
}

#[tokio::test]
async fn a_removed_device_is_nobodys() {
    let bench = Bench::new().await;
    let device = bench.device("a").await;
    let path = format!("/v1/devices/{device}");
    bench.call(Method::PUT, &format!("{path}/user"), r#"{"user":"alice"}"#).await;
    let reader = bench.new_key(&[Scope::Read, Scope::Send], None).await;
    assert_eq!(bench.call_as(&reader, Method::DELETE, &path, "", &[]).await.problem().0, 403);
    let keeper = bench.new_key(&[Scope::Devices], None).await;
    assert_eq!(bench.call_as(&keeper, Method::DELETE, &path, "", &[]).await.status, 204);
    for gone in [path.as_str(), "/v1/devices/x"] {
        assert_eq!(bench.call_as(&keeper, Method::DELETE, gone, "", &[]).await.problem().1, "not_found");
    }
    assert_eq!(bench.get(&path).await.problem().1, "not_found");
    assert_eq!(bench.get("/v1/devices?to=user:alice").await.json()["items"], serde_json::json!([]));
}

#[tokio::test]
async fn a_device_holds_a_bounded_number_of_topics_and_tags() {
    let bench = Bench::new().await;
    let device = bench.device("a").await;
    let put = async |index: usize| bench.call(Method::PUT, &format!("/v1/devices/{device}/topics/t{index}"), "").await;
    for index in 0..MEMBERSHIPS_MAX {
        assert_eq!(put(index).await.status, 204, "{index}");
    }
    assert_eq!(put(MEMBERSHIPS_MAX).await.problem().1, "limit_reached");
    assert_eq!(put(0).await.status, 204);
}
