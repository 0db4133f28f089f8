//! Sessions of several clients: conflicts, presence, stanzas between accounts, IQs.

use longwire_core::login::{LoginError, Ready};
use longwire_core::session_manager::{EndReason, SESSIONS_PER_ACCOUNT_MAX, Session};
use longwire_model::DeviceKind;
use longwire_protocol::stanza::{Condition, Iq, IqType, Presence, PresenceType};
use longwire_protocol::{Element, Jid, ns};
use longwire_router::SessionKind;

use crate::world::World;

async fn standard(world: &World, account: &str, resource: Option<&str>) -> Session {
    let key = world.core.sessions.new_key();
    let (resource, proven) = (resource.map(str::to_owned), world.core.sessions.ends());
    let ready = world.core.log_in_standard(key, 0, account.into(), resource, proven).await;
    let Ready { session, .. } = ready.expect("a login");
    session
}

async fn available(world: &World, session: &Session) {
    let presence = Presence::new(PresenceType::Available).to_element();
    let outcome = world.core.handle_stanza(session, presence.with_attr("from", jid(session))).await;
    assert!(outcome.came_online);
}

fn jid(session: &Session) -> String {
    format!("{}@example.com/{}", session.account, session.resource)
}

fn chat(from: &Session, to: &str) -> Element {
    Element::new(ns::CLIENT, "message")
        .with_attr("from", jid(from))
        .with_attr("to", to)
        .with_attr("type", "chat")
        .with_child(Element::new(ns::CLIENT, "body").with_text("hi"))
}

#[tokio::test]
async fn stz_16_a_resource_bound_again_ends_the_older_session() {
    let world = World::new().await;
    world.account("a").await;
    let older = standard(&world, "a", Some("home")).await;
    let _newer = standard(&world, "a", Some("home")).await;
    assert_eq!(world.desk.ended.lock().expect("unpoisoned").as_slice(), [(older.key, EndReason::Conflict)]);
    assert_eq!(world.core.sessions.session_count(), 1);
    world.core.log_out("a", older.key, longwire_model::SessionEnd::Lost, None);
    assert_eq!(world.core.sessions.session_count(), 1, "the older one's end does not end the newer");
}

#[tokio::test]
async fn stz_17_sessions_of_an_account_are_bounded() {
    let world = World::new().await;
    world.account("a").await;
    for n in 0..SESSIONS_PER_ACCOUNT_MAX {
        standard(&world, "a", Some(&n.to_string())).await;
    }
    let key = world.core.sessions.new_key();
    let proven = world.core.sessions.ends();
    let refused = world.core.log_in_standard(key, 0, "a".into(), Some("more".into()), proven).await;
    assert!(matches!(refused, Err(LoginError::TooMany)));
    let last = world.core.log.last();
    assert!(matches!(world.log_in(world.push_login("a", "agent")).await, Err(LoginError::TooMany)));
    assert_eq!(world.core.log.last(), last, "no device was made for it");
    let sessions = world.core.sessions.of_account("a");
    let gone = sessions.first().expect("a session").key;
    world.core.log_out("a", gone, longwire_model::SessionEnd::Lost, None);
    let (_, device) = world.log_in(world.push_login("a", "agent")).await.expect("room again");
    let (_, again) = world.log_in(world.push_login("a", "agent")).await.expect("in the place of its own");
    assert_eq!(device, again);
}

#[tokio::test]
async fn named_resources_are_devices_up_to_eight() {
    let world = World::new().await;
    world.account("a").await;
    let mut kinds = Vec::new();
    for n in 0..10 {
        let session = standard(&world, "a", Some(&format!("r{n}"))).await;
        available(&world, &session).await;
        let bind = world.core.come_online(&session).await.expect("a device");
        assert_eq!(bind.kind, SessionKind::Standard);
        kinds.push(bind.loaded.device.kind);
    }
    let named = kinds.iter().filter(|kind| matches!(kind, DeviceKind::Resource(_))).count();
    assert_eq!((named, kinds.iter().filter(|kind| **kind == DeviceKind::Shared).count()), (8, 2));
    let again = standard(&world, "a", Some("r3")).await;
    assert_eq!(world.core.come_online(&again).await.expect("a device").loaded.device.kind, kinds[3]);
    let chosen = standard(&world, "a", None).await;
    assert_eq!(world.core.come_online(&chosen).await.expect("a device").loaded.device.kind, DeviceKind::Shared);
}

#[tokio::test]
async fn messages_reach_the_other_account_and_nobody_is_told() {
    let world = World::new().await;
    world.account("a").await;
    world.account("b").await;
    let (alice, bob) = (standard(&world, "a", Some("x")).await, standard(&world, "b", Some("y")).await);
    let outcome = world.core.handle_stanza(&alice, chat(&alice, "b@example.com")).await;
    let error = outcome.reply.expect("nobody is available");
    assert_eq!(error.attr("type"), Some("error"));
    assert!(
        error.child(ns::CLIENT, "error").is_some_and(|error| error.has_child(ns::STANZA_ERRORS, "service-unavailable"))
    );
    available(&world, &bob).await;
    let outcome = world.core.handle_stanza(&alice, chat(&alice, "b@example.com")).await;
    assert_eq!(outcome.reply, None);
    let (to, message) = world.desk.delivered.lock().expect("unpoisoned").pop().expect("delivered");
    assert_eq!((to, message.attr("from")), (bob.key, Some(jid(&alice).as_str())));
    let outcome = world.core.handle_stanza(&alice, chat(&alice, "b@elsewhere.org")).await;
    let error = outcome.reply.expect("no federation");
    assert!(
        error
            .child(ns::CLIENT, "error")
            .is_some_and(|error| error.has_child(ns::STANZA_ERRORS, "remote-server-not-found"))
    );
}

