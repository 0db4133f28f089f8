//! Examples in words: what a person is told.

use std::sync::Arc;

use longwire_model::delivery::{
    Cause, Delivery, Ending, Event, EventType, Hold, Present, Progress, Sent, State, Superseded,
};
use longwire_model::limits::SESSIONS_MAX;
use longwire_model::{EntryId, Held, Lane, Rest, Session, SessionEnd};

use crate::world::{SEQ, World, at, session};

/// A delay in short.
type Short = (Cause, i64, Option<i64>);

/// The cause as one text, and the delays in short: word, from and to in seconds.
fn told(world: &World) -> (State, Option<String>, Vec<Short>) {
    let Delivery { state, cause, delays, .. } = world.told();
    let seconds = |at: longwire_model::Timestamp| at.as_millis() / 1_000;
    let delays = delays.iter().map(|own| (own.cause, seconds(own.from), own.to.map(seconds))).collect();
    (state, cause.map(|cause| cause.replace("1970-01-01T", "")), delays)
}

fn is_told(world: &World, state: State, cause: &str, delays: &[Short]) {
    assert_eq!(told(world), (state, Some(cause.to_owned()), delays.to_vec()));
}

#[test]
fn an_offline_device_is_waited_for_since_it_went() {
    use Cause::Offline;
    is_told(&World::normal(), State::Accepted, "offline: it has never connected", &[(Offline, 10, None)]);
    let ends = [
        (SessionEnd::Closed, "the device ended its session"),
        (SessionEnd::Lost, "its connection was lost"),
        (SessionEnd::Silent, "it was silent from 00:00:01.000Z on, for longer than it had promised"),
        (SessionEnd::Conflict, "another login of the device ended its session"),
        (SessionEnd::Stalled, "it acknowledged nothing of a full window, so its session was closed"),
    ];
    for (end, why) in ends {
        let world = World::normal().had(1_000, 4_000, end);
        is_told(&world, State::Accepted, &format!("offline since 00:00:04.000Z: {why}"), &[(Offline, 10, None)]);
    }
}

#[test]
fn what_was_waited_for_is_told_afterwards() {
    let world = World::normal().had(1_000, 4_000, SessionEnd::Lost).online(60_000).stored(60_200, Some(60_100));
    let cause = "offline from 00:00:10.000Z to 00:01:00.000Z: its connection was lost";
    is_told(&world, State::Delivered, cause, &[(Cause::Offline, 10, Some(60))]);
    let at_once = World::normal().online(1_000).stored(10_300, Some(10_002));
    assert_eq!(told(&at_once), (State::Delivered, None, Vec::new()));
}

#[test]
fn a_restart_between_acceptance_and_sending_is_the_servers_fault_and_then_the_devices() {
    let restart = Session { resumed_at: Some(at(20_000)), ..session(1_000, 15_000, SessionEnd::Restart) };
    let mut world = World::normal();
    world.sessions.push(restart);
    world.entry.created_at = at(14_990);
    let delays = [(Cause::Unknown, 14, Some(15)), (Cause::ServerDown, 15, Some(20)), (Cause::Offline, 20, None)];
    let cause = "offline since 00:00:20.000Z: it has not come back since the server was restarted";
    is_told(&world, State::Accepted, cause, &delays[1..]);
    world.entry.created_at = at(12_000);
    assert_eq!(told(&world).2.first(), Some(&(Cause::Unknown, 12, Some(15))), "what was written then is not known");
    let back = World { entry: world.entry.clone(), ..world.clone() }.online(21_000).stored(21_100, Some(21_050));
    let told = told(&back);
    assert_eq!(told.0, State::Delivered);
    assert_eq!(told.2.last(), Some(&(Cause::Offline, 20, Some(21))), "until it came back");
}

