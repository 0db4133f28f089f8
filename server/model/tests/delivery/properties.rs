//! What holds whatever the rows say.

use std::sync::Arc;

use longwire_model::delivery::{
    Cause, DELAY_MS_MIN, DELAYS_MAX, Delay, Delivery, Ending, Event, EventType, Hold, Present, Progress, Sent, State,
    Superseded, overall,
};
use longwire_model::{EntryId, Held, Lane, Rest, Session, SessionEnd, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::world::{SEQ, World, at, row};

const LADDER: [State; 7] = [
    State::Scheduled,
    State::Accepted,
    State::Sent,
    State::Delivered,
    State::Displayed,
    State::Opened,
    State::Dismissed,
];

/// Any instant around the life of the notification; some before it.
fn instant() -> impl Strategy<Value = i64> {
    prop_oneof![0..200_000_i64, 9_000..14_000_i64, 900_000..1_100_000_i64]
}

fn session() -> impl Strategy<Value = Session> {
    (instant(), instant(), select(SessionEnd::ALL.to_vec()), proptest::option::of(instant())).prop_map(
        |(one, other, end, resumed)| Session {
            began_at: at(one.min(other)),
            heard_at: at(one.min(other)),
            ended_at: at(one.max(other)),
            end,
            rest: None,
            resumed_at: resumed.filter(|_| end == SessionEnd::Restart).map(|by| at(one.max(other).max(by))),
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    (select(EventType::ALL.to_vec()), instant(), proptest::option::of("[a-z]{1,9}"))
        .prop_map(|(kind, millis, reason)| Event { kind, at: at(millis), reason }.bounded(at(10_000), at(2_000_000)))
}

fn progress() -> impl Strategy<Value = Progress> {
    let hold = || select(Hold::ALL.to_vec());
    prop_oneof![
        proptest::option::of(select(Ending::ALL.to_vec())).prop_map(Progress::Passed),
        Just(Progress::Unlisted),
        hold().prop_map(Progress::Waiting),
        (instant(), proptest::option::of(hold()), any::<bool>())
            .prop_map(|(millis, hold, is_blocked)| Progress::Written { at: at(millis), hold, is_blocked }),
    ]
}

/// What a session can leave behind, or have passed over.
fn left_behind() -> impl Strategy<Value = Progress> {
    let hold = || select(Hold::ALL.to_vec());
    prop_oneof![
        Just(Progress::Passed(Some(Ending::Filtered))),
        Just(Progress::Unlisted),
        hold().prop_map(Progress::Waiting),
        proptest::option::of(hold()).prop_map(|hold| Progress::Written {
            at: Timestamp::default(),
            hold,
            is_blocked: false
        }),
    ]
}

/// What a session on which the entry has come so far leaves behind.
fn rest(lane: Lane, progress: Progress) -> Rest {
    match progress {
        Progress::Waiting(hold) => Rest { sent: Vec::new(), held: vec![Held { lane, after: SEQ - 1, hold }] },
        Progress::Written { at, hold, .. } => Rest { sent: vec![Sent { seq: SEQ, at, hold }], held: Vec::new() },
        Progress::Passed(_) | Progress::Unlisted => Rest::default(),
    }
}

prop_compose! {
    fn world()(
        is_background in any::<bool>(),
        has_filter in any::<bool>(),
        is_filtered in any::<bool>(),
        now in 10_000..1_200_000_i64,
        row in proptest::option::of((instant(), proptest::option::of(instant()), proptest::option::of(select(Ending::ALL.to_vec())))),
        left in proptest::option::weighted(0.2, instant()),
        superseded in proptest::option::weighted(0.2, instant()),
        recalled in proptest::option::weighted(0.2, instant()),
        has_recall in any::<bool>(),
        events in proptest::collection::vec(event(), 0..5),
        sessions in proptest::collection::vec(session(), 0..6),
        present in proptest::option::of((instant(), instant(), proptest::option::of(instant()), proptest::option::of(progress()))),
    ) -> World {
        let lane = if is_background { Lane::Background } else { Lane::Normal };
        let mut world = World::new(lane, has_filter.then_some("tag:beta"));
        world.now = at(now);
        world.rows.extend(row.map(|(millis, sent, ending)| longwire_model::delivery::Acknowledgement {
            lane,
            ..super::world::row(millis.max(10_000), sent.map(|sent| sent.min(millis)), ending)
        }));
        world.is_filtered = has_filter && is_filtered;
        world.left_at = left.map(|millis| at(millis.max(10_000)));
        world.superseded = superseded.map(|millis| Superseded { at: at(millis.max(10_000)), by: EntryId::from_bytes([8; 16]) });
        world.recalled_at = recalled.map(|millis| at(millis.max(10_000)));
        world.has_recall = has_recall;
        world.events = events;
        world.sessions = sessions;
        world.present = present.map(|(began, heard, next, progress)| Present {
            began_at: at(began.min(now)),
            heard_at: at(heard.min(now)),
            next_contact: next.map(at),
            progress,
        });
        world
    }
}

fn rank(state: State) -> Option<usize> {
    LADDER.iter().position(|own| *own == state)
}

/// A state never goes back: on the ladder it stays or climbs, and it may end. Opened is above dismissed.
fn is_no_step_back(before: State, after: State) -> bool {
    match (rank(before), rank(after)) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(before), Some(after)) if before >= 5 => after >= 5,
        (Some(before), Some(after)) => after >= before,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_times_follow_the_ladder_and_the_state_is_the_last(world in world()) {
        let told = world.told();
        let ladder: Vec<(State, Timestamp)> = told.at.iter().copied().filter(|(state, _)| rank(*state).is_some()).collect();
        // Of opened and dismissed either may come first.
        prop_assert!(ladder.is_sorted_by_key(|(state, _)| (*state).min(State::Opened)), "{:?}", told.at);
        prop_assert!(ladder.is_sorted_by_key(|(_, at)| *at), "{:?}", told.at);
        prop_assert_eq!(told.at.first(), Some(&(State::Accepted, world.entry.created_at)));
        prop_assert!(told.at.iter().any(|(state, _)| *state == told.state), "{:?} of {:?}", told.state, told.at);
    }

    #[test]
    fn there_is_one_end_at_most_and_it_says_why(world in world()) {
        let told = world.told();
        let ends: Vec<State> = told.at.iter().map(|(state, _)| *state).filter(|state| rank(*state).is_none()).collect();
        prop_assert!(ends.len() <= 1, "{ends:?}");
        if rank(told.state).is_none() {
            prop_assert_eq!(ends, vec![told.state]);
            prop_assert!(told.cause.is_some_and(|cause| cause.starts_with(told.state.as_str())));
        }
    }

    #[test]
    fn the_order_of_what_is_told_says_nothing(world in world(), by in any::<Index>()) {
        let mut turned = world.clone();
        turned.events.reverse();
        turned.sessions.rotate_left(by.index(world.sessions.len().max(1)).min(world.sessions.len()));
        // Rows that do not cover the entry say nothing either.
        let mut other = row(50_000, Some(40_000), Some(Ending::Left));
        (other.from, other.to) = (100, 200);
        turned.rows.insert(0, other);
        prop_assert_eq!(world.told(), turned.told());
    }

    #[test]
    fn an_acknowledgement_never_takes_a_state_back(mut world in world(), millis in instant(), sent in proptest::option::of(instant())) {
        world.rows.clear();
        let told = world.told();
        let before = told.state;
        let mut after = world.clone();
        let lane = world.entry.kind.routing().map_or(Lane::Normal, |routing| routing.lane);
        after.rows.push(longwire_model::delivery::Acknowledgement { lane, ..row(millis.max(10_000), sent, None) });
        let after = after.told().state;
        // What seemed ended while nothing was heard of the device may turn out to have been stored before.
        prop_assert!(is_no_step_back(before, after) || rank(before).is_none(), "{before} {after}");
        let was_sent = told.at.iter().find(|(state, _)| *state == State::Sent);
        let is_undone = rank(before).is_none() && rank(after).is_some();
        prop_assert!(was_sent.is_none_or(|(_, sent)| !is_undone || told.at.iter().any(|(own, at)| *own == before && at <= sent)), "{told:?}");
        prop_assert!(rank(after).is_none_or(|rank| rank >= 3));
    }

    #[test]
    fn an_event_never_takes_a_state_back(world in world(), event in event()) {
        prop_assume!(world.events.iter().all(|own| own.kind != event.kind));
        let before = world.told().state;
        let mut after = world;
        after.events.push(event);
        let after = after.told().state;
        prop_assert!(is_no_step_back(before, after) || rank(before).is_none(), "{before} {after}");
    }

    #[test]
    fn what_was_written_before_it_ended_is_not_ended_until_the_device_is_heard(mut world in world(), sent in 10_000..1_000_000_i64) {
        world.rows.clear();
        world.events.clear();
        (world.is_filtered, world.sessions) = (false, Vec::new());
        let progress = Some(Progress::Written { at: at(sent), hold: None, is_blocked: false });
        world.present = Some(Present { began_at: at(0), heard_at: at(0), next_contact: None, progress });
        world.recalled_at = world.recalled_at.map(|end| end.max(at(sent)));
        world.left_at = world.left_at.map(|end| end.max(at(sent)));
        world.superseded = world.superseded.map(|own| Superseded { at: own.at.max(at(sent)), ..own });
        let told = world.told();
        prop_assert_eq!(told.state, State::Sent);
        prop_assert_eq!(told.at.last(), Some(&(State::Sent, at(sent))));
        let stored = World { rows: vec![longwire_model::delivery::Acknowledgement {
            lane: world.entry.kind.routing().map_or(Lane::Normal, |routing| routing.lane),
            ..row(world.now.as_millis().max(sent), Some(sent), None)
        }], ..world.clone() };
        prop_assert!(told.at.iter().all(|own| stored.told().at.contains(own)));
        prop_assert!(rank(stored.told().state).is_some() || world.has_recall);
    }

    #[test]
    fn what_a_person_did_later_moves_no_time(world in world(), one in instant(), other in instant(), is_opened_first in any::<bool>()) {
        let kinds = [EventType::Opened, EventType::Dismissed];
        let [first, second] = if is_opened_first { kinds } else { [kinds[1], kinds[0]] };
        let mut world = world;
        world.events.retain(|own| !kinds.contains(&own.kind));
        let earlier = at(one.min(other)).max(at(10_000));
        let later = at(one.max(other)).max(at(10_000));
        world.events.push(Event { kind: first, at: earlier, reason: None });
        let before = world.told();
        world.events.push(Event { kind: second, at: later, reason: None });
        let after = world.told();
        prop_assert!(before.at.iter().all(|own| after.at.contains(own)), "{:?} {:?}", before.at, after.at);
    }

    #[test]
    fn what_is_recalled_is_told_in_the_order_of_the_ladder(mut world in world(), recalled in instant()) {
        world.recalled_at = Some(at(recalled.max(10_000)));
        world.events.retain(|own| own.kind == EventType::Displayed);
        let told = world.told();
        if told.state == State::Recalled {
            prop_assert!(told.at.is_sorted_by_key(|(_, at)| *at), "{:?}", told.at);
        }
    }

    #[test]
    fn no_delay_covers_a_time_in_which_the_server_delivered(
        began in 0..9_000_i64, alive in 0..9_000_i64, sent in 10_000..19_000_i64, took in 0..900_i64, others in proptest::collection::vec(session(), 0..3),
    ) {
        let restart = Session {
            began_at: at(began), heard_at: at(began), ended_at: at(began.max(alive)), end: SessionEnd::Restart, resumed_at: Some(at(20_000)), rest: None,
        };
        let others = others.into_iter().filter(|own| own.began_at >= at(20_000) || own.ended_at < at(began));
        let sessions = others.chain([restart]).collect();
        let told = World { sessions, ..World::normal() }.stored(sent + took, Some(sent)).told();
        prop_assert_eq!(told.state, State::Delivered);
        prop_assert!(told.delays.iter().all(|own| own.cause.as_str() != "server down" && own.cause.as_str() != "offline"), "{:?}", told.delays);
        prop_assert!(told.delays.iter().all(|own| own.millis(at(20_000)) >= DELAY_MS_MIN));
    }

    #[test]
    fn time_alone_never_undoes_an_end(world in world(), later in 0..1_000_000_i64) {
        let before = world.told();
        let after = World { now: world.now.plus_millis(later), ..world }.told();
        if rank(before.state).is_none() {
            prop_assert_eq!(before.state, after.state);
            prop_assert_eq!(before.at, after.at);
        }
        prop_assert!(is_no_step_back(before.state, after.state));
    }

    #[test]
    fn the_end_of_a_session_changes_nothing_but_what_goes_on(
        is_background in any::<bool>(), began in 0..90_000_i64, lasts in 0..50_000_i64, progress in left_behind(),
        end in select(SessionEnd::ALL.to_vec()).prop_filter("one that takes something", |end| *end != SessionEnd::Slow),
    ) {
        let lane = if is_background { Lane::Background } else { Lane::Normal };
        let now = began.max(10_000) + lasts;
        let mut live = World { now: at(now), ..World::new(lane, Some("tag:beta")) }.online(began);
        live.is_filtered = progress == Progress::Passed(Some(Ending::Filtered));
        let progress = match progress {
            Progress::Written { hold, is_blocked, .. } => {
                Progress::Written { at: at(now - lasts / 2), hold, is_blocked }
            }
            other @ (Progress::Passed(_) | Progress::Unlisted | Progress::Waiting(_)) => other,
        };
        live.present = live.present.map(|present| Present { progress: Some(progress), ..present });
        let mut over = World { present: None, now: at(now + 1_000), ..live.clone() }.had(began, now, end);
        over.sessions[0].rest = Some(Arc::new(rest(lane, progress)));
        let (before, after) = (live.told(), over.told());
        prop_assert_eq!(before.state, after.state);
        prop_assert_eq!(&before.at, &after.at);
        // What went on has its end, or was no delay; and then the device is away.
        let is_told = |own: &Delay| own.to.is_some() || own.millis(at(now)) >= DELAY_MS_MIN;
        let ended = before.delays.into_iter().filter(is_told);
        let mut ended: Vec<Delay> = ended.map(|own| Delay { to: own.to.or(Some(at(now))), ..own }).collect();
        if rank(after.state).is_some() {
            ended.extend(after.delays.last().cloned());
        }
        let replaced = " until another login of the device ended its session";
        let told = after.delays.into_iter().map(|own| Delay { detail: own.detail.replace(replaced, ""), ..own });
        prop_assert_eq!(ended, told.collect::<Vec<_>>());
    }

    #[test]
    fn what_was_told_stays_told_when_more_follows(
        pasts in proptest::collection::vec((0..20_000_i64, 0..20_000_i64, select(SessionEnd::ALL.to_vec()), proptest::option::of(left_behind())), 1..6),
    ) {
        let mut world = World::normal();
        let mut told: Option<Delivery> = None;
        let mut clock = 0;
        for (away, lasts, end, progress) in pasts {
            let began = clock + away;
            clock = began + lasts + 1;
            world = world.had(began, clock, end);
            let progress = progress.map(|progress| match progress {
                Progress::Written { hold, .. } => Progress::Written { at: at(clock), hold, is_blocked: false },
                Progress::Passed(_) => Progress::Passed(None),
                other @ (Progress::Unlisted | Progress::Waiting(_)) => other,
            });
            let own = world.sessions.last_mut().expect("the one that it had");
            own.rest = progress.map(|progress| Arc::new(rest(Lane::Normal, progress)));
            world.now = at(clock);
            if clock <= 10_000 {
                continue;
            }
            let after = world.told();
            if let Some(before) = told {
                prop_assert!(before.at.iter().all(|own| after.at.contains(own)), "{:?} {:?}", before.at, after.at);
                let closed = before.delays.iter().filter(|own| own.to.is_some());
                prop_assert!(closed.eq(after.delays.iter().take(before.delays.len() - 1)), "{before:?} {after:?}");
            }
            told = Some(after);
        }
    }

    #[test]
    fn delays_lie_in_the_life_of_the_delivery_without_overlap(world in world()) {
        let told = world.told();
        let mut end = world.entry.created_at;
        let last = if rank(told.state).is_some_and(|rank| rank < 3) {
            world.now
        } else {
            told.at.iter().map(|(_, at)| *at).max().expect("a time")
        };
        prop_assert!(told.delays.len() <= DELAYS_MAX);
        for delay in &told.delays {
            prop_assert!(end <= delay.from, "{:?}", told.delays);
            end = delay.to.unwrap_or(world.now);
            prop_assert!(delay.from <= end && end <= last, "{:?} in {:?}", delay, told.at);
            prop_assert!(!delay.detail.is_empty());
        }
        let open = told.delays.iter().filter(|delay| delay.to.is_none()).count();
        let is_waiting = rank(told.state).is_some_and(|rank| rank < 3);
        prop_assert_eq!(open, usize::from(is_waiting && world.now >= world.entry.created_at));
        prop_assert!(!is_waiting || told.delays.last().is_some_and(|delay| delay.to.is_none()));
        prop_assert_eq!(is_waiting && told.cause.is_none(), false);
    }

    #[test]
    fn what_a_connected_device_has_within_a_second_had_no_delay(took in 0..DELAY_MS_MIN, sent in 0..DELAY_MS_MIN, began in 0..10_000_i64) {
        let world = World::normal().online(began).stored(10_000 + took, Some(10_000 + sent.min(took)));
        let told = world.told();
        prop_assert_eq!((told.state, told.cause, told.delays), (State::Delivered, None, Vec::new()));
    }

    #[test]
    fn a_device_that_was_away_all_the_time_was_offline(
        before in proptest::collection::vec((0..5_000_i64, 5_000..10_000_i64, select(SessionEnd::ALL.to_vec())), 0..4),
        now in 10_000..1_200_000_i64,
    ) {
        let mut world = World { now: at(now), ..World::normal() };
        for (began, ended, end) in before {
            world = world.had(began, ended, end);
        }
        let told = world.told();
        let causes: Vec<Cause> = told.delays.iter().map(|delay| delay.cause).collect();
        prop_assert_eq!(causes, [Cause::Offline]);
        prop_assert!(told.cause.is_some_and(|cause| cause.contains("offline")));
    }

    #[test]
    fn the_whole_is_the_fold_of_its_deliveries(worlds in proptest::collection::vec(world(), 1..12)) {
        let states: Vec<State> = worlds.iter().map(|world| world.told().state).collect();
        let count = |state: State| states.iter().filter(|own| **own == state).count() as u64;
        let counts: Vec<(State, u64)> = State::ALL.into_iter().map(|state| (state, count(state))).collect();
        prop_assert_eq!(counts.iter().map(|(_, count)| *count).sum::<u64>(), states.len() as u64);
        let whole = overall(&counts, false, false);
        prop_assert!(states.contains(&whole), "{whole} of {states:?}");
        if let Some(slowest) = states.iter().filter_map(|state| rank(*state)).min() {
            prop_assert_eq!(rank(whole), Some(slowest));
        }
    }
}
