//! A platform that throws, a server that is not there.

use longwire_push::{ClientCertificate, NetworkFacts};

use crate::platform::FakePlatform;
use crate::{PlatformError, PushClient, PushError, PushState, World, client, server, wait};
use std::sync::Arc;

fn reason(state: &PushState) -> &str {
    match state {
        PushState::Waiting { reason, .. } | PushState::Blocked { reason, .. } => reason,
        PushState::Idle
        | PushState::Connecting
        | PushState::Registering
        | PushState::LoggingIn
        | PushState::Online { .. } => "",
    }
}

#[test]
fn a_hand_over_that_fails_is_made_again() {
    let world = World::online();
    world.platform.fail("hand_over", 1);
    let handed = world.push("a");
    assert_eq!(handed.attempt, 1, "the same one");
    assert_eq!(world.platform.seen().failed["hand_over"], 1);
    world.platform.fail("remove", 1);
    world.server.append("r", longwire_protocol::push::EntryContent::Recall { target: "a".to_owned() });
    world.platform.wait_until(|seen| seen.removed == ["a"]);
}

#[test]
fn newer_content_does_not_overtake_what_waits_to_be_handed_over() {
    let world = World::online();
    world.platform.fail("hand_over", 1);
    world.server.push("a", r#"{"title":"old"}"#);
    world.platform.wait_until(|seen| seen.failed.contains_key("hand_over"));
    let json = r#"{"title":"new"}"#.to_owned();
    world.server.append("u", longwire_protocol::push::EntryContent::Update { target: "a".to_owned(), json });
    world.platform.wait_until(|seen| seen.handed.len() == 2);
    let handed = world.platform.seen().handed;
    let titles: Vec<_> = handed.iter().map(|handed| (handed.title.as_deref(), handed.is_update)).collect();
    assert_eq!(titles, [(Some("old"), false), (Some("new"), true)]);
}

#[test]
fn logs_alarms_and_states_that_fail_are_no_reason_to_stop() {
    let world = World::new();
    for name in ["log", "set_alarm", "cancel_alarm", "state_changed"] {
        world.platform.fail(name, 1_000_000);
    }
    world.client.start().expect("starts");
    world.push("a");
    assert!(matches!(world.client.state(), PushState::Online { .. }));
}

#[test]
fn a_database_that_fails_is_waited_for_and_nothing_is_lost() {
    let world = World::online();
    world.platform.fail("commit", 1);
    world.push("a");
    let states = world.platform.seen().states;
    assert!(states.iter().any(|state| reason(state) == "storage"), "{states:?}");
    world.platform.fail("begin", 1);
    let failed = wait(world.client.opened("a".to_owned())).expect_err("nothing was stored");
    assert!(failed.is_retryable() && !failed.requires_login() && !failed.is_config(), "{failed}");
    world.told("a", "opened");
}

#[test]
fn a_database_that_cannot_be_opened_is_said_so() {
    let world = World::new();
    let platform = FakePlatform::new();
    platform.fail("execute", 1);
    let config = server::config(&world.server, world.directory.path());
    let failed = PushClient::new(config, platform).err().expect("no database");
    assert!(matches!(&failed, PushError::Storage { text } if text.contains("made to fail")), "{failed}");
}

#[test]
fn a_defect_is_a_state_and_an_error_and_the_phone_can_be_started_again() {
    let world = World::online();
    world.platform.panic("hand_over");
    world.server.push("a", r#"{"title":"Door"}"#);
    world.platform.wait_until(|seen| seen.states.last().is_some_and(|state| reason(state) == "internal"));
    wait(world.client.stop());
    assert_eq!(world.client.state(), PushState::Idle);
    world.platform.panic("query");
    let failed = wait(world.client.is_done("a".to_owned())).expect_err("a defect");
    assert!(matches!(failed, PushError::Storage { .. }), "{failed}");
    assert!(!wait(world.client.is_done("a".to_owned())).expect("readable"));
    world.platform.panic("commit");
    assert!(wait(world.client.opened("a".to_owned())).is_err());
    wait(world.client.dismissed("a".to_owned())).expect("the transaction that was left open was ended");
    world.client.start().expect("starts");
    world.told("a", "dismissed");
}

#[test]
fn whatever_a_callback_throws_is_an_error_of_the_platform() {
    let thrown = uniffi::UnexpectedUniFFICallbackError { reason: "NullPointerException".to_owned() };
    assert_eq!(PlatformError::from(thrown), PlatformError::Failed { text: "NullPointerException".to_owned() });
}

#[test]
fn a_configuration_that_cannot_be_used_is_said_so() {
    let world = World::new();
    let good = server::config(&world.server, world.directory.path());
    let pem = |pem: &str| crate::Trust::Certificates { pem: pem.to_owned() };
    for bad in [
        crate::PushConfig { domain: "a@b".to_owned(), ..good.clone() },
        crate::PushConfig { port: Some(0), ..good.clone() },
        crate::PushConfig { app_key: Some("lw_1_secret".to_owned()), ..good.clone() },
        crate::PushConfig { directory: "/nowhere".to_owned(), ..good.clone() },
        crate::PushConfig { trust: pem("nothing"), ..good.clone() },
        crate::PushConfig { trust: crate::Trust::Pin { sha256: "ab".to_owned() }, ..good },
    ] {
        let failed = PushClient::new(bad.clone(), FakePlatform::new()).err();
        assert!(failed.is_some_and(|failed| failed.is_config()), "{bad:?}");
    }
}

#[test]
fn a_client_certificate_that_cannot_be_shown_is_told_and_its_key_is_not() {
    let (world, own, other) = (World::new(), pair(), pair());
    let encrypted = own.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let secret = own.key.lines().nth(1).expect("a line of the key");
    for (certificates, key, words) in [
        (own.certificates.as_str(), own.key.as_str(), None),
        (&own.certificates, &other.key, Some("does not belong to the certificate")),
        (&own.certificates, &own.certificates, Some("no private key")),
        (&own.key, &own.key, Some("no certificate")),
        (&own.certificates, &encrypted, Some("is encrypted")),
        (&own.certificates, &own.key.replace('\n', " "), Some("a line of its own")),
        ("garbage", "garbage", Some("no private key")),
    ] {
        let mut config = server::config(&world.server, world.directory.path());
        config.client_certificate = Some(ClientCertificate { certificates: certificates.into(), key: key.into() });
        let printed = format!("{config:?}");
        assert!(printed.contains("ClientCertificate") && !printed.contains(secret), "{printed}");
        let failed = PushClient::new(config, FakePlatform::new()).err();
        let text = failed.as_ref().map(|failed| format!("{failed} {failed:?}")).unwrap_or_default();
        assert_eq!(failed.is_some_and(|failed| failed.is_config()), words.is_some(), "{text}");
        assert!(words.is_none_or(|words| text.contains("client certificate") && text.contains(words)), "{text}");
        assert!(!text.contains(secret), "{text}");
    }
}

/// A certificate and its key.
fn pair() -> ClientCertificate {
    let made = rcgen::generate_simple_self_signed(vec!["phone".to_owned()]).expect("a certificate");
    ClientCertificate { certificates: made.cert.pem(), key: made.signing_key.serialize_pem() }
}

#[test]
fn where_nobody_listens_and_without_a_network_the_state_says_so_in_a_word() {
    let world = World::with(|config| config.port = Some(1));
    world.client.start().expect("starts");
    world.platform.wait_until(|seen| seen.states.iter().any(|state| reason(state) == "refused"));
    world.client.network_changed(NetworkFacts { is_usable: false, id: None });
    world.platform.wait_until(|seen| seen.states.last().is_some_and(|state| reason(state) == "no-network"));
    assert!(matches!(world.client.state(), PushState::Waiting { until_elapsed_ms: None, .. }));
}

#[test]
fn what_needs_a_session_fails_when_the_phone_is_stopped() {
    let world = World::with(|config| config.port = Some(1));
    assert_eq!(wait(world.client.join("topic:a".to_owned())), Err(PushError::Stopped), "before it was started");
    world.client.start().expect("starts");
    let client = Arc::clone(&world.client);
    let joining = std::thread::spawn(move || wait(client.join("topic:a".to_owned())));
    world.platform.wait_until(|seen| seen.states.iter().any(|state| reason(state) == "refused"));
    wait(world.client.stop());
    assert_eq!(joining.join().expect("no panic"), Err(PushError::Stopped));
    assert_eq!(world.client.state(), PushState::Idle);
}

#[test]
fn two_phones_of_one_process_stand_apart() {
    let world = World::online();
    let platform = FakePlatform::new();
    let directory = tempfile::TempDir::new().expect("a directory");
    let other = client(server::config(&world.server, directory.path()), &platform);
    other.start().expect("starts");
    platform.wait_online();
    assert_ne!(world.client.device(), other.device());
}
