//! What senders, operators and apps' back ends ask for.

use std::sync::Arc;

use longwire_core::devices::Change;
use longwire_model::{AudienceKey, Entry, Lane, Notification};

use super::Climate;
use crate::rng::Rng;
use crate::server::key;
use crate::tally::{Fault, Traffic};
use crate::world::World;

/// What is in most notifications.
const PLAIN: &str = r#"{"title":"Door","body":"Bell"}"#;
/// A payload of a form that the phones do not know.
const UNUSABLE: &str = r#"{"title":7}"#;
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

fn audience(world: &World, rng: &mut Rng) -> Vec<AudienceKey> {
    let phone = rng.index(world.phones.len());
    match rng.below(10) {
        0..2 => vec![AudienceKey::all()],
        2..4 => world.device(phone).map_or_else(|| vec![key("user:alice")], |device| vec![AudienceKey::device(device)]),
        4..6 => vec![key("user:alice")],
        6 => vec![key("user:bob")],
        7 => vec![key("topic:t")],
        8 => vec![key("tag:x")],
        _ => {
            let device = world.device(phone).map(AudienceKey::device);
            [key("user:alice"), key("topic:t")].into_iter().chain(device.filter(|_| rng.chance(50))).collect()
        }
    }
}

fn notification(world: &mut World, rng: &mut Rng) -> Notification {
    let audience = audience(world, rng);
    let lane = if rng.chance(35) { Lane::Background } else { Lane::Normal };
    world.tally.traffic(if lane == Lane::Normal { Traffic::Normal } else { Traffic::Background });
    match audience.as_slice() {
        [only] if *only == AudienceKey::all() => world.tally.traffic(Traffic::Everybody),
        [_] => {}
        _ => world.tally.traffic(Traffic::List),
    }
    let ttl_seconds = match rng.below(100) {
        0..20 => rng.below(240) + 1,
        20..32 => rng.below(3_600) + 240,
        _ => 20 * 24 * 3_600,
    };
    if ttl_seconds < 4_000 {
        world.tally.traffic(Traffic::ShortTtl);
    }
    let filter = rng.chance(15).then(|| ["tag:x", "!tag:x"][rng.index(2)].parse().expect("a filter"));
    if filter.is_some() {
        world.tally.traffic(Traffic::Filtered);
    }
    let collapse_key: Option<Arc<str>> = rng.chance(20).then(|| Arc::from(["k", "l"][rng.index(2)]));
    if collapse_key.is_some() {
        world.tally.traffic(Traffic::Collapsing);
    }
    let payload: Arc<str> = match rng.below(100) {
        0..2 => {
            world.tally.traffic(Traffic::Unusable);
            UNUSABLE.into()
        }
        2..4 => {
            world.tally.traffic(Traffic::Deadly);
            format!(r#"{{"title":"Door","data":{{{}{}"}}}}"#, crate::phone::KILLS, rng.below(4) + 1).into()
        }
        _ => PLAIN.into(),
    };
    Notification { audience: audience.into(), filter, lane, ttl_seconds, collapse_key, payload }
}

fn post(world: &mut World, notification: Notification) {
    world.note(|| {
        let Notification { audience, filter, lane, ttl_seconds, collapse_key, .. } = &notification;
        format!("send to {audience:?} {filter:?} ttl {ttl_seconds} {lane} {collapse_key:?}")
    });
    if let Some(server) = &world.server {
        server.accept(notification);
    }
}

pub(super) fn send(world: &mut World, rng: &mut Rng) {
    let notification = notification(world, rng);
    post(world, notification);
}

pub(super) fn send_to(world: &mut World, rng: &mut Rng, audience: AudienceKey) {
    let notification = Notification { audience: [audience].into(), ..notification(world, rng) };
    post(world, notification);
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
    if let Some(link) = world.phones[phone].conn {
        world.reset(link);
    }
    let wait_ms = rng.below(3_000);
    world.run_for(wait_ms);
    let some = rng.below(100);
    for number in 0..FLOOD + some {
        let mut notification = notification(world, rng);
        if number % 16 > 0 {
            notification.audience = [key("tag:nobody")].into();
        }
        notification.payload = PLAIN.into();
        post(world, notification);
    }
}

/// One of the newest notifications of the log.
fn recent(world: &mut World, rng: &mut Rng) -> Option<Arc<Entry>> {
    world.book.follow(&world.disk);
    let count = world.book.notifications.len();
    let nth = rng.index(count.clamp(1, 12));
    let seq = world.book.notifications.iter().rev().nth(nth)?;
    world.book.at(*seq).map(|commit| Arc::clone(&commit.entry))
}

fn recall(world: &mut World, rng: &mut Rng) {
    let Some(target) = recent(world, rng) else { return };
    world.tally.traffic(Traffic::Recall);
    world.note(|| format!("recall {} {}", target.seq, target.id));
    if let Some(server) = &world.server {
        server.recall(target.id);
    }
}

fn update(world: &mut World, rng: &mut Rng) {
    let Some(target) = recent(world, rng) else { return };
    world.tally.traffic(Traffic::Update);
    world.note(|| format!("update {} {}", target.seq, target.id));
    let body = rng.next();
    if let Some(server) = &world.server {
        server.update(target.id, format!(r#"{{"title":"Door","body":"{body}"}}"#));
    }
}

/// Now or never.
fn now(world: &mut World, rng: &mut Rng) {
    let notification = Notification { ttl_seconds: 0, payload: PLAIN.into(), ..notification(world, rng) };
    world.tally.traffic(Traffic::Now);
    post(world, notification);
}

fn sweep(world: &mut World) {
    world.count(Fault::Sweep, None);
    world.note(|| "sweep".into());
    if let Some(server) = &world.server {
        server.sweep();
    }
}

fn change(world: &mut World, rng: &mut Rng) {
    let phone = rng.index(world.phones.len());
    let Some(device) = world.device(phone) else { return };
    let change = match rng.below(8) {
        0..2 => Change::User(Some(key("user:alice"))),
        2 => Change::User(Some(key("user:bob"))),
        3 => Change::User(None),
        4 => Change::Join(key("topic:t")),
        5 => Change::Join(key("tag:x")),
        _ => Change::Leave(key(["topic:t", "tag:x"][rng.index(2)])),
    };
    if let Change::User(_) = &change {
        world.tally.traffic(Traffic::UserChange);
        world.count(Fault::HandOver, Some(phone));
    } else {
        world.tally.traffic(Traffic::TopicOrTagChange);
    }
    world.note(|| format!("phone {phone} {change:?}"));
    if let Some(server) = &world.server {
        server.change(device, change);
    }
}