#[test]
fn a_connected_device_is_waited_for_too() {
    let waiting = |lane, progress| {
        let mut world = World::new(lane, None).online(1_000);
        let present = world.present.expect("a session");
        world.present = Some(Present { progress, ..present });
        world
    };
    let cases = [
        (Lane::Background, Some(Progress::Waiting(Hold::Background)), Cause::BackgroundLane, "background lane since"),
        (Lane::Background, None, Cause::BackgroundLane, "background lane since"),
        (Lane::Normal, Some(Progress::Waiting(Hold::Window)), Cause::WindowFull, "window full since"),
        (Lane::Normal, Some(Progress::Waiting(Hold::CatchUp)), Cause::CatchingUp, "catching up since"),
    ];
    for (lane, progress, cause, text) in cases {
        let (state, told_cause, delays) = told(&waiting(lane, progress));
        assert_eq!((state, delays), (State::Accepted, vec![(cause, 10, None)]));
        assert!(told_cause.is_some_and(|told| told.starts_with(text)), "{text}");
    }
    let written = |is_blocked| Progress::Written { at: at(30_000), hold: Some(Hold::Window), is_blocked };
    let (state, cause, delays) = told(&waiting(Lane::Normal, Some(written(false))));
    assert_eq!(state, State::Sent);
    assert_eq!(delays, [(Cause::WindowFull, 10, Some(30)), (Cause::NotAcknowledged, 30, None)]);
    let text = "not acknowledged since 00:00:30.000Z: written to its connection, without an answer";
    assert_eq!(cause.as_deref(), Some(text));
    let (_, cause, _) = told(&waiting(Lane::Normal, Some(written(true))));
    assert_eq!(
        cause.as_deref(),
        Some("slow socket since 00:00:30.000Z: its connection takes nothing of what is written to it")
    );
}

#[test]
fn what_was_written_at_this_very_instant_waits_for_its_acknowledgement() {
    let mut world = World { now: at(10_004), ..World::normal() };
    let progress = Some(Progress::Written { at: world.now, hold: None, is_blocked: false });
    world.present = Some(Present { began_at: at(1_000), heard_at: at(9_000), next_contact: None, progress });
    assert_eq!(told(&world).2, [(Cause::NotAcknowledged, 10, None)]);
    world.present = world.present.map(|present| Present { progress: Some(Progress::Passed(None)), ..present });
    let cause = "not acknowledged since 00:00:10.000Z: what became of it is being recorded";
    is_told(&world, State::Accepted, cause, &[(Cause::NotAcknowledged, 10, None)]);
    world.present = world.present.map(|present| Present { progress: Some(Progress::Unlisted), ..present });
    let cause = "not acknowledged since 00:00:10.000Z: the device's list of what it has is awaited";
    is_told(&world, State::Accepted, cause, &[(Cause::NotAcknowledged, 10, None)]);
}

#[test]
fn what_a_later_login_lies_below_was_not_stored() {
    let told = |ending| {
        let world = World { now: at(90_000), left_at: Some(at(40_000)), ..World::normal() };
        let mut world = world.had(1_000, 50_000, SessionEnd::Lost).online(60_000);
        let sent = vec![Sent { seq: SEQ, at: at(20_000), hold: None }];
        world.sessions[0].rest = Some(Arc::new(Rest { sent, held: Vec::new() }));
        world.present = world.present.map(|present| Present { progress: Some(Progress::Passed(ending)), ..present });
        world.told().state
    };
    assert_eq!(told(None), State::Sent, "it may have stored it");
    assert_eq!(told(Some(Ending::NotStored)), State::Left);
}

#[test]
fn what_a_session_has_passed_over_is_told_at_once_and_stays() {
    let filtered = World { is_filtered: true, ..World::new(Lane::Normal, Some("tag:beta")) };
    let mut online = filtered.clone().online(1_000);
    online.present =
        online.present.map(|present| Present { progress: Some(Progress::Passed(Some(Ending::Filtered))), ..present });
    let is_so = |world: &World| {
        is_told(world, State::Filtered, "filtered: tag:beta", &[]);
        assert_eq!(world.told().at.last(), Some(&(State::Filtered, at(10_000))));
    };
    is_so(&online);
    is_so(&World { is_filtered: false, ..online });
    is_so(&filtered.clone().had(1_000, 30_000, SessionEnd::Lost));
    is_so(&filtered.clone().online(1_000).passed(60_000, Ending::Filtered));
    is_so(&World { recalled_at: Some(at(50_000)), ..filtered.clone().online(1_000).passed(60_000, Ending::Filtered) });
    assert_eq!(filtered.told().state, State::Accepted, "it may pass when it comes");
}

#[test]
fn the_first_end_stays_when_the_session_names_another() {
    let by = EntryId::from_bytes([8; 16]);
    let superseded = Some(Superseded { at: at(50_000), by });
    let world = World { superseded, recalled_at: Some(at(60_000)), ..World::normal() };
    let told = world.told();
    assert_eq!(told.state, State::Superseded);
    for ending in [Ending::Recalled, Ending::NotStored] {
        let passed = world.clone().online(70_000).passed(71_000, ending).told();
        assert_eq!((passed.state, passed.at, passed.cause), (told.state, told.at.clone(), told.cause.clone()));
    }
}

