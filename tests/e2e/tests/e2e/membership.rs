//! A membership change and a push to it in the same millisecond, both orders, a thousand times: what each answer says is on the screen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;

use anyhow::{Context, ensure};
use longwire_test_support::{Client, Phones, Response, SOON, until};
use serde_json::{Value, json};

use crate::world::{World, id_of};

const ROUNDS: usize = 1_000;

/// One push of a round: what its answer promised, and whether it may have been overtaken by the leaving before it was sent.
struct Push {
    round: usize,
    when: &'static str,
    audience: u64,
    is_for_user: bool,
}

/// How a round changes the membership, and whom its pushes are for.
struct Change {
    path: String,
    join: Value,
    to: String,
}

impl Change {
    /// By turns a tag, a topic and a user.
    fn of_round(device: &str, round: usize) -> Self {
        let base = format!("/v1/devices/{device}");
        match round % 3 {
            0 => Self { path: format!("{base}/tags/t{round}"), join: Value::Null, to: format!("tag:t{round}") },
            1 => Self { path: format!("{base}/topics/t{round}"), join: Value::Null, to: format!("topic:t{round}") },
            _ => Self {
                path: format!("{base}/user"),
                join: json!({ "user": format!("u{round}") }),
                to: format!("user:u{round}"),
            },
        }
    }
}

#[test]
fn a_change_and_a_push_in_the_same_millisecond_are_as_their_answers_say() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let device = phone.id()?;
    let mut pushes = BTreeMap::new();
    for round in 0..ROUNDS {
        run_round(&world.api, &phone, &device, round, &mut pushes).with_context(|| format!("round {round}"))?;
    }
    let last = id_of(&world.notify(format!("device:{device}"), "last")?);
    phone.wait("the last push on the screen", SOON * 3, |lines| {
        lines.iter().any(|line| line.pointer("/notification/id").and_then(Value::as_str) == Some(&last)).then_some(())
    })?;
    world.delivered(&last, &device)?;
    let shown: Vec<String> = phone.all_shown();
    let on_screen: BTreeSet<&String> = shown.iter().collect();
    assert_eq!(on_screen.len(), shown.len(), "something was shown twice");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (id, push) in &pushes {
        let what = check(&world, &device, id, push, on_screen.contains(id))?;
        *counts.entry(format!("{}: {what}", push.when)).or_default() += 1;
    }
    println!("a thousand changes and pushes at once: {counts:#?}");
    let of = |what: &str| counts.get(what).copied().unwrap_or(0);
    assert_eq!(
        of("after the join: shown"),
        ROUNDS,
        "a push that was posted after the join was answered is for the device"
    );
    assert_eq!(of("after the leave: not for it"), ROUNDS, "a push that was posted after the leave was answered is not");
    Ok(())
}

/// Join and push at once; push, which is shown before the leaving begins; leave and push at once; push.
fn run_round(
    api: &Client,
    phone: &Phones,
    device: &str,
    round: usize,
    pushes: &mut BTreeMap<String, Push>,
) -> anyhow::Result<()> {
    let change = Change::of_round(device, round);
    let mut note = |when, answer: Response| -> anyhow::Result<()> {
        ensure!(answer.status == 202, "the push was answered {} {}", answer.status, answer.text());
        let audience =
            answer.json().get("audience").and_then(Value::as_u64).context("the answer tells the audience")?;
        pushes.insert(answer.field("id"), Push { round, when, audience, is_for_user: change.to.starts_with("user:") });
        Ok(())
    };
    let push = || api.post("/v1/notifications", &json!({ "to": change.to, "title": format!("Round {round}") }));
    let (answer, joined) = at_once(round, push, || api.put(&change.path, &change.join));
    ensure!(joined?.status / 100 == 2, "the join was refused");
    note("with the join", answer?)?;
    let after_join = push()?;
    let shown_first = after_join.field("id");
    note("after the join", after_join)?;
    phone.shown(&shown_first)?;
    let (answer, left) = at_once(round, push, || api.delete(&change.path));
    ensure!(left?.status / 100 == 2, "the leave was refused");
    note("with the leave", answer?)?;
    note("after the leave", push()?)
}

/// Two requests that start together, in an order that changes from round to round.
fn at_once<A: Send, B: Send>(round: usize, one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B + Send) -> (A, B) {
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        if round.is_multiple_of(2) {
            let thread = scope.spawn(|| {
                barrier.wait();
                other()
            });
            barrier.wait();
            let one = one();
            (one, thread.join().expect("a request does not panic"))
        } else {
            let thread = scope.spawn(|| {
                barrier.wait();
                one()
            });
            barrier.wait();
            let other = other();
            (thread.join().expect("a request does not panic"), other)
        }
    })
}

/// Holds one push against the screen and the API; gives what became of it.
fn check(world: &World, device: &str, id: &str, push: &Push, is_shown: bool) -> anyhow::Result<&'static str> {
    let state = world.state(id, device)?;
    let place = format!("round {}, {}: audience {}, state {state:?}", push.round, push.when, push.audience);
    ensure!(push.audience <= 1, "{place}: there is one device");
    // A change that is under way at the same time may count before or after the push: the screen and the API must agree on which.
    match state.as_deref() {
        None => {
            ensure!(!is_shown, "{place}: it is on the screen and was not for it");
            Ok("not for it")
        }
        // A device whose user changes drops what it stored for the former user and has not shown, and then says so.
        Some("delivered") if !is_shown && push.is_for_user => {
            until(&format!("{place}: left"), SOON, || {
                world.state(id, device).ok().flatten().filter(|state| state == "left")
            })?;
            Ok("left")
        }
        Some("delivered" | "displayed") => {
            ensure!(is_shown, "{place}: it is not on the screen");
            Ok("shown")
        }
        Some("left") => {
            ensure!(!is_shown, "{place}: it is on the screen");
            Ok("left")
        }
        Some(_) => anyhow::bail!("{place}: it is still under way"),
    }
}
