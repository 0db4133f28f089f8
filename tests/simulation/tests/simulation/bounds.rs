//! The worker at its bounds, with a real session: a connection that takes nothing for a while, an inbox that was full.

use longwire_model::{Lane, Notification};

use crate::check;
use crate::phone::What;
use crate::server::key;
use crate::world::World;

/// A phone whose heartbeat is so long that it does not give up first.
const SEED: u64 = 1;

/// A world of one phone that is online, and its connection.
fn online() -> (World, u64) {
    let mut world = World::new(SEED, 1, None, false);
    world.is_calm = true;
    world.run_until(20_000);
    assert!(world.phones[0].is_online());
    let link = world.phones[0].conn.expect("it is online");
    (world, link)
}

fn accept(world: &World, lane: Lane, ttl_seconds: u64) {
    world.server.as_ref().expect("it is up").accept(Notification {
        audience: [key("all")].into(),
        filter: None,
        lane,
        ttl_seconds,
        collapse_key: None,
        payload: r#"{"title":"Door","body":"Bell"}"#.into(),
    });
}

fn send(world: &mut World, count: usize) {
    for _ in 0..count {
        accept(world, Lane::Normal, 24 * 3_600);
    }
    world.settle();
    pass(world, 100);
}

fn shown(world: &World) -> usize {
    world.phones[0].screen.iter().filter(|line| line.what == What::Shown).count()
}

fn pass(world: &mut World, ms: u64) {
    let until_ms = world.now_ms + ms;
    world.run_until(until_ms);
}

#[test]
fn what_a_blocked_connection_is_owed_waits_for_it() {
    let (mut world, link) = online();
    world.set_room(link, Some(100));
    send(&mut world, 200);
    pass(&mut world, 20_000);
    assert_eq!(shown(&world), 0, "a part of the first stanza at most has passed");
    world.set_room(link, None);
    pass(&mut world, 1_000);
    assert_eq!(shown(&world), 200);
    assert_eq!(world.phones[0].conn, Some(link), "in the same session");
    assert_eq!(check::check(&mut world, false), Vec::<String>::new());
}

#[test]
fn a_connection_that_takes_nothing_is_closed_after_thirty_seconds_and_loses_nothing() {
    let (mut world, link) = online();
    world.set_room(link, Some(0));
    send(&mut world, 200);
    pass(&mut world, longwire_worker::BLOCKED_MS - 1_000);
    assert!(world.server.as_ref().is_some_and(|server| server.has(link)));
    pass(&mut world, 2_000);
    assert!(world.server.as_ref().is_some_and(|server| !server.has(link)));
    world.heal();
    assert_eq!(shown(&world), 200, "each once, in its next session");
    assert_eq!(check::check(&mut world, false), Vec::<String>::new());
}

#[test]
fn a_worker_that_missed_a_batch_sends_its_clients_back_to_the_log() {
    let (mut world, link) = online();
    send(&mut world, 1);
    world.server.as_ref().expect("it is up").miss_next_batch();
    send(&mut world, 1);
    assert!(world.server.as_ref().is_some_and(|server| server.has(link)), "nothing tells it yet");
    send(&mut world, 1);
    world.heal();
    assert_ne!(world.phones[0].conn, Some(link));
    assert_eq!(shown(&world), 3, "each once");
    assert_eq!(check::check(&mut world, false), Vec::<String>::new());
}

#[test]
fn what_waits_in_the_background_goes_before_it_expires_however_quiet_the_connection_is() {
    let (mut world, link) = online();
    for (sent, ttl_seconds) in [20, 25, 3, 45, 1, 20].into_iter().enumerate() {
        accept(&world, Lane::Background, ttl_seconds);
        world.settle();
        pass(&mut world, ttl_seconds * 1_000);
        assert_eq!(shown(&world), sent + 1, "of those sent with ttl {ttl_seconds} and before");
    }
    assert_eq!(world.phones[0].conn, Some(link), "in one session");
    assert_eq!(check::check(&mut world, false), Vec::<String>::new());
}
