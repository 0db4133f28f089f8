//! The checker itself: a run as promised is clean, and each planted break is found under its own number.

use std::collections::BTreeMap;

use longwire_fault::check::Told;
use longwire_fault::level::Log;
use longwire_fault::{Invariant, Ledger, Level, Posted, Seen, check};
use longwire_model::Timestamp;
use longwire_test_support::screen::{Line, What};

const EARLY: &str = "2026-11-21T11:42:00.000Z";
const LATE: &str = "2026-11-21T11:50:00.000Z";

fn line(what: What, id: &str, process: &str, time: &str) -> Line {
    Line { id: id.into(), what, process: process.into(), time: time.into() }
}

fn on_screen(id: &str) -> [Line; 2] {
    [line(What::Handed, id, "p", EARLY), line(What::Done, id, "p", EARLY)]
}

fn posted(id: &str, to: &str, order: usize) -> Posted {
    Posted { id: id.into(), to: to.into(), lane: "normal".into(), sender: "s".into(), order, ..Posted::default() }
}

/// What a server of two devices takes that has accepted so many.
fn level(accepted: u64) -> Level {
    Level {
        rss_kib: 20_000,
        files: 30,
        steady: vec![("device".into(), 2), ("membership".into(), 4)],
        acknowledgements: 2,
        idempotency: accepted,
        notifications: accepted,
    }
}

/// Two devices; 1 is for both, 2 for `a`.
fn good() -> (Ledger, Seen) {
    let mut ledger = Ledger::default();
    ledger.add_device("a");
    ledger.add_device("b");
    ledger.accept(posted("1", "all", 1));
    ledger.accept(posted("2", "device:a", 2));
    let told = |devices: &[&str]| Told {
        states: devices.iter().map(|device| ((*device).to_owned(), "delivered".to_owned())).collect(),
        counts: BTreeMap::from([("delivered".to_owned(), devices.len() as u64)]),
        audience: devices.len() as u64,
    };
    let seen = Seen {
        screens: BTreeMap::from([
            ("a".to_owned(), [on_screen("1"), on_screen("2")].concat()),
            ("b".to_owned(), on_screen("1").to_vec()),
        ]),
        told: BTreeMap::from([("1".to_owned(), told(&["a", "b"])), ("2".to_owned(), told(&["a"]))]),
        accepted_total: Some(2),
        log: Some(Log { notifications: 2, of_this_life: 2 }),
        sessions: Some(2),
        phones: 2,
        level: Some((level(0), level(2))),
        integrity: Some("ok".to_owned()),
    };
    (ledger, seen)
}

/// What is found once something is changed; each finding must be against `invariant` alone.
fn planted(invariant: Invariant, change: impl FnOnce(&mut Ledger, &mut Seen)) -> Vec<String> {
    let (mut ledger, mut seen) = good();
    change(&mut ledger, &mut seen);
    let verdict = check(&ledger, &seen);
    let found = verdict.against(invariant).to_vec();
    assert!(!found.is_empty(), "not found: {verdict}");
    assert_eq!(verdict.broken(), [invariant], "{verdict}");
    found
}

fn set_screen(seen: &mut Seen, device: &str, lines: Vec<Line>) {
    seen.screens.insert(device.into(), lines);
}

fn set_state(seen: &mut Seen, id: &str, device: &str, state: &str) {
    let told = seen.told.get_mut(id).expect("the sample has it");
    told.states.insert(device.into(), state.into());
    told.counts.clear();
    for state in told.states.values() {
        *told.counts.entry(state.clone()).or_default() += 1;
    }
}

#[test]
fn what_happened_as_promised_is_clean() {
    let (ledger, seen) = good();
    let verdict = check(&ledger, &seen);
    assert!(verdict.is_clean(), "{verdict}");
}

