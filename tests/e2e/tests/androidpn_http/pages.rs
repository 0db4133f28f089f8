//! The pages, for whoever follows a redirect or still has them among the bookmarks.

use crate::world::{OTHER, World};

#[test]
fn pages_answer_everybody_and_list_nobody() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("bob")?;
    for path in [
        "/",
        "/Androidpn",
        "/Androidpn/",
        "/index.do",
        "/user.do",
        "/session.do",
        "/notification.do",
        "/notification_api.do",
        "/Androidpn/index.do",
        "/Androidpn/user.do",
        "/Androidpn/session.do",
        "/Androidpn/notification.do",
    ] {
        let page = world.raw(OTHER, format!("GET {path} HTTP/1.1\r\nHost: HOST\r\n\r\n").as_bytes())?;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{path}");
        assert!(page.header("content-security-policy").is_some() && !page.text().contains("bob"), "{path}");
    }
    let form = world.get("/notification.do")?.text();
    assert!(
        ["broadcast", "username", "title", "message", "uri"].iter().all(|name| form.contains(&format!("name={name}")))
    );
    drop(phone);
    Ok(())
}

#[test]
fn the_form_of_the_page_is_answered_by_a_page() -> anyhow::Result<()> {
    let world = World::new()?;
    let fields = "longwire_page=1&broadcast=Y&username=&title=t&message=m&uri=&apiKey=";
    let answer = world.post("/notification.do?action=send", fields)?;
    let id = answer.header("longwire-notification-id").unwrap_or_default().to_owned();
    assert!(answer.status == 200 && !id.is_empty() && answer.text().contains(&id), "{}", answer.text());
    for (fields, status, says) in [
        ("broadcast=Y&username=bob&title=t&message=m", 400, "all devices are chosen"),
        ("broadcast=Y&username=&title=&message=", 400, "are empty"),
        ("broadcast=N&username=<b>x</b>&title=t&message=m", 404, "no user &quot;&lt;b&gt;x&lt;/b&gt;&quot;"),
    ] {
        let refused = world.post("/notification.do?action=send", &format!("longwire_page=1&uri=&{fields}"))?;
        assert!(refused.status == status && refused.text().contains(says), "{fields}: {}", refused.text());
        assert!(refused.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{fields}");
    }
    Ok(())
}
