//! Sending, recalling, and learning what became of it.

use axum::http::Method;

use crate::bench::Bench;

#[tokio::test]
async fn a_notification_is_accepted_and_told_of() {
    let bench = Bench::new().await;
    let device = bench.device("a").await;
    let put = bench.call(Method::PUT, &format!("/v1/devices/{device}/user"), r#"{"user":"alice"}"#).await;
    assert_eq!(put.status, 204);
    let answer = bench.post(r#"{"to":"user:alice","title":"Door","body":"Bell"}"#).await;
    assert_eq!(answer.status, 202);
    let accepted = answer.json();
    assert_eq!((accepted["state"].as_str(), accepted["audience"].as_u64()), (Some("accepted"), Some(1)));
    assert!(accepted.get("warnings").is_none());
    let location = answer.header("location").to_owned();
    assert_eq!(location, format!("/v1/notifications/{}", accepted["id"].as_str().expect("an id")));

    let status = bench.get(&location).await.json();
    assert_eq!(status["id"], accepted["id"]);
    assert_eq!(status["state"], "accepted");
    assert_eq!(status["counts"]["accepted"], 1);
    assert_eq!(status["audience"], 1);
    assert_eq!(status["created_at"], "2025-11-21T11:42:00.000Z");
    assert_eq!(status["expires_at"], "2025-12-19T11:42:00.000Z");

    let deliveries = bench.get(&format!("{location}/deliveries")).await.json();
    assert_eq!(deliveries["items"][0]["device"], device.to_string());
    assert_eq!(deliveries["items"][0]["state"], "accepted");
    assert_eq!(deliveries["items"][0]["at"]["accepted"], "2025-11-21T11:42:00.000Z");
    assert!(deliveries["next"].is_null());
}

#[tokio::test]
async fn a_delivery_names_the_account_and_the_user_of_its_device() {
    let bench = Bench::new().await;
    let device = bench.device("w3k9x1").await;
    let bound = format!("/v1/devices/{device}/user");
    let location = async || bench.post(r#"{"to":"all","title":"T"}"#).await.header("location").to_owned();
    let unbound = location().await;
    assert_eq!(bench.call(Method::PUT, &bound, r#"{"user":"alice"}"#).await.status, 204);
    let of_alice = location().await;
    assert_eq!(bench.call(Method::PUT, &bound, r#"{"user":"bob"}"#).await.status, 204);
    let told = async |location: &str| {
        let item = bench.get(&format!("{location}/deliveries")).await.json()["items"][0].clone();
        (item["account"].as_str().map(str::to_owned), item["user"].as_str().map(str::to_owned))
    };
    let account = || Some("w3k9x1".to_owned());
    assert_eq!(told(&unbound).await, (account(), None));
    assert_eq!(told(&of_alice).await, (account(), Some("alice".to_owned())), "whoever has the device by now");
    assert_eq!(bench.call(Method::DELETE, &format!("/v1/devices/{device}"), "").await.status, 204);
    assert_eq!(told(&of_alice).await, (None, Some("alice".to_owned())));
}

#[tokio::test]
async fn an_audience_without_members_is_accepted_with_a_warning() {
    let bench = Bench::new().await;
    for to in [r#""user:nobody""#, r#"["topic:a/b","tag:beta"]"#, r#""all""#] {
        let answer = bench.post(&format!(r#"{{"to":{to},"title":"T"}}"#)).await;
        assert_eq!(answer.status, 202, "{to}");
        assert_eq!(answer.json()["audience"], 0, "{to}");
        assert!(answer.json()["warnings"][0].as_str().is_some_and(|text| text.contains("no devices")), "{to}");
    }
    let device = "device:0199a0b1-c2d3-4e4f-8a5b-6c7d8e9f0a1b";
    let answer = bench.post(&format!(r#"{{"to":["all","{device}"],"title":"T"}}"#)).await;
    assert_eq!(answer.problem(), (422, "unknown_device".to_owned(), Some("to".to_owned())));
}

#[tokio::test]
async fn now_or_never_is_not_kept() {
    let bench = Bench::new().await;
    let answer = bench.post(r#"{"to":"all","title":"T","ttl":0}"#).await;
    assert_eq!((answer.status.as_u16(), answer.json()["state"].as_str()), (200, Some("sent")));
    assert_eq!(answer.json()["sessions"], 0);
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(bench.get(&format!("/v1/notifications/{id}")).await.problem().0, 404);
    let headers = [("idempotency-key", "k1")];
    let body = r#"{"to":"all","title":"T","ttl":0}"#;
    let answer = bench.call_as(&bench.key, Method::POST, "/v1/notifications", body, &headers).await;
    assert_eq!(answer.problem(), (422, "invalid_field".to_owned(), Some("Idempotency-Key".to_owned())));
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_again() {
    let bench = Bench::new().await;
    let post = async |key: &str, body: &str| {
        bench.call_as(&bench.key, Method::POST, "/v1/notifications", body, &[("Idempotency-Key", key)]).await
    };
    let body = r#"{"to":"all","title":"T"}"#;
    let first = post("k1", body).await;
    assert_eq!(first.status, 202);
    // Devices that come in between change nothing about the answer.
    bench.device("a").await;
    let again = post("k1", body).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("location"), first.header("location"));
    let other_body = post("k1", r#"{"to":"all","title":"T" }"#).await;
    assert_eq!(other_body.problem(), (422, "idempotency_mismatch".to_owned(), Some("Idempotency-Key".to_owned())));
    let other_key = post("k2", body).await;
    assert_ne!(other_key.json()["id"], first.json()["id"]);
    for wrong in ["", "a b", "é", &"k".repeat(256)] {
        assert_eq!(post(wrong, body).await.problem().0, 422, "{wrong:?}");
    }
    assert_eq!(post(&"k".repeat(255), body).await.status, 202);
}

#[tokio::test]
async fn repeats_side_by_side_make_one_notification() {
    let bench = std::sync::Arc::new(Bench::new().await);
    let mut posts = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let bench = std::sync::Arc::clone(&bench);
        posts.spawn(async move {
            let headers = [("Idempotency-Key", "same")];
            let body = r#"{"to":"all","title":"T"}"#;
            bench.call_as(&bench.key, Method::POST, "/v1/notifications", body, &headers).await.text
        });
    }
    let answers: std::collections::HashSet<String> = posts.join_all().await.into_iter().collect();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn a_recall_is_idempotent() {
    let bench = Bench::new().await;
    bench.device("a").await;
    let location = bench.post(r#"{"to":"all","title":"T"}"#).await.header("location").to_owned();
    for _ in 0..2 {
        let answer = bench.call(Method::DELETE, &location, "").await;
        assert_eq!((answer.status.as_u16(), answer.json()["state"].as_str()), (200, Some("recalled")));
    }
    assert_eq!(bench.get(&location).await.json()["state"], "recalled");
    for unknown in ["/v1/notifications/0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b", "/v1/notifications/x%20y"] {
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(bench.call(method, unknown, "").await.problem().1, "not_found");
        }
        assert_eq!(bench.get(&format!("{unknown}/deliveries")).await.problem().1, "not_found");
    }
}

#[tokio::test]
async fn deliveries_are_paged_without_gap_or_repeat() {
    let bench = Bench::new().await;
    let mut devices = Vec::new();
    for index in 0..7 {
        devices.push(bench.device(&format!("a{index}")).await.to_string());
    }
    devices.sort_unstable();
    let location = bench.post(r#"{"to":"all","title":"T"}"#).await.header("location").to_owned();
    let mut seen = Vec::new();
    let mut path = format!("{location}/deliveries?limit=3");
    loop {
        let page = bench.get(&path).await.json();
        let items = page["items"].as_array().expect("items");
        seen.extend(items.iter().map(|item| item["device"].as_str().expect("a device").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{location}/deliveries?limit=3&cursor={next}");
        // A cursor is good for its own list only.
        assert_eq!(bench.get(&format!("/v1/devices?cursor={next}")).await.problem().1, "bad_cursor");
    }
    assert_eq!(seen, devices);
    for wrong in ["limit=0", "limit=1001", "limit=x", "cursor=x", "page=2", "limit=1&limit=2"] {
        assert_eq!(bench.get(&format!("{location}/deliveries?{wrong}")).await.problem().0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_notification_is_changed_until_it_is_over() {
    let bench = Bench::new().await;
    bench.device("a").await;
    let sent = bench.post(r#"{"to":"all","title":"Door","body":"Bell","ttl":60}"#).await;
    let path = sent.header("location").to_owned();
    let change = async |body: &str| bench.call(Method::PATCH, &path, body).await;
    let changed = change(r#"{"body":"Twice"}"#).await;
    assert_eq!((changed.status.as_u16(), changed.header("location")), (202, path.as_str()), "{}", changed.text);
    let changed = changed.json();
    assert_eq!((&changed["id"], &changed["state"]), (&sent.json()["id"], &serde_json::json!("accepted")));
    assert_eq!(changed["audience"], 1);
    assert!(changed["update"].as_str().is_some_and(|update| update != changed["id"]));
    assert_eq!(change(r#"{"body":null,"title":null}"#).await.problem().1, "missing_field");
    assert_eq!(change(r#"{"to":"all"}"#).await.problem(), (422, "unknown_field".to_owned(), Some("to".to_owned())));
    assert_eq!(bench.get(&path).await.json()["state"], "accepted");
    let update = format!("/v1/notifications/{}", changed["update"].as_str().expect("an id"));
    assert_eq!(bench.call(Method::PATCH, &update, r#"{"body":"x"}"#).await.problem().0, 404);
    assert_eq!(bench.call(Method::PATCH, "/v1/notifications/x", r#"{"body":"x"}"#).await.problem().0, 404);
    bench.clock.advance(60_000);
    assert_eq!(change(r#"{"body":"x"}"#).await.problem().1, "expired");
    let path = bench.post(r#"{"to":"all","title":"Door"}"#).await.header("location").to_owned();
    assert_eq!(bench.call(Method::DELETE, &path, "").await.status, 200);
    let refused = bench.call(Method::PATCH, &path, r#"{"body":"x"}"#).await;
    assert_eq!(refused.problem(), (409, "recalled".to_owned(), None));
}

#[tokio::test]
async fn a_repeated_change_is_made_once() {
    let bench = Bench::new().await;
    let path = async || bench.post(r#"{"to":"all","title":"Door"}"#).await.header("location").to_owned();
    let (first, second) = (path().await, path().await);
    let headers = [("idempotency-key", "k1")];
    let change = async |path: &str, body: &str| bench.call_as(&bench.key, Method::PATCH, path, body, &headers).await;
    let changed = change(&first, r#"{"body":"a"}"#).await;
    let repeated = change(&first, r#"{"body":"a"}"#).await;
    assert_eq!((repeated.status.as_u16(), &repeated.text), (202, &changed.text));
    assert_eq!(repeated.header("location"), first);
    for (path, body) in [(&first, r#"{"body":"b"}"#), (&second, r#"{"body":"a"}"#)] {
        assert_eq!(change(path, body).await.problem().1, "idempotency_mismatch");
    }
}
