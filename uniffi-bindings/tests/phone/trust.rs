//! Whom the phone trusts, and the words for whom it does not.

use crate::{PushState, Trust, World};

/// Why it waits, once it does.
fn refusal(world: &World) -> (String, String) {
    world.client.start().expect("starts");
    world.platform.wait_until(|seen| matches!(seen.states.last(), Some(PushState::Waiting { .. })));
    match world.platform.seen().states.pop() {
        Some(PushState::Waiting { reason, text, .. }) => (reason, text),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn the_platform_is_asked_with_the_chain_and_the_domain() {
    let world = World::with(|config| config.trust = Trust::Platform);
    world.client.start().expect("starts");
    world.platform.wait_online();
    assert_eq!(world.platform.seen().checked, [(1, "localhost".to_owned())]);
}

#[test]
fn whom_the_platform_does_not_trust_hears_nothing() {
    let world = World::with(|config| config.trust = Trust::Platform);
    world.platform.fail("check_certificate", 1_000);
    let (reason, text) = refusal(&world);
    assert_eq!(reason, "certificate");
    assert!(text.contains("check_certificate was made to fail"), "{text}");
    assert!(world.server.read(|state| state.mechanisms.is_empty()));
}

#[test]
fn a_name_that_is_not_in_the_certificate_is_refused_whatever_the_platform_says() {
    let world = World::with(|config| {
        config.trust = Trust::Platform;
        config.domain = "push.example.com".to_owned();
    });
    let (reason, text) = refusal(&world);
    assert_eq!(
        (reason.as_str(), text.as_str()),
        ("certificate", "the server's certificate is not for push.example.com")
    );
    assert!(world.platform.seen().checked.is_empty());
}

#[test]
fn a_pinned_key_is_trusted_and_another_is_not() {
    let world = World::with(|config| config.trust = Trust::Pin { sha256: "00".repeat(32) });
    let (reason, text) = refusal(&world);
    assert_eq!((reason.as_str(), text.as_str()), ("certificate", "the server's key is not the one that is pinned"));
    let mut config = crate::server::config(&world.server, world.directory.path());
    config.trust = Trust::Pin { sha256: world.server.pin() };
    let pinned = crate::client(config, &crate::FakePlatform::new());
    pinned.start().expect("starts");
    while !matches!(pinned.state(), PushState::Online { .. }) {
        std::thread::yield_now();
    }
}

#[test]
fn a_server_without_tls_is_said_to_have_none() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let portal = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n")
            .expect("writes");
        // Until the phone has gone.
        drop(std::io::Read::read_to_end(&mut stream, &mut Vec::new()));
    });
    let world = World::with(|config| config.port = Some(port));
    let (reason, text) = refusal(&world);
    assert_eq!((reason.as_str(), text.as_str()), ("tls", "the server does not speak TLS on this port"));
    portal.join().expect("no panic");
}
