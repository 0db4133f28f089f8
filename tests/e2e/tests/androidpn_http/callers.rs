//! The requests of known callers, byte by byte as their libraries write them, and what each takes for success.

use longwire_test_support::Response;

use crate::world::{TRUSTED, World};

/// A request of a library: its head up to the length of the body, and the body.
fn request(head: &str, body: &str) -> Vec<u8> {
    format!("{}\r\n\r\n{body}", head.replace("LENGTH", &body.len().to_string())).into_bytes()
}

/// LazyLibrarian on Python 2 (`urllib2`), which follows redirects and takes what is below 400 for success.
const LAZY_LIBRARIAN: &str = "POST /notification.do HTTP/1.1\r\nAccept-Encoding: identity\r\nContent-Length: LENGTH\r\nHost: HOST\r\n\
                              Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nUser-Agent: Python-urllib/2.7";
/// CouchPotato (`requests`), which names itself after a browser and says that its request comes from the server's own page.
const COUCH_POTATO: &str = "POST /notification.do HTTP/1.1\r\nHost: HOST\r\nContent-Length: LENGTH\r\n\
                            Referer: http://HOST\r\nCache-Control: max-age=0\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nUser-Agent: Mozilla/5.0 (Windows NT 6.1; WOW64; rv:24.0) \
                            Gecko/20130519 Firefox/24.0\r\nConnection: keep-alive\r\nContent-type: application/x-www-form-urlencoded";
/// pyclient on Python 3 (`urllib.request`).
const PYCLIENT: &str = "POST /notification.do HTTP/1.1\r\nAccept-Encoding: identity\r\n\
                        Content-Type: application/x-www-form-urlencoded\r\nContent-Length: LENGTH\r\nHost: HOST\r\n\
                        User-Agent: Python-urllib/3.4\r\nConnection: close";
/// curl, as the comment in pyclient shows it.
const CURL: &str = "POST /notification.do HTTP/1.1\r\nHost: HOST\r\nUser-Agent: curl/7.35.0\r\nAccept: */*\r\n\
                    Content-Length: LENGTH\r\nContent-Type: application/x-www-form-urlencoded";
/// Java's `HttpURLConnection`, as the example of a fork uses it.
const JAVA: &str = "POST /notification_api.do HTTP/1.1\r\nUser-Agent: Java/1.6.0_29\r\nHost: HOST\r\n\
                    Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\nConnection: keep-alive\r\n\
                    Content-type: application/x-www-form-urlencoded\r\nContent-Length: LENGTH";

#[test]
fn lazy_librarian_sends_to_one_and_to_all() -> anyhow::Result<()> {
    let world = World::new()?;
    let (mut bob, mut eve) = (world.phone("bob")?, world.phone("eve")?);
    let body =
        "username=bob&uri=&title=Test&broadcast=N&action=send&message=This+is+a+test+notification+from+Sick+Beard";
    world.sent(&world.raw(TRUSTED, &request(LAZY_LIBRARIAN, body))?, 1)?;
    let push = bob.push()?;
    assert_eq!(
        (push["title"].as_str(), push["message"].as_str()),
        ("Test", "This is a test notification from Sick Beard")
    );
    assert_eq!((push["uri"].as_str(), push["apiKey"].as_str()), ("", "1234567890"));
    let body = "username=&uri=&title=Snatched&broadcast=Y&action=send&message=%E4%BD%A0%E5%A5%BD";
    let id = world.sent(&world.raw(TRUSTED, &request(LAZY_LIBRARIAN, body))?, 2)?;
    for phone in [&mut bob, &mut eve] {
        let push = phone.push()?;
        assert_eq!((push["title"].as_str(), push["message"].as_str(), &push["id"]), ("Snatched", "你好", &id));
    }
    Ok(())
}

#[test]
fn lazy_librarian_is_told_what_it_knows_to_report() -> anyhow::Result<()> {
    let world = World::new()?;
    let send = |body: &str| world.raw(TRUSTED, &request(LAZY_LIBRARIAN, body));
    let unknown = send("username=nobody&uri=&title=T&broadcast=N&action=send&message=M")?;
    assert_eq!((unknown.status, unknown.header("longwire-error")), (404, Some("not_found")));
    let nobody = send("username=&uri=&title=T&broadcast=N&action=send&message=M")?;
    assert_eq!((nobody.status, nobody.field("field").as_str()), (400, "username"));
    Ok(())
}