#[test]
fn i1_what_is_missing_or_stands_still_is_found() {
    let missing = planted(Invariant::I1, |_, seen| set_screen(seen, "a", on_screen("1").to_vec()));
    assert_eq!(missing, ["2 on a is delivered, and not on its screen"]);
    planted(Invariant::I1, |_, seen| {
        set_screen(seen, "b", Vec::new());
        set_state(seen, "1", "b", "accepted");
    });
    planted(Invariant::I1, |_, seen| {
        set_screen(seen, "b", Vec::new());
        set_state(seen, "1", "b", "expired");
    });
    planted(Invariant::I1, |_, seen| drop(seen.told.remove("2")));
}

#[test]
fn i1_an_end_that_may_be_is_none_that_is_missing() {
    let (mut ledger, mut seen) = good();
    ledger.amend("1", |posted| *posted = posted.clone().that_may_be("rejected"));
    set_screen(&mut seen, "b", Vec::new());
    set_state(&mut seen, "1", "b", "rejected");
    let verdict = check(&ledger, &seen);
    assert!(verdict.is_clean(), "{verdict}");
}

#[test]
fn i2_twice_is_found_and_a_new_life_before_it_was_done_is_not() {
    let twice = vec![line(What::Handed, "1", "p", EARLY), line(What::Handed, "1", "p", EARLY)];
    planted(Invariant::I2, |_, seen| set_screen(seen, "b", twice));
    let after_done = [&on_screen("1")[..], &[line(What::Handed, "1", "q", EARLY)]].concat();
    planted(Invariant::I2, |_, seen| set_screen(seen, "b", after_done));
    let (ledger, mut seen) = good();
    set_screen(&mut seen, "b", [&[line(What::Handed, "1", "o", EARLY)][..], &on_screen("1")].concat());
    assert!(check(&ledger, &seen).is_clean());
}

#[test]
fn i3_what_begins_after_its_recall_or_expiry_is_found() {
    let end = EARLY.parse::<Timestamp>().expect("an instant").as_millis();
    let late = vec![line(What::Handed, "1", "p", LATE), line(What::Done, "1", "p", LATE)];
    for is_recall in [true, false] {
        planted(Invariant::I3, |ledger, seen| {
            ledger.amend("1", |posted| {
                if is_recall {
                    posted.recalled_at = Some(end);
                } else {
                    posted.expires_at = Some(end);
                }
            });
            set_screen(seen, "b", late.clone());
        });
    }
    planted(Invariant::I3, |_, seen| {
        let lines = [line(What::Removed, "1", "p", EARLY), line(What::Handed, "1", "p", EARLY)];
        set_screen(seen, "b", lines.to_vec());
    });
}

#[test]
fn i4_another_order_is_found_and_another_lane_is_none() {
    let swapped = [on_screen("2"), on_screen("1")].concat();
    planted(Invariant::I4, |_, seen| set_screen(seen, "a", swapped.clone()));
    let (mut ledger, mut seen) = good();
    ledger.amend("2", |posted| posted.lane = "background".into());
    set_screen(&mut seen, "a", swapped.clone());
    assert!(check(&ledger, &seen).is_clean());
    // What is for a user waits for a login where the rest does not, and keeps its order with its own kind.
    for is_both in [false, true] {
        let (mut ledger, mut seen) = good();
        ledger.add_member("user:u", "a");
        ledger.add_member("user:u", "b");
        ledger.amend("1", |posted| posted.to = "user:u".into());
        if is_both {
            ledger.add_member("user:v", "a");
            ledger.amend("2", |posted| posted.to = "user:v".into());
        }
        set_screen(&mut seen, "a", swapped.clone());
        let expected: &[Invariant] = if is_both { &[Invariant::I4] } else { &[] };
        assert_eq!(check(&ledger, &seen).broken(), expected);
    }
}

#[test]
fn i5_a_wrong_device_and_a_stranger_are_found() {
    planted(Invariant::I5, |_, seen| set_screen(seen, "b", [on_screen("1"), on_screen("9")].concat()));
    planted(Invariant::I5, |_, seen| set_screen(seen, "b", [on_screen("1"), on_screen("2")].concat()));
    planted(Invariant::I5, |_, seen| set_screen(seen, "z", Vec::new()));
}

