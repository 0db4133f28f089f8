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
    let own = world.post_from(TRUSTED, "/notification.do", &[("Origin", &origin)], FIELDS)?;
    assert_eq!(own.status, 302, "the form of our own page");
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
    assert_eq!(client.send("POST", "/notification.do", &[], FIELDS.as_bytes())?.status, 404);
    Ok(())
}
