//! What watches the server: health, readiness, metrics, the API's own description.

use serde_json::{Value, json};

use crate::world::World;

#[test]
fn health_readiness_and_description_need_no_key() -> anyhow::Result<()> {
    let world = World::new()?;
    let anybody = world.server.client(None);
    for path in ["/healthz", "/readyz"] {
        let answer = anybody.get(path)?;
        assert_eq!((answer.status, answer.field("status")), (200, "ok".to_owned()), "{path}");
    }
    let description = anybody.get("/openapi.json")?;
    assert_eq!(description.status, 200);
    let description = description.json();
    assert!(description.get("openapi").and_then(Value::as_str).is_some_and(|version| version.starts_with("3.1")));
    let paths = description.get("paths").and_then(Value::as_object).expect("it lists paths");
    for path in [
        "/v1/notifications",
        "/v1/notifications/{id}",
        "/v1/notifications/{id}/deliveries",
        "/v1/devices",
        "/v1/devices/{id}",
        "/v1/devices/{id}/user",
        "/v1/devices/{id}/tags/{tag}",
        "/v1/devices/{id}/topics/{topic}",
        "/v1/keys",
    ] {
        assert!(paths.contains_key(path), "{path} is not described");
    }
    Ok(())
}

#[test]
fn every_described_path_refuses_a_caller_without_a_key() -> anyhow::Result<()> {
    let world = World::new()?;
    let anybody = world.server.client(None);
    let description = anybody.get("/openapi.json")?.json();
    let paths = description.get("paths").and_then(Value::as_object).expect("it lists paths");
    let mut asked = 0;
    for (path, methods) in paths.iter().filter(|(path, _)| path.starts_with("/v1/")) {
        let concrete =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        for method in methods.as_object().expect("methods by name").keys() {
            let answer = anybody.send(&method.to_uppercase(), &concrete, &[], b"")?;
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
            asked += 1;
        }
    }
    assert!(asked >= 12, "only {asked} operations are described");
    Ok(())
}

#[test]
fn metrics_count_sessions_and_the_way_of_a_notification() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let head = world.metric("longwire_log_head")?;
    assert_eq!(world.metric("longwire_sessions")?, 1);
    world.still_serves(&phone)?;
    longwire_test_support::until("the acknowledgement to be counted", longwire_test_support::SOON, || {
        (world.metric("longwire_acknowledged_total").ok()? == 1).then_some(())
    })?;
    assert_eq!(world.metric("longwire_accepted_total")?, 1);
    assert_eq!(world.metric("longwire_sent_total")?, 1);
    assert_eq!(world.metric("longwire_log_head")?, head + 1);
    let text = world.api.get("/metrics")?.text();
    for histogram in ["longwire_accept_seconds_bucket", "longwire_delivery_seconds_bucket"] {
        assert!(text.contains(histogram), "{histogram} is missing");
    }
    Ok(())
}

#[test]
fn devices_are_listed_with_what_they_belong_to() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let device = phone.id()?;
    world.bind_user(&device, "alice")?;
    world.join(&device, "topics", "news")?;
    world.join(&device, "tags", "beta")?;
    let record = world.api.get(&format!("/v1/devices/{device}"))?.json();
    assert_eq!(record.get("id"), Some(&json!(device)), "{record}");
    assert_eq!(record.get("app"), Some(&json!("default")), "{record}");
    assert_eq!(record.get("user"), Some(&json!("alice")), "{record}");
    assert_eq!(record.get("topics"), Some(&json!(["news"])), "{record}");
    assert_eq!(record.get("tags"), Some(&json!(["beta"])), "{record}");
    assert_eq!(record.get("online"), Some(&json!(true)), "{record}");
    let listed = world.api.get("/v1/devices")?.json();
    assert_eq!(listed.get("items"), Some(&json!([record])), "{listed}");
    world.change("DELETE", &device, "user", &Value::Null)?;
    world.change("DELETE", &device, "topics/news", &Value::Null)?;
    world.change("DELETE", &device, "tags/beta", &Value::Null)?;
    let record = world.api.get(&format!("/v1/devices/{device}"))?.json();
    assert_eq!(record.get("user"), Some(&Value::Null), "{record}");
    assert_eq!((record.get("topics"), record.get("tags")), (Some(&json!([])), Some(&json!([]))), "{record}");
    Ok(())
}