/// STZ-50: quotes of 50 KiB are escaped to over 256 KiB, at which the client they are for would have to end its stream.
#[tokio::test]
async fn stz_50_what_grows_beyond_the_limit_when_it_is_written_is_refused() {
    let world = World::new().await;
    world.account("a").await;
    world.account("b").await;
    let (alice, bob) = (standard(&world, "a", Some("desk")).await, standard(&world, "b", Some("desk")).await);
    available(&world, &bob).await;
    let message = |quotes: usize| chat(&alice, "b@example.com").with_attr("id", "'".repeat(quotes));
    assert_eq!(world.core.handle_stanza(&alice, message(40_000)).await.reply, None, "delivered");
    let refused = world.core.handle_stanza(&alice, message(50_000)).await.reply.expect("an answer");
    let condition =
        refused.child(ns::CLIENT, "error").map(|error| error.has_child(ns::STANZA_ERRORS, "policy-violation"));
    assert_eq!(condition, Some(true));
}

#[tokio::test]
async fn who_was_told_of_a_presence_is_told_when_it_ends() {
    let world = World::new().await;
    world.account("a").await;
    world.account("b").await;
    for ends_itself in [true, false] {
        let (alice, bob) = (standard(&world, "a", Some("x")).await, standard(&world, "b", Some("y")).await);
        let presence = |kind, to: Option<String>| {
            Presence::new(kind).to_element().with_attr("from", jid(&alice)).with_opt_attr("to", to)
        };
        let directed = presence(PresenceType::Available, Some(jid(&bob)));
        assert_eq!(world.core.handle_stanza(&alice, directed).await.reply, None);
        let told = || world.desk.delivered.lock().expect("unpoisoned").pop().expect("told");
        let (to, stanza) = told();
        assert_eq!((to, stanza.attr("type")), (bob.key, None));
        if ends_itself {
            world.core.handle_stanza(&alice, presence(PresenceType::Unavailable, None)).await;
        } else {
            world.core.end_presence(&alice);
        }
        let (to, stanza) = told();
        assert_eq!((to, stanza.attr("type")), (bob.key, Some("unavailable")));
        assert_eq!(stanza.attr("to"), Some(jid(&bob).as_str()));
    }
}

#[tokio::test]
async fn directed_presence_is_bounded() {
    let world = World::new().await;
    world.account("a").await;
    let alice = standard(&world, "a", Some("x")).await;
    let direct = |n: usize| {
        let presence = Presence::new(PresenceType::Available).to_element();
        let presence = presence.with_attr("from", jid(&alice)).with_attr("to", format!("u{n}@example.com"));
        world.core.handle_stanza(&alice, presence)
    };
    for n in 0..longwire_core::session_manager::DIRECTED_MAX {
        assert_eq!(direct(n).await.reply, None);
    }
    assert_eq!(direct(0).await.reply, None, "again to the same one");
    let refused = direct(99).await.reply.expect("one too many");
    let error = refused.child(ns::CLIENT, "error").expect("an error");
    assert!(error.has_child(ns::STANZA_ERRORS, "resource-constraint"));
}

#[tokio::test]
async fn iqs_go_by_namespace_and_to_full_addresses() {
    let world = World::new().await;
    world.account("a").await;
    world.account("b").await;
    let (alice, bob) = (standard(&world, "a", Some("x")).await, standard(&world, "b", Some("y")).await);
    let ask = |ns: &'static str, name: &'static str, to: Option<&str>| {
        let mut iq = Iq::get("q1", Element::new(ns, name)).with_from(Jid::new(&jid(&alice)).expect("a JID"));
        iq.to = to.map(|to| Jid::new(to).expect("a JID"));
        world.core.handle_stanza(&alice, iq.to_element())
    };
    let answer = |outcome: longwire_core::routing::Outcome| {
        Iq::from_element(outcome.reply.expect("an answer")).expect("an IQ").kind
    };
    assert_eq!(answer(ask(ns::PING, "ping", None).await), IqType::Result(None));
    let IqType::Result(Some(info)) = answer(ask(ns::DISCO_INFO, "query", Some("example.com")).await) else {
        panic!("a result")
    };
    assert!(info.children().any(|child| child.attr("var") == Some(ns::PING)));
    let IqType::Result(Some(version)) = answer(ask(ns::VERSION, "query", None).await) else { panic!("a result") };
    assert_eq!(version.child_text(ns::VERSION, "name").as_deref(), Some("Longwire"));
    let IqType::Error(error) = answer(ask("urn:example:unknown", "x", None).await) else { panic!("an error") };
    assert_eq!(error.condition, Condition::ServiceUnavailable);
    let IqType::Error(error) = answer(ask(ns::PING, "ping", Some("b@example.com/gone")).await) else {
        panic!("an error")
    };
    assert_eq!(error.condition, Condition::ServiceUnavailable);
    assert_eq!(ask(ns::PING, "ping", Some("b@example.com/y")).await.reply, None);
    let delivered = world.desk.delivered.lock().expect("unpoisoned");
    assert_eq!(delivered.last().map(|(to, _)| *to), Some(bob.key));
}

#[tokio::test]
async fn no_generation_is_the_one_that_stands_for_those_of_others() {
    // The first number that is drawn here is 0.
    let world = World::new().await;
    assert_ne!(world.core.log.generation().0, longwire_protocol::push::Generation::FOREIGN.0);
}
