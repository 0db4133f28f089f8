//! Timers sleep with a phone: whatever the machine waits for is an alarm too.

use longwire_driver::rim::BootClock;

use crate::{PushState, World, wait};

#[test]
fn the_next_heartbeat_is_an_alarm_and_a_stopped_phone_has_none() {
    let world = World::online();
    let now_ms = BootClock::new().now_ms();
    world.platform.wait_until(|seen| {
        let last = seen.alarms.last().copied().flatten();
        last.is_some_and(|at_ms| (200_000..=241_000).contains(&at_ms.saturating_sub(now_ms)))
    });
    wait(world.client.stop());
    assert_eq!(world.platform.seen().alarms.last(), Some(&None));
}

#[test]
fn an_alarm_that_rings_for_nothing_is_settled_at_once_and_set_again() {
    let world = World::online();
    world.platform.wait_until(|seen| seen.alarms.last().is_some_and(Option::is_some));
    let before = world.platform.seen().alarms.len();
    wait(world.client.alarm_fired());
    world.platform.wait_until(|seen| seen.alarms.len() > before && seen.alarms.last().is_some_and(Option::is_some));
    wait(world.client.stop());
    wait(world.client.alarm_fired());
}

#[test]
fn an_alarm_of_a_phone_that_connects_is_settled_when_it_is_online() {
    let world = World::new();
    world.client.start().expect("starts");
    wait(world.client.alarm_fired());
    assert!(matches!(world.client.state(), PushState::Online { .. }), "{:?}", world.client.state());
}

#[test]
fn a_heartbeat_is_answered_while_the_phone_is_kept_awake() {
    let world = World::with(|config| config.heartbeat_seconds = Some(1));
    world.client.start().expect("starts");
    world.platform.wait_online();
    // As often as alarms ring: some of them find a heartbeat that is due or under way.
    for _ in 0..5 {
        let alarms = world.platform.seen().alarms.len();
        world.platform.wait_until(|seen| seen.alarms.len() > alarms);
        wait(world.client.alarm_fired());
        assert!(matches!(world.client.state(), PushState::Online { .. }), "{:?}", world.client.state());
    }
}