#[test]
fn i6_i8_and_i9_are_found_in_what_the_server_tells() {
    planted(Invariant::I6, |_, seen| seen.sessions = Some(1));
    planted(Invariant::I6, |_, seen| seen.sessions = None);
    planted(Invariant::I8, |_, seen| seen.integrity = Some("row 7 missing from index".into()));
    planted(Invariant::I8, |_, seen| seen.integrity = None);
    planted(Invariant::I9, |_, seen| seen.accepted_total = Some(3));
    planted(Invariant::I9, |_, seen| seen.accepted_total = None);
    planted(Invariant::I9, |_, seen| seen.log = None);
    planted(Invariant::I9, |_, seen| seen.log = Some(Log { notifications: 3, of_this_life: 2 }));
    planted(Invariant::I9, |_, seen| {
        seen.told.get_mut("1").expect("the sample has it").counts.insert("delivered".into(), 1);
    });
    planted(Invariant::I9, |_, seen| seen.told.get_mut("2").expect("the sample has it").audience = 2);
}

#[test]
fn i7_what_does_not_return_is_found() {
    let changes: [fn(&mut Level); 6] = [
        |now| now.rss_kib += 20_000,
        |now| now.files += 20,
        |now| now.steady = vec![("device".into(), 3), ("membership".into(), 4)],
        |now| now.acknowledgements += 20,
        |now| now.idempotency += 1,
        |now| now.notifications += 1,
    ];
    for change in changes {
        planted(Invariant::I7, |_, seen| {
            let (_, now) = seen.level.as_mut().expect("the sample has it");
            change(now);
        });
    }
}

#[test]
fn phones_that_came_are_no_rows_that_stayed() {
    let (ledger, mut seen) = good();
    let (before, now) = seen.level.as_mut().expect("the sample has it");
    let look = now.clone();
    (now.files, now.steady) = (now.files + 20, vec![("device".into(), 22), ("membership".into(), 44)]);
    before.grow(&look, now);
    let verdict = check(&ledger, &seen);
    assert!(verdict.is_clean(), "{verdict}");
}

#[test]
fn a_life_counts_what_it_has_accepted_itself() {
    let (ledger, mut seen) = good();
    seen.log = Some(Log { notifications: 2, of_this_life: 1 });
    seen.accepted_total = Some(1);
    let verdict = check(&ledger, &seen);
    assert!(verdict.is_clean(), "{verdict}");
}

#[test]
fn what_a_restore_has_undone_may_be_on_a_screen_and_is_counted_nowhere() {
    let (mut ledger, mut seen) = good();
    ledger.undo("2");
    seen.told.remove("2");
    seen.accepted_total = Some(1);
    seen.log = Some(Log { notifications: 1, of_this_life: 1 });
    seen.level = Some((level(0), level(1)));
    let verdict = check(&ledger, &seen);
    assert!(verdict.is_clean(), "{verdict}");
    seen.log = Some(Log { notifications: 2, of_this_life: 1 });
    assert_eq!(check(&ledger, &seen).broken(), [Invariant::I9]);
}

#[test]
fn an_audience_is_who_was_there() {
    let mut ledger = Ledger::default();
    let post = |ledger: &mut Ledger, to: &str| ledger.accept(Posted { to: to.into(), ..Posted::default() });
    ledger.add_device("a");
    ledger.add_member("topic:t", "a");
    for to in ["all", "device:a", "device:x", "topic:t", "topic:nobody"] {
        post(&mut ledger, to);
    }
    ledger.add_device("b");
    post(&mut ledger, "all");
    let sizes: Vec<usize> = (0..6).map(|number| ledger.audience(number).len()).collect();
    assert_eq!(sizes, [1, 1, 0, 1, 0, 2]);
    assert_eq!(ledger.showings(), 5);
}
