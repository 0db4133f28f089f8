//! The ways to write one request: GET, form, both, multipart, under a prefix; and whom each dialect means.

use serde_json::Value;

use crate::world::{TRUSTED, World};

#[test]
fn a_request_can_be_written_in_five_ways() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut bob = world.phone("bob")?;
    let fields = "action=send&broadcast=Y&title=t&message=m&uri=";
    for prefix in ["", "/Androidpn", "/a%20b"] {
        let path = format!("{prefix}/notification.do");
        let (in_query, in_body) =
            fields.split_once("&title").map_or((fields, String::new()), |(a, b)| (a, format!("title{b}")));
        let answers = [
            world.get(&format!("{path}?{fields}"))?,
            world.post(&path, fields)?,
            world.post(&format!("{path}?{in_query}"), &in_body)?,
            world.post(&format!("{path}?{fields}"), "")?,
            world.raw(
                TRUSTED,
                &multipart(&path, &[("action", "send"), ("title", "t"), ("message", "m"), ("uri", "")]),
            )?,
        ];
        for answer in answers {
            assert!(answer.header("location").is_some_and(|page| page.starts_with(prefix)), "{:?}", answer.headers);
            let id = world.sent(&answer, 1)?;
            let push = bob.push()?;
            assert_eq!(
                (&push["id"], push["title"].as_str(), push["message"].as_str(), push["uri"].as_str()),
                (&id, "t", "m", "")
            );
        }
    }
    Ok(())
}

#[test]
fn no_path_leads_a_caller_to_another_host() -> anyhow::Result<()> {
    let world = World::new()?;
    let fields = "action=send&broadcast=Y&title=t&message=m&uri=";
    for path in [
        "//notification.do",
        "/%2f/notification.do",
        "/%5cevil.example/notification.do",
        "/../notification.do",
        "/%2e%2e/notification.do",
    ] {
        let answer = world.post(path, fields)?;
        assert_eq!((answer.status, answer.header("location")), (302, Some("/notification.do")), "{path}");
        world.sent(&answer, 0)?;
    }
    for path in ["///notification.do", "//evil.example/notification.do", "/a/b/notification.do"] {
        let answer = world.post(path, fields)?;
        assert_eq!((answer.status, answer.header("location")), (404, None), "{path}");
    }
    Ok(())
}

#[test]
fn a_script_reaches_a_phone_that_moved_to_the_new_library() -> anyhow::Result<()> {
    let world = World::new()?;
    let (mut old, mut moved) = (world.phone("bob")?, world.phone("a-name-nobody-knows")?);
    let send = |name: &str| {
        world.post("/notification.do", &format!("action=send&broadcast=N&username={name}&title=T&message=M&uri="))
    };
    assert_eq!(send("Alice")?.status, 404);
    let devices = world.api.get("/v1/devices")?.json();
    let items = devices["items"].as_array().cloned().unwrap_or_default();
    let device = items.iter().find(|item| item["account"] == "a-name-nobody-knows").expect("its device");
    let bind = |user: &str| {
        let path = format!("/v1/devices/{}/user", device["id"].as_str().unwrap_or_default());
        world.api.send("PUT", &path, &[], format!("{{\"user\":\"{user}\"}}").as_bytes())
    };
    assert_eq!(bind("Alice")?.status, 204);
    let id = world.sent(&send("Alice")?, 1)?;
    assert_eq!(moved.push()?["id"], id, "the user Alice");
    assert_eq!(send("alice")?.status, 404, "another user");
    assert_eq!(bind("bob")?.status, 204);
    let id = world.sent(&send("bob")?, 2)?;
    assert_eq!([&old.push()?["id"], &moved.push()?["id"]], [&id, &id], "the account bob and the user bob");
    let deliveries = world.api.get(&format!("/v1/notifications/{id}/deliveries"))?.json();
    let named = |account: &str| {
        let items = deliveries["items"].as_array()?;
        items.iter().find(|item| item["account"] == account).map(|item| item["user"].clone())
    };
    assert_eq!(
        (named("bob"), named("a-name-nobody-knows")),
        (Some(Value::Null), Some(Value::from("bob"))),
        "{deliveries}"
    );
    Ok(())
}