#[test]
fn a_device_that_does_not_keep_its_promise_is_overdue() {
    let mut world = World::normal();
    let progress = Some(Progress::Written { at: at(10_001), hold: None, is_blocked: false });
    world.present =
        Some(Present { began_at: at(1_000), heard_at: at(9_000), next_contact: Some(at(70_000)), progress });
    let (_, cause, _) = told(&world);
    let cause = cause.expect("a cause");
    assert!(
        cause.ends_with("; the device is overdue since 00:01:10.000Z, and was last heard of at 00:00:09.000Z"),
        "{cause}"
    );
}

#[test]
fn a_session_that_answered_nothing_says_how_it_ended() {
    let mut world = World::normal().had(1_000, 40_000, SessionEnd::Slow).had(50_000, 55_000, SessionEnd::Silent);
    let sent = |millis| Some(Rest { sent: vec![Sent { seq: SEQ, at: at(millis), hold: None }], held: Vec::new() });
    for (session, rest) in world.sessions.iter_mut().zip([sent(12_000), sent(50_000)]) {
        session.rest = rest.map(Arc::new);
    }
    let (state, _, delays) = told(&world);
    let expected = [
        (Cause::CatchingUp, 10, Some(12)),
        (Cause::SlowSocket, 12, Some(40)),
        (Cause::Offline, 40, Some(50)),
        (Cause::NotAcknowledged, 50, Some(55)),
        (Cause::Offline, 55, None),
    ];
    assert_eq!((state, delays), (State::Sent, expected.to_vec()));
    assert_eq!(world.told().at, [(State::Accepted, at(10_000)), (State::Sent, at(12_000))]);
    let detail = &world.told().delays[4].detail;
    assert!(detail.contains("it was silent from"), "{detail}");
}

#[test]
fn what_a_session_held_back_is_not_said_to_be_written() {
    for hold in Hold::ALL {
        let mut world = World::normal().had(1_000, 40_000, SessionEnd::Lost);
        let held = vec![Held { lane: Lane::Normal, after: SEQ - 1, hold }];
        world.sessions[0].rest = Some(Arc::new(Rest { sent: Vec::new(), held }));
        let live = Some(Progress::Waiting(hold));
        let present = Some(Present { began_at: at(1_000), heard_at: at(9_000), next_contact: None, progress: live });
        let before = World { now: at(40_000), present, ..World::normal() }.told();
        let after = world.told();
        assert_eq!((after.state, &after.at), (before.state, &before.at));
        assert_eq!(
            (after.delays[0].cause, &after.delays[0].detail),
            (before.delays[0].cause, &before.delays[0].detail)
        );
    }
}

#[test]
fn each_end_says_why() {
    let away = || World::normal().had(1_000, 4_000, SessionEnd::Lost);
    let by = EntryId::from_bytes([8; 16]);
    let superseded = World { superseded: Some(Superseded { at: at(50_000), by }), ..away() };
    is_told(&superseded, State::Superseded, &format!("superseded by {by}"), &[(Cause::Offline, 10, Some(50))]);
    let expired = World { now: at(2_000_000), ..away() };
    let cause = "expired while offline since 00:00:04.000Z: its connection was lost";
    is_told(&expired, State::Expired, cause, &[(Cause::Offline, 10, Some(1_000))]);
    let recalled = World { recalled_at: Some(at(50_000)), ..away() };
    is_told(&recalled, State::Recalled, "recalled before the device had it", &[(Cause::Offline, 10, Some(50))]);
    let left = World { left_at: Some(at(50_000)), ..away() };
    let cause = "left: the device left the audience before it had it";
    is_told(&left, State::Left, cause, &[(Cause::Offline, 10, Some(50))]);
    let filtered = World::new(Lane::Normal, Some("tag:beta")).online(1_000).passed(10_100, Ending::Filtered);
    is_told(&filtered, State::Filtered, "filtered: tag:beta", &[]);
    let poison = World::normal().online(1_000).passed(10_100, Ending::Rejected);
    is_told(&poison, State::Rejected, "rejected: never acknowledged", &[]);
    let passed = World::normal().online(1_000).passed(10_100, Ending::NotStored);
    let cause = "rejected: the device's cursor passed it without storing it";
    is_told(&passed, State::Rejected, cause, &[]);
}

#[test]
fn an_end_told_by_a_clock_that_was_set_back_since_is_still_the_end() {
    let world = World { recalled_at: Some(at(3_600_000)), ..World::normal() }.online(1_000);
    assert_eq!(world.passed(10_100, Ending::NotStored).told().state, State::Recalled);
}

