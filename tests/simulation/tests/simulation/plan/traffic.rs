//! What senders, operators and apps' back ends ask for.

use std::fmt;

use longwire_model::Lane;

use super::Climate;
use crate::rng::Rng;
use crate::script::NONE;
use crate::tally::{Fault, Traffic};
use crate::world::World;

/// What is in most notifications.
const PLAIN: &str = "plain";
/// A payload of a form that the phones do not know.
const UNUSABLE: &str = "unusable";
/// More than the newest entries in memory.
const FLOOD: u64 = 1_060;

pub(super) fn act(world: &mut World, climate: &Climate, rng: &mut Rng) {
    match rng.below(100) {
        0..50 => send(world, rng),
        50..58 => burst(world, rng),
        58..60 if climate.floods => flood(world, rng),
        58..67 => recall(world, rng),
        67..73 => update(world, rng),
        73..77 => now(world, rng),
        77..80 => sweep(world),
        _ => change(world, rng),
    }
}

/// A notification, in the words of a script.
struct Sent {
    audience: String,
    ttl_seconds: u64,
    lane: Lane,
    filter: &'static str,
    collapse_key: &'static str,
    payload: String,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { audience, ttl_seconds, lane, filter, collapse_key, payload } = self;
        write!(f, "send {audience} {ttl_seconds} {lane} {filter} {collapse_key} {payload}")
    }
}

fn audience(world: &World, rng: &mut Rng) -> String {
    let phone = rng.index(world.phones.len());
    let is_device = world.device(phone).is_some();
    match rng.below(10) {
        0..2 => "all".to_owned(),
        2..4 if is_device => format!("@{phone}"),
        2..6 => "user:alice".to_owned(),
        6 => "user:bob".to_owned(),
        7 => "topic:t".to_owned(),
        8 => "tag:x".to_owned(),
        _ if is_device && rng.chance(50) => format!("user:alice,topic:t,@{phone}"),
        _ => "user:alice,topic:t".to_owned(),
    }
}

fn notification(world: &mut World, rng: &mut Rng) -> Sent {
    let audience = audience(world, rng);
    let lane = if rng.chance(35) { Lane::Background } else { Lane::Normal };
    world.tally.traffic(if lane == Lane::Normal { Traffic::Normal } else { Traffic::Background });
    if audience == "all" {
        world.tally.traffic(Traffic::Everybody);
    } else if audience.contains(',') {
        world.tally.traffic(Traffic::List);
    }
    let ttl_seconds = match rng.below(100) {
        0..20 => rng.below(240) + 1,
        20..32 => rng.below(3_600) + 240,
        _ => 20 * 24 * 3_600,
    };
    if ttl_seconds < 4_000 {
        world.tally.traffic(Traffic::ShortTtl);
    }
    let filter = if rng.chance(15) { ["tag:x", "!tag:x"][rng.index(2)] } else { NONE };
    if filter != NONE {
        world.tally.traffic(Traffic::Filtered);
    }
    let collapse_key = if rng.chance(20) { ["k", "l"][rng.index(2)] } else { NONE };
    if collapse_key != NONE {
        world.tally.traffic(Traffic::Collapsing);
    }
    let payload = match rng.below(100) {
        0..2 => {
            world.tally.traffic(Traffic::Unusable);
            UNUSABLE.to_owned()
        }
        2..4 => {
            world.tally.traffic(Traffic::Deadly);
            format!("deadly:{}", rng.below(4) + 1)
        }
        _ => PLAIN.to_owned(),
    };
    Sent { audience, ttl_seconds, lane, filter, collapse_key, payload }
}

pub(super) fn send(world: &mut World, rng: &mut Rng) {
    let sent = notification(world, rng);
    world.act(&sent.to_string());
}

pub(super) fn send_to(world: &mut World, rng: &mut Rng, audience: &str) {
    let sent = Sent { audience: audience.to_owned(), ..notification(world, rng) };
    world.act(&sent.to_string());
}

/// Up to two windows at once.
fn burst(world: &mut World, rng: &mut Rng) {
    let count = rng.below(130);
    if count > 64 {
        world.tally.traffic(Traffic::Burst);
    }
    for _ in 0..count {
        send(world, rng);
    }
}

/// More than memory keeps, mostly for nobody, while phones come and go: what they had read is too old when they are bound.
fn flood(world: &mut World, rng: &mut Rng) {
    world.tally.traffic(Traffic::Flood);
    let phone = rng.index(world.phones.len());
    world.act(&format!("reset {phone}"));
    world.act(&format!("wait {}", rng.below(3_000)));
    let some = rng.below(100);
    for number in 0..FLOOD + some {
        let mut sent = notification(world, rng);
        if number % 16 > 0 {
            sent.audience = "tag:nobody".to_owned();
        }
        sent.payload = PLAIN.to_owned();
        world.act(&sent.to_string());
    }
}

/// One of the newest notifications of the log; none when there is none.
fn recent(world: &mut World, rng: &mut Rng) -> Option<usize> {
    world.book.follow(&world.disk);
    let nth = rng.index(world.book.notifications.len().clamp(1, 12));
    world.newest(nth).map(|_| nth)
}

fn recall(world: &mut World, rng: &mut Rng) {
    let Some(nth) = recent(world, rng) else { return };
    world.tally.traffic(Traffic::Recall);
    world.act(&format!("recall {nth}"));
}

fn update(world: &mut World, rng: &mut Rng) {
    let Some(nth) = recent(world, rng) else { return };
    world.tally.traffic(Traffic::Update);
    world.act(&format!("update {nth} {}", rng.next()));
}

/// Now or never.
fn now(world: &mut World, rng: &mut Rng) {
    let sent = Sent { ttl_seconds: 0, payload: PLAIN.to_owned(), ..notification(world, rng) };
    world.tally.traffic(Traffic::Now);
    world.act(&sent.to_string());
}

fn sweep(world: &mut World) {
    world.count(Fault::Sweep, None);
    world.act("sweep");
}

fn change(world: &mut World, rng: &mut Rng) {
    let phone = rng.index(world.phones.len());
    if world.device(phone).is_none() {
        return;
    }
    let (what, key) = match rng.below(8) {
        0..2 => ("bind", "user:alice"),
        2 => ("bind", "user:bob"),
        3 => ("bind", NONE),
        4 => ("join", "topic:t"),
        5 => ("join", "tag:x"),
        _ => ("leave", ["topic:t", "tag:x"][rng.index(2)]),
    };
    if what == "bind" {
        world.tally.traffic(Traffic::UserChange);
        world.count(Fault::HandOver, Some(phone));
    } else {
        world.tally.traffic(Traffic::TopicOrTagChange);
        world.count(Fault::MembershipChange, Some(phone));
    }
    world.act(&format!("{what} {phone} {key}"));
}
