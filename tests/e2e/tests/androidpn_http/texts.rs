//! Every text arrives or is refused with a reason, in every field, and nothing breaks a stream.

use crate::world::{TRUSTED, World};

#[test]
fn texts_arrive_in_every_field() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut bob = world.phone("bob")?;
    for text in [
        "안녕하세요",
        "你好，世界",
        "😀𠀀👩‍👩‍👧",
        "&<>\"'",
        "]]>",
        "<b/>&amp;&#1;",
        "line\nline\r\nline\ttab",
        "a\u{7f}\u{85}b",
        "100%",
    ] {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let fields = format!("action=send&broadcast=Y&title={encoded}&message={encoded}&uri={encoded}");
        for answer in [world.post("/notification.do", &fields)?, world.get(&format!("/notification.do?{fields}"))?] {
            let id = world.sent(&answer, 1)?;
            let push = bob.push()?;
            assert_eq!(push["id"], id);
            for field in ["title", "message", "uri"] {
                assert_eq!(push[field], text, "{field}");
            }
        }
    }
    Ok(())
}

#[test]
fn what_xml_cannot_carry_is_refused_by_its_field() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut bob = world.phone("bob")?;
    for encoded in ["%01", "%00", "a%0Bb", "%1F", "%EF%BF%BF"] {
        for field in ["title", "message", "uri"] {
            let value = |name: &str| if name == field { encoded } else { "x" };
            let fields = format!(
                "action=send&broadcast=Y&title={}&message={}&uri={}",
                value("title"),
                value("message"),
                value("uri")
            );
            let refused = world.post("/notification.do", &fields)?;
            assert_eq!((refused.status, refused.field("field").as_str()), (400, field), "{encoded}");
            assert!(refused.field("detail").contains("U+"), "{}", refused.text());
        }
    }
    let id = world.sent(&world.post("/notification.do", "action=send&title=t&message=m")?, 1)?;
    assert_eq!(bob.push()?["id"], id, "the stream goes on");
    Ok(())
}

#[test]
fn other_character_sets_are_refused_and_say_so() -> anyhow::Result<()> {
    let world = World::new()?;
    let request = |body: &[u8], more: &str| {
        let head = format!(
            "POST /notification.do?action=send HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded{more}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        world.raw(TRUSTED, &[head.as_bytes(), body].concat())
    };
    for (body, more) in [
        (&b"title=%C4%E3%BA%C3&message=m"[..], ""),
        (b"title=\xc4\xe3\xba\xc3&message=m", ""),
        ("title=你&message=m".as_bytes(), "; charset=GBK"),
    ] {
        let refused = request(body, more)?;
        assert_eq!((refused.status, refused.field("field").as_str()), (400, "title"));
        assert!(refused.field("hint").contains("UTF-8"), "{}", refused.text());
    }
    world.sent(&request("title=你&message=m".as_bytes(), "; charset=ISO-8859-1")?, 0)?;
    Ok(())
}

#[test]
fn sizes_are_bounded() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut bob = world.phone("bob")?;
    let fields = |length: usize| format!("action=send&title=t&message={}", "x".repeat(length));
    let id = world.sent(&world.post("/notification.do", &fields(64 * 1024 - 1))?, 1)?;
    let push = bob.push()?;
    assert_eq!((&push["id"], push["message"].len()), (&id, 64 * 1024 - 1));
    assert_eq!(world.post("/notification.do", &fields(64 * 1024))?.status, 413);
    assert_eq!(world.post("/notification.do", &fields(300_000))?.status, 413);
    Ok(())
}