#[test]
fn the_first_end_is_the_end() {
    let world =
        World { now: at(2_000_000), recalled_at: Some(at(1_500_000)), left_at: Some(at(60_000)), ..World::normal() };
    assert_eq!(world.told().state, State::Left);
}

#[test]
fn events_carry_a_delivery_on_in_whatever_order_they_came() {
    let shown = World::normal()
        .online(1_000)
        .stored(10_400, Some(10_001))
        .event(EventType::Dismissed, 13_000)
        .event(EventType::Opened, 12_000)
        .event(EventType::Displayed, 11_000);
    let told = shown.told();
    assert_eq!((told.state, told.cause), (State::Opened, None), "dismissing what was opened tells nothing new");
    let times: Vec<_> = told.at.iter().map(|(state, at)| (*state, at.as_millis())).collect();
    let expected = [
        (State::Accepted, 10_000),
        (State::Sent, 10_001),
        (State::Delivered, 10_400),
        (State::Displayed, 11_000),
        (State::Opened, 12_000),
        (State::Dismissed, 13_000),
    ];
    assert_eq!(times, expected);
}

#[test]
fn what_a_device_has_shown_it_has_stored() {
    let unacknowledged = World::normal().had(1_000, 30_000, SessionEnd::Lost).event(EventType::Displayed, 12_000);
    let told = unacknowledged.told();
    assert_eq!(told.state, State::Displayed, "its acknowledgement was lost with the connection");
    assert!(told.at.contains(&(State::Delivered, at(12_000))), "{:?}", told.at);
    let late = World::normal().had(1_000, 30_000, SessionEnd::Lost).stored(90_000, None);
    let late = late.event(EventType::Displayed, 12_000).told();
    assert!(late.at.contains(&(State::Delivered, at(12_000))), "the list of a later login: {:?}", late.at);
    assert!(late.delays.iter().all(|delay| delay.to <= Some(at(12_000))), "{:?}", late.delays);
    let denied = World::normal().passed(90_000, Ending::NotStored).event(EventType::Opened, 12_000).told();
    assert_eq!(denied.state, State::Opened);
}

#[test]
fn what_only_the_device_saw_ends_what_was_not_shown() {
    let stored = || World::normal().online(1_000).stored(10_400, Some(10_001));
    let cases = [
        (EventType::Left, State::Left, "left: its user left the device before it was shown"),
        (EventType::Expired, State::Expired, "expired on the device before it was shown"),
        (EventType::Rejected, State::Rejected, "rejected: the device gave no reason"),
    ];
    for (kind, state, cause) in cases {
        let world = stored().event(kind, 20_000);
        assert_eq!((world.told().state, world.told().cause.as_deref()), (state, Some(cause)));
        assert_eq!(world.told().at.last(), Some(&(state, at(20_000))));
        let shown = world.event(EventType::Displayed, 15_000);
        assert_eq!(shown.told().state, State::Displayed, "what was shown stays shown");
    }
    let mut rejected = stored();
    let reason = Some("a newer format".to_owned());
    rejected.events.push(Event { kind: EventType::Rejected, at: at(20_000), reason });
    assert_eq!(rejected.told().cause.as_deref(), Some("rejected: a newer format"));
}

#[test]
fn what_was_shown_is_recalled_once_the_device_has_the_recall() {
    let stored = World { recalled_at: Some(at(90_000)), ..World::normal().online(1).stored(10_400, Some(10_001)) };
    assert_eq!(stored.told().state, State::Delivered);
    assert!(stored.told().cause.is_some_and(|cause| cause.starts_with("recalled; the device has not")));
    let gone = World { has_recall: true, ..stored };
    assert_eq!(gone.told().state, State::Recalled);
    let opened = gone.event(EventType::Opened, 60_000);
    assert_eq!(opened.told().state, State::Opened, "what a person has seen stays seen");
}