#[test]
fn couch_potato_says_a_number_where_others_say_a_letter() -> anyhow::Result<()> {
    let world = World::new()?;
    let (mut bob, mut eve) = (world.phone("bob")?, world.phone("eve")?);
    let body = |broadcast: &str, username: &str| {
        format!(
            "username={username}&uri=&title=CouchPotato&broadcast={broadcast}&action=send&message=Snatched+%26+done"
        )
    };
    let send = |broadcast: &str, username: &str| world.raw(TRUSTED, &request(COUCH_POTATO, &body(broadcast, username)));
    for broadcast in ["1", "True", "0"] {
        world.sent(&send(broadcast, "")?, 2)?;
        assert_eq!([bob.push()?["message"].as_str(), eve.push()?["message"].as_str()], ["Snatched & done"; 2]);
    }
    for broadcast in ["1", "0", "False"] {
        world.sent(&send(broadcast, "bob")?, 1)?;
        assert_eq!(bob.push()?["title"], "CouchPotato");
    }
    Ok(())
}

#[test]
fn pyclient_says_none_for_nothing() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut bob = world.phone("bob")?;
    let body = "title=test&message=eu&action=send&broadcast=Y&uri=None&username=None";
    world.sent(&world.raw(TRUSTED, &request(PYCLIENT, body))?, 1)?;
    assert_eq!(bob.push()?["uri"], "None", "as the original hands it on");
    Ok(())
}

#[test]
fn curl_and_the_address_of_a_readme_send() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut bob = world.phone("bob")?;
    let body = "title=test&message=eu&action=send&broadcast=Y&uri=";
    world.sent(&world.raw(TRUSTED, &request(CURL, body))?, 1)?;
    assert_eq!(bob.push()?["title"], "test");
    world.sent(&world.get("/notification.do?title=Door&message=Bell+rang&broadcast=Y&uri=&action=send")?, 1)?;
    assert_eq!(bob.push()?["message"], "Bell rang");
    Ok(())
}

#[test]
fn the_example_of_a_fork_gets_its_result() -> anyhow::Result<()> {
    let world = World::new()?;
    let name = "82e4c4dffc394761b1af1230803969ed";
    let success = |answer: &Response| {
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"result":"0","description":"success"}"#));
        assert!(answer.header("longwire-notification-id").is_some() && answer.header("longwire-audience") == Some("1"));
    };
    let mut phone = world.phone(name)?;
    // Unencoded, as it stands in the example.
    let body = format!("action=send&broadcast=N&username={name}&title=FE协作平台&message=POST世界，你好&uri=");
    success(&world.raw(TRUSTED, &request(JAVA, &body))?);
    let push = phone.push()?;
    assert_eq!((push["title"].as_str(), push["message"].as_str()), ("FE协作平台", "POST世界，你好"));
    let get = format!("/notification_api.do?{}", body.replace("POST世界，你好", "GET%E4%BD%A0"));
    success(&world.get(&get)?);
    assert_eq!(phone.push()?["message"], "GET你");
    let unknown = world.get("/notification_api.do?action=send&broadcast=N&username=x&title=a&message=b&uri=")?;
    assert_eq!((unknown.status, unknown.field("result").as_str()), (404, "1"));
    assert!(unknown.field("description").contains("no user"), "{}", unknown.text());
    Ok(())
}

#[test]
fn users_are_listed_as_a_fork_lists_them() -> anyhow::Result<()> {
    let world = World::new()?;
    let online = world.phone("bob")?;
    drop(world.phone("anna")?);
    assert_eq!(world.get("/user_api.do")?.text(), r#"{"data":["anna", "bob"]}"#);
    longwire_test_support::until("anna is seen to be away", longwire_test_support::SOON, || {
        let away = world.get("/user_api.do?from=2012-04-13%2016:33:34&online=0").ok()?;
        (away.text() == r#"{"data":["anna"]}"#).then_some(())
    })?;
    assert_eq!(world.get("/Androidpn/user_api.do?online=1")?.text(), r#"{"data":["bob"]}"#);
    assert_eq!(world.get("/user_api.do?from=2999-01-01%2000:00:00")?.text(), r#"{"data":[]}"#);
    assert_eq!(world.get("/user_api.do?from=yesterday")?.status, 400);
    drop(online);
    Ok(())
}
