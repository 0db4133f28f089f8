//! From the server to the app and back, and what the inbox keeps.

use longwire_protocol::push::EntryContent;

use crate::{PushError, PushState, World, ids, wait};

const A: &str = "01980f5e-6c1a-7cc3-9d0e-00000000000a";

#[test]
fn a_notification_comes_to_the_app_and_what_becomes_of_it_to_the_server() {
    let world = World::online();
    let handed = world.push(A);
    assert_eq!((handed.title.as_deref(), handed.body.as_deref()), (Some("Door"), Some("Bell")));
    assert_eq!((handed.attempt, handed.is_update, handed.data["k"].as_str()), (1, false, "v"));
    assert_eq!(handed.sent_at_ms, 0x0198_0f5e_6c1a);
    assert!(handed.received_at_ms >= 1_800_000_000_000, "the server's time");
    assert!(!wait(world.client.is_done(A.to_owned())).expect("readable"));
    world.client.handed(A.to_owned(), true);
    world.told(A, "displayed");
    assert!(wait(world.client.is_done(A.to_owned())).expect("readable"));
    wait(world.client.opened(A.to_owned())).expect("stored");
    world.told(A, "opened");
    let item = wait(world.client.inbox_item(A.to_owned())).expect("readable").expect("in the inbox");
    assert_eq!((item.state.as_str(), item.title.as_deref()), ("closed", Some("Door")), "its content is kept");
    let threads = world.platform.seen().database_threads;
    assert_eq!(threads.into_iter().collect::<Vec<_>>(), ["longwire-store"], "a transaction belongs to a thread");
    assert_eq!(ids(world.directory.path()), 1, "the note of what is parsed");
}

#[test]
fn what_the_app_is_not_done_with_is_handed_again_and_the_rest_is_not() {
    let world = World::online();
    world.push("a");
    world.push("b");
    world.client.handed("a".to_owned(), false);
    let world = world.reborn();
    world.client.start().expect("starts");
    world.platform.wait_until(|seen| seen.handed.len() == 3);
    let again = world.platform.seen().handed.pop().expect("handed");
    assert_eq!((again.id.as_str(), again.attempt), ("b", 2));
    world.push("c");
    assert_eq!(world.platform.seen().handed.len(), 4);
}

#[test]
fn an_app_that_shows_by_itself_says_so_when_it_has_shown() {
    let world = World::online();
    world.push("a");
    world.client.handed("a".to_owned(), false);
    wait(world.client.displayed("a".to_owned())).expect("stored");
    world.told("a", "displayed");
    let world = world.reborn();
    wait(world.client.displayed("a".to_owned())).expect("stored, also before a start");
    let unknown = wait(world.client.displayed("x".to_owned())).expect_err("unknown");
    assert!(matches!(unknown, PushError::Refused { condition, .. } if condition == "item-not-found"));
    let item = wait(world.client.inbox_item("a".to_owned())).expect("readable").expect("in the inbox");
    assert_eq!(item.state, "done", "showing is no opening");
}

#[test]
fn what_a_person_does_is_on_disk_before_any_start_and_told_after_one() {
    let world = World::online();
    for id in ["a", "b", "c"] {
        world.push(id);
    }
    let world = world.reborn();
    wait(world.client.opened("a".to_owned())).expect("stored");
    wait(world.client.dismissed("b".to_owned())).expect("stored");
    wait(world.client.acted("c".to_owned(), "like".to_owned(), None)).expect("stored");
    let unknown = wait(world.client.opened("x".to_owned())).expect_err("unknown");
    assert!(matches!(unknown, PushError::Refused { condition, .. } if condition == "item-not-found"));
    let world = world.reborn();
    world.client.start().expect("starts");
    for (id, kind) in [("a", "opened"), ("b", "dismissed"), ("c", "opened"), ("c", "action")] {
        world.told(id, kind);
    }
    assert_eq!(world.platform.seen().handed.len(), 3, "none is handed again");
}

#[test]
fn the_inbox_is_paged_from_the_newest_on_and_forgets_what_was_recalled() {
    let world = World::online();
    for id in ["a", "b", "c", "d"] {
        world.push(id);
        world.client.handed(id.to_owned(), false);
    }
    world.server.append("r", EntryContent::Recall { target: "b".to_owned() });
    world.platform.wait_until(|seen| seen.removed == ["b"]);
    world.client.removed("b".to_owned());
    let page = |before: Option<&str>| {
        let items = wait(world.client.inbox(2, before.map(str::to_owned))).expect("readable");
        items.into_iter().map(|item| item.id).collect::<Vec<_>>()
    };
    assert_eq!((page(None), page(Some("c"))), (vec!["d".to_owned(), "c".to_owned()], vec!["a".to_owned()]));
    assert!(wait(world.client.inbox(2, Some("x".to_owned()))).is_err());
    assert_eq!(wait(world.client.inbox_item("b".to_owned())).expect("readable"), None);
}

#[test]
fn a_phone_says_who_it_is_before_it_is_started_again() {
    let world = World::online();
    let state = world.client.state();
    let PushState::Online { device, .. } = state else { unreachable!("it is online") };
    assert!(world.client.server_time_ms() >= 1_800_000_000_000);
    let world = world.reborn();
    assert_eq!((world.client.state(), world.client.device()), (PushState::Idle, Some(device)));
    assert!(world.client.server_time_ms() >= 1_800_000_000_000);
}

#[test]
fn what_the_app_asks_for_waits_for_a_session_and_is_answered() {
    let world = World::new();
    world.client.start().expect("starts");
    assert_eq!(wait(world.client.join("topic:news".to_owned())), Ok(()), "as soon as there is a session");
    assert_eq!(wait(world.client.logout()), Ok(()));
    let refused = wait(world.client.login("a.b.c".to_owned())).expect_err("this server names no user");
    assert!(
        matches!(&refused, PushError::Refused { condition, .. } if condition == "undefined-condition"),
        "{refused}"
    );
    assert!(!refused.is_retryable() && !refused.requires_login());
}