#[test]
fn what_was_written_and_is_not_acknowledged_has_no_end_yet() {
    let mut world = World { now: at(2_000_000), ..World::normal() };
    let progress = Some(Progress::Written { at: at(10_002), hold: None, is_blocked: false });
    world.present = Some(Present { began_at: at(1_000), heard_at: at(9_000), next_contact: None, progress });
    let delays = [(Cause::NotAcknowledged, 10, None)];
    is_told(&world, State::Sent, "expired; the device has not yet said whether it had it", &delays);
    let late = world.clone().stored(2_000_100, Some(10_002)).told();
    assert_eq!(late.state, State::Delivered);
    let unstored = world.clone().passed(2_000_100, Ending::NotStored).told();
    assert_eq!((unstored.state, unstored.at.last()), (State::Expired, Some(&(State::Expired, at(1_000_000)))));
    let mut over = World { present: None, ..world.clone() }.had(1_000, 30_000, SessionEnd::Lost);
    over.sessions[0].rest =
        Some(Arc::new(Rest { sent: vec![Sent { seq: SEQ, at: at(10_002), hold: None }], held: Vec::new() }));
    assert_eq!(over.told().state, State::Sent, "nor when its session is over");
    let listed = over.online(3_000_000).passed(3_000_100, Ending::NotStored).told();
    assert_eq!(listed.at.last(), Some(&(State::Expired, at(1_000_000))));
    let recalled = World { now: at(60_000), recalled_at: Some(at(50_000)), ..world };
    is_told(&recalled, State::Sent, "recalled; the device has not yet said whether it had it", &delays);
    let stored = recalled.stored(60_000, Some(10_002));
    assert_eq!(stored.told().at.last(), Some(&(State::Delivered, at(60_000))));
    let gone = World { has_recall: true, ..stored };
    let cause = "recalled: the device has the recall too, and does not show it";
    is_told(&gone, State::Recalled, cause, &[(Cause::NotAcknowledged, 10, Some(60))]);
    assert_eq!(gone.told().at.last(), Some(&(State::Recalled, at(60_000))), "not before it had it");
}

#[test]
fn a_newer_login_in_the_instant_of_writing_is_not_the_session_before_it() {
    let mut world =
        World::normal().had(1_000, 49_572, SessionEnd::Conflict).online(49_572).stored(49_580, Some(49_572));
    let sent = vec![Sent { seq: SEQ, at: at(10_009), hold: None }];
    world.sessions[0].rest = Some(Arc::new(Rest { sent, held: Vec::new() }));
    let told = world.told();
    assert_eq!(told.delays.iter().map(|own| own.cause).collect::<Vec<_>>(), [Cause::NotAcknowledged]);
    assert!(told.cause.is_some_and(|cause| cause.ends_with("another login of the device ended its session")));
    let over = world.had(49_572, 60_000, SessionEnd::Lost);
    assert_eq!(World { present: None, ..over }.told().delays, told.delays);
}

#[test]
fn a_server_that_died_served_until_its_last_sign() {
    let restart =
        |began| Session { resumed_at: Some(at(20_000)), ..session(began, 9_000.max(began), SessionEnd::Restart) };
    let mut world = World::normal().stored(10_011, Some(10_004));
    world.sessions.push(restart(1_000));
    assert_eq!(told(&world), (State::Delivered, None, Vec::new()));
    world.rows.clear();
    assert_eq!(told(&world.clone().event(EventType::Displayed, 10_009)), (State::Displayed, None, Vec::new()));
    assert_eq!(told(&world).2, [(Cause::ServerDown, 10, Some(20)), (Cause::Offline, 20, None)]);
    let late = World { sessions: vec![restart(12_000)], ..World::normal() }.stored(12_007, Some(12_004));
    assert_eq!(told(&late).2, [(Cause::Offline, 10, Some(12))], "and nothing behind it");
}

#[test]
fn dismissed_stays_when_it_is_opened_later() {
    let world = World::normal().online(1_000).stored(10_400, Some(10_001)).event(EventType::Dismissed, 39_000);
    let told = world.event(EventType::Opened, 41_000).told();
    assert_eq!(told.state, State::Opened);
    assert_eq!(told.at[3..], [(State::Dismissed, at(39_000)), (State::Opened, at(41_000))]);
}

#[test]
fn what_is_not_kept_any_more_is_unknown_and_not_invented() {
    let mut world = World::normal();
    world.entry.created_at = at(0);
    let many = i64::try_from(SESSIONS_MAX).expect("a small number");
    world.sessions = (1..=many).map(|n| session(1_000 * n, 1_000 * n + 900, SessionEnd::Lost)).collect();
    assert_eq!(world.told().delays.first().map(|own| (own.cause, own.to)), Some((Cause::Unknown, Some(at(1_000)))));
    world.sessions.pop();
    assert_eq!(world.told().delays.first().map(|own| own.cause), Some(Cause::Offline), "all that there were");
}

#[test]
fn an_events_time_is_one_that_can_be() {
    let event = |millis| Event { kind: EventType::Opened, at: at(millis), reason: None };
    let bounded = |millis| event(millis).bounded(at(10), at(20)).at;
    assert_eq!([bounded(9), bounded(10), bounded(20), bounded(21)], [at(10), at(10), at(20), at(20)]);
}
