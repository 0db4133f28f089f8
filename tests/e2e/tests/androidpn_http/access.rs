//! Who may send: trusted addresses, and keys in the three places where scripts can put them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::world::{OTHER, TRUSTED, World};

const FIELDS: &str = "action=send&broadcast=Y&title=t&message=m&uri=";

#[test]
fn another_address_needs_a_key() -> anyhow::Result<()> {
    let world = World::new()?;
    let post = |headers: &[(&str, &str)], more: &str| {
        world.post_from(OTHER, "/notification.do", headers, &format!("{FIELDS}{more}"))
    };
    let refused = post(&[], "")?;
    assert_eq!((refused.status, refused.header("longwire-error")), (401, Some("no_key")));
    assert!(refused.text().contains("127.0.0.2") && refused.header("www-authenticate").is_some(), "{}", refused.text());
    assert_eq!(post(&[], "&apiKey=1234567890")?.status, 401, "what the original shipped with opens nothing");
    let (send, read) = (world.server.make_key("send")?, world.server.make_key("read")?);
    let basic = format!("Basic {}", STANDARD.encode(format!("any:{send}")));
    for (headers, more) in [
        (vec![("Authorization", format!("Bearer {send}"))], String::new()),
        (vec![("Authorization", basic)], String::new()),
        (vec![], format!("&apiKey={send}")),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.sent(&post(&headers, &more)?, 0)?;
    }
    assert_eq!(post(&[], &format!("&apiKey={read}"))?.status, 403, "a key without the scope");
    for path in ["/user_api.do", "/notification_api.do?action=send&title=t&message=m", "/notification.do?title=t"] {
        let refused = world.raw(OTHER, format!("GET {path} HTTP/1.1\r\nHost: HOST\r\n\r\n").as_bytes())?;
        assert_eq!(refused.status, 401, "{path}");
    }
    let users = format!("GET /user_api.do?apiKey={read} HTTP/1.1\r\nHost: HOST\r\n\r\n");
    assert_eq!(world.raw(OTHER, users.as_bytes())?.text(), r#"{"data":[]}"#);
    Ok(())
}

#[test]
fn the_configuration_names_who_is_trusted() -> anyhow::Result<()> {
    let world = World::with(|options| options.with_variable("LONGWIRE_ANDROIDPN_TRUSTED", "127.0.0.2"))?;
    world_sends(&world, OTHER, true)?;
    world_sends(&world, TRUSTED, false)?;
    let world = World::with(|options| options.with_variable("LONGWIRE_ANDROIDPN_TRUSTED", ""))?;
    world_sends(&world, OTHER, false)?;
    world_sends(&world, TRUSTED, false)
}

fn world_sends(world: &World, source: std::net::IpAddr, may: bool) -> anyhow::Result<()> {
    let answer = world.post_from(source, "/notification.do", &[], FIELDS)?;
    assert_eq!(answer.status, if may { 302 } else { 401 }, "{source}");
    Ok(())
}

#[test]
fn headers_give_no_trust_and_can_take_it() -> anyhow::Result<()> {
    let world = World::new()?;
    for header in [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1"), ("X-Real-IP", "127.0.0.1")] {
        for source in [OTHER, TRUSTED] {
            let answer = world.post_from(source, "/notification.do", &[header], FIELDS)?;
            assert_eq!(answer.status, 401, "{header:?} from {source}");
        }
    }
    for header in [("Origin", "http://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")] {
        let answer = world.post_from(TRUSTED, "/notification.do", &[header], FIELDS)?;
        assert_eq!(answer.status, 401, "{header:?}: a page of another site");
    }
    let origin = format!("http://{}", world.server.ready.http);
    for (header, named) in [(("X-Forwarded-For", "::1"), "x-forwarded-for"), (("Origin", "null"), "Origin")] {
        let plain = world.post_from(TRUSTED, "/notification.do", &[header], FIELDS)?;
        assert!(plain.field("detail").contains(named), "it says what took the trust away: {}", plain.text());
        let fork = world.post_from(TRUSTED, "/notification_api.do", &[header], FIELDS)?;
        assert!(fork.field("description").contains(named), "{}", fork.text());
        assert_eq!(fork.header("longwire-error"), Some("no_key"));
    }
    let own = world.post_from(TRUSTED, "/notification.do", &[("Origin", &origin)], FIELDS)?;
    assert_eq!(own.status, 302, "the form of our own page");
    Ok(())
}

/// Sends a request with a `Host` of its own from a trusted address.
fn named(world: &World, head: &str, host: &str, headers: &str, body: &str) -> anyhow::Result<u16> {
    let request = format!(
        "{head} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Ok(world.raw(TRUSTED, request.as_bytes())?.status)
}

#[test]
fn a_page_that_leads_its_name_here_is_no_script_whatever_name_scripts_use() -> anyhow::Result<()> {
    let world = World::new()?;
    let post = |host: &str, headers: &str| named(&world, "POST /notification.do", host, headers, FIELDS);
    let get = |host: &str, headers: &str| named(&world, &format!("GET /notification.do?{FIELDS}"), host, headers, "");
    for host in ["nas", "push.lan:7070", "10.0.0.5"] {
        assert_eq!(post(host, "")?, 302, "a script, {host}");
        assert_eq!(get(host, "")?, 302, "a script, {host}");
    }
    let evil = "evil.example:7070";
    let own = "Origin: http://evil.example:7070\r\nAccept-Language: en\r\n";
    assert_eq!(post(evil, own)?, 401, "its own origin is not this server's");
    assert_eq!(post(evil, &format!("{own}Sec-Fetch-Site: same-origin\r\n"))?, 401);
    assert_eq!(get(evil, "Accept-Language: en\r\n")?, 401);
    assert_eq!(get(evil, "Accept-Language: en\r\nReferer: http://evil.example:7070/\r\n")?, 401);
    assert_eq!(named(&world, "GET /user_api.do", evil, "Accept-Language: en\r\n", "")?, 401);
    // A picture in a page of another site.
    let picture = "Accept: image/*\r\nAccept-Language: en\r\n";
    for more in ["", "Referer: http://evil.example/\r\n"] {
        assert_eq!(get("10.0.0.5:7070", &format!("{picture}{more}"))?, 401);
    }
    // The form of this server's page.
    for host in ["localhost:7070", "127.0.0.1:7070", "[::1]:7070", "10.0.0.5:7070"] {
        assert_eq!(post(host, &format!("Origin: http://{host}\r\nAccept-Language: en\r\n"))?, 302, "{host}");
    }
    let key = world.server.make_key("send")?;
    let with_key = format!("{FIELDS}&apiKey={key}");
    assert_eq!(named(&world, "POST /notification.do", evil, own, &with_key)?, 302, "whoever has a key may");
    Ok(())
}

#[test]
fn a_refused_call_is_in_the_log_without_what_it_held() -> anyhow::Result<()> {
    let world = World::new()?;
    assert_eq!(world.post_from(OTHER, "/notification.do", &[], &format!("{FIELDS}&apiKey=lw_hush_hush"))?.status, 401);
    assert_eq!(
        world.post("/x/notification_api.do", "action=send&broadcast=N&username=hush&title=hush&message=m")?.status,
        404
    );
    assert_eq!(world.get("/hush.do?title=hush")?.status, 404);
    let lines = longwire_test_support::until("three lines", longwire_test_support::SOON, || {
        let log = world.server.log();
        let lines: Vec<String> =
            log.lines().filter(|line| line.contains("call was refused")).map(str::to_owned).collect();
        (lines.len() == 3).then_some(lines)
    })?;
    assert!(
        lines[0].contains("127.0.0.2") && lines[0].contains("401") && lines[0].contains("unknown_key"),
        "{lines:?}"
    );
    assert!(lines[1].contains("127.0.0.1") && lines[1].contains("404") && lines[1].contains("username"), "{lines:?}");
    assert!(!world.server.log().contains("hush"), "{}", world.server.log());
    Ok(())
}

#[test]
fn nothing_of_it_is_there_without_the_flag() -> anyhow::Result<()> {
    let place = longwire_test_support::folder();
    let server = longwire_test_support::Server::start(&place.path().join("server"))?;
    let client = server.client(server.api_key.as_deref());
    for path in ["/", "/index.do", "/notification.do", "/user_api.do", "/Androidpn/notification.do"] {
        assert_eq!(client.get(path)?.status, 404, "{path}");
    }
    let refused = client.send("POST", "/notification.do", &[], FIELDS.as_bytes())?;
    assert!(refused.status == 404 && refused.field("hint").contains("--androidpn"), "{}", refused.text());
    Ok(())
}