#[test]
fn broadcast_means_what_its_dialect_means() -> anyhow::Result<()> {
    let world = World::new()?;
    let (mut bob, mut eve) = (world.phone("bob")?, world.phone("eve")?);
    bob.is_called("bob", "Robert", "news,sport")?;
    for whom in ["broadcast=3&tag=sport", "broadcast=2&alias=Robert"] {
        longwire_test_support::until(&format!("{whom} to reach bob"), longwire_test_support::SOON, || {
            let sent = world.post("/notification.do", &format!("action=send&{whom}&title=probe&message=")).ok()?;
            (sent.header("longwire-audience") == Some("1")).then_some(())
        })?;
        assert_eq!(bob.push()?["title"], "probe");
    }
    for (fields, for_bob, for_eve) in [
        ("", true, true),
        ("broadcast=Y", true, true),
        ("broadcast=y&username=eve", true, true),
        ("broadcast=N&username=bob", true, false),
        ("broadcast=n&username=+BOB+", true, false),
        ("broadcast=0", true, true),
        ("broadcast=0&username=eve", false, true),
        ("broadcast=1&username=eve", false, true),
        ("broadcast=1&username=", true, true),
        ("broadcast=2&alias=Robert", true, false),
        ("broadcast=2&username=eve", false, true),
        ("broadcast=3&tag=news", true, false),
        ("broadcast=3&tags=x,sport", true, false),
        ("broadcast=3&username=eve", false, true),
        ("broadcast=true&username=eve", false, true),
        ("broadcast=True", true, true),
    ] {
        let answer = world.post("/notification.do", &format!("action=send&{fields}&title=T&message=M&uri="))?;
        let id = world.sent(&answer, u64::from(for_bob) + u64::from(for_eve))?;
        if for_bob {
            assert_eq!(bob.push()?["id"], id, "{fields}");
        }
        if for_eve {
            assert_eq!(eve.push()?["id"], id, "{fields}");
        }
    }
    Ok(())
}

#[test]
fn multipart_of_a_fork_is_understood() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut bob = world.phone("bob")?;
    let send = |broadcast: &str, more: &[(&str, &str)]| {
        let mut fields =
            vec![("action", "send"), ("broadcast", broadcast), ("title", "标题"), ("message", "m"), ("uri", "")];
        fields.extend(more);
        world.raw(TRUSTED, &multipart("/notification.do", &fields))
    };
    world.sent(&send("0", &[("username", "")])?, 1)?;
    assert_eq!(bob.push()?["title"], "标题");
    world.sent(&send("1", &[("username", "bob"), ("imageUrl", "http://h/a.png")])?, 1)?;
    assert_eq!(bob.push()?.get("imageUrl").map(String::as_str), Some("http://h/a.png"));
    assert_eq!(send("2", &[("alias", "nobody")])?.status, 404, "an alias that nobody has");
    world.sent(&send("3", &[("tag", "nobody")])?, 0)?;
    let picture = "--B\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\nPNG\r\n--B--\r\n";
    let path = "/notification.do?action=send&title=t&message=m";
    let head = format!("POST {path} HTTP/1.1\r\nHost: HOST\r\nContent-Type: multipart/form-data; boundary=B\r\n");
    let refused = world.raw(TRUSTED, format!("{head}Content-Length: {}\r\n\r\n{picture}", picture.len()).as_bytes())?;
    assert_eq!((refused.status, refused.field("field").as_str()), (400, "image"));
    assert!(refused.field("hint").contains("imageUrl"), "{}", refused.text());
    Ok(())
}

#[test]
fn what_is_sent_to_nobody_or_half_is_told() -> anyhow::Result<()> {
    let world = World::new()?;
    let answer = world.post("/notification.do", "action=send&broadcast=Y&title=t&message=m&uri=")?;
    world.sent(&answer, 0)?;
    assert!(answer.header("longwire-warning").is_some());
    for (fields, status, field) in [
        ("action=send&broadcast=Y&message=m&uri=", 400, "title"),
        ("action=send&broadcast=Y&title=t&uri=", 400, "message"),
        ("broadcast=Y&title=t&message=m&uri=", 400, "action"),
        ("action=delete&title=t&message=m", 404, "action"),
        ("action=send&broadcast=N&username=nobody&title=t&message=m&uri=", 404, "username"),
    ] {
        let refused = world.post("/notification.do", fields)?;
        assert_eq!((refused.status, refused.field("field").as_str()), (status, field), "{fields}");
        assert!(!refused.field("detail").is_empty() && refused.header("longwire-error").is_some());
    }
    let head = world.head("/notification.do?action=send&title=t&message=m")?;
    assert!(
        head.starts_with("HTTP/1.1 200") && !head.contains("longwire-notification-id"),
        "a HEAD sends nothing: {head}"
    );
    Ok(())
}

#[test]
fn json_is_answered_where_it_is_asked_for() -> anyhow::Result<()> {
    let world = World::new()?;
    let accept = [("Accept", "application/json")];
    let answer = world.post_from(TRUSTED, "/notification.do", &accept, "action=send&title=t&message=m")?;
    assert_eq!(answer.status, 202);
    let body = answer.json();
    assert_eq!((body["state"].as_str(), body["audience"].as_u64()), (Some("accepted"), Some(0)));
    assert_eq!(answer.header("longwire-notification-id"), body["id"].as_str());
    Ok(())
}

#[test]
fn what_an_old_phone_is_not_there_for_waits() -> anyhow::Result<()> {
    let world = World::new()?;
    drop(world.phone("bob")?);
    let id = world
        .sent(&world.post("/notification.do", "action=send&broadcast=N&username=bob&title=t&message=m&uri=")?, 1)?;
    let mut bob = crate::phone::Phone::logged_in(&world.server, "bob", "password-of-bob")?;
    assert_eq!(bob.push()?["id"], id);
    Ok(())
}

fn multipart(path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += &format!("--{BOUNDARY}--\r\n");
    format!(
        "POST {path} HTTP/1.1\r\nHost: HOST\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
