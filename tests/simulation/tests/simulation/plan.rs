//! What a seed makes happen: sends, changes and faults, in random order and at random times.

use std::sync::Arc;

use longwire_client::Network;
use longwire_core::devices::Change;
use longwire_model::{AudienceKey, EntryKind, Lane, Notification};

use crate::Fault;
use crate::rng::Rng;
use crate::server::key;
use crate::world::World;

/// Steps of a world.
const STEPS: u64 = 90;

/// What a world of this seed is like.
pub(crate) struct Climate {
    restores: bool,
    clones: bool,
    wipes: bool,
    clocks: bool,
    faults_percent: u64,
}

impl Climate {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 3);
        Self {
            restores: rng.chance(30),
            clones: rng.chance(20),
            wipes: rng.chance(20),
            clocks: rng.chance(25),
            faults_percent: [10, 25, 45][rng.index(3)],
        }
    }
}

/// Plays a world up to its end, healed.
pub(crate) fn play(world: &mut World, climate: &Climate) {
    world.run_until(20_000);
    for _ in 0..STEPS {
        if climate.restores && world.rng.chance(15) {
            let copy = world.disk.snapshot();
            world.copies.push(copy);
        }
        if world.rng.chance(climate.faults_percent) {
            fault(world, climate);
        } else {
            act(world);
        }
        world.settle();
        let wait_ms = match world.rng.below(20) {
            0..8 => world.rng.below(300),
            8..15 => world.rng.below(10_000),
            15..19 => world.rng.below(180_000),
            _ => world.rng.below(3_600_000),
        };
        let until_ms = world.now_ms + wait_ms;
        world.run_until(until_ms);
    }
    world.heal();
}

fn act(world: &mut World) {
    match world.rng.below(100) {
        0..60 => send(world),
        60..68 => {
            for _ in 0..world.rng.below(100) {
                send(world);
            }
        }
        68..78 => recall(world),
        _ => change(world),
    }
}

fn audience(world: &mut World) -> Vec<AudienceKey> {
    let phone = world.rng.index(world.phones.len());
    match world.rng.below(10) {
        0..2 => vec![AudienceKey::all()],
        2..4 => world.device(phone).map_or_else(|| vec![key("user:alice")], |device| vec![AudienceKey::device(device)]),
        4..6 => vec![key("user:alice")],
        6 => vec![key("user:bob")],
        7 => vec![key("topic:t")],
        8 => vec![key("tag:x")],
        _ => vec![key("user:alice"), key("topic:t")],
    }
}

fn send(world: &mut World) {
    let audience = audience(world);
    let rng = &mut world.rng;
    let ttl_seconds = if rng.chance(25) { rng.below(240) + 1 } else { 20 * 24 * 3_600 };
    let notification = Notification {
        audience: audience.into(),
        filter: rng.chance(15).then(|| "tag:x".parse().expect("a filter")),
        lane: if rng.chance(35) { Lane::Background } else { Lane::Normal },
        ttl_seconds,
        collapse_key: rng.chance(20).then(|| Arc::from(["k", "l"][rng.index(2)])),
        payload: r#"{"title":"Door","body":"Bell"}"#.into(),
    };
    world.note(|| {
        format!(
            "send to {:?} ttl {ttl_seconds} {} {:?}",
            notification.audience, notification.lane, notification.collapse_key
        )
    });
    if let Some(server) = &world.server {
        server.accept(notification);
    }
}

fn recall(world: &mut World) {
    let ledger = world.disk.ledger();
    let sent: Vec<_> =
        ledger.iter().rev().filter(|entry| matches!(entry.kind, EntryKind::Notification(_))).take(12).collect();
    if sent.is_empty() {
        return;
    }
    let target = sent[world.rng.index(sent.len())];
    world.note(|| format!("recall {} {}", target.seq, target.id));
    if let Some(server) = &world.server {
        server.recall(target.id);
    }
}

fn change(world: &mut World) {
    let phone = world.rng.index(world.phones.len());
    let Some(device) = world.device(phone) else { return };
    let change = match world.rng.below(7) {
        0 | 1 => Change::User(Some(key("user:alice"))),
        2 => Change::User(Some(key("user:bob"))),
        3 => Change::User(None),
        4 => Change::Join(key("topic:t")),
        5 => Change::Join(key("tag:x")),
        _ => Change::Leave(key(["topic:t", "tag:x"][world.rng.index(2)])),
    };
    world.note(|| format!("phone {phone} {change:?}"));
    if let Some(server) = &world.server {
        server.change(device, change);
    }
}

fn fault(world: &mut World, climate: &Climate) {
    let in_flight = world.in_flight();
    let phone = world.rng.index(world.phones.len());
    let link = world.phones[phone].conn;
    let drawn = world.rng.below(100);
    let fault = match drawn {
        0..20 => Fault::SilentDrop,
        20..38 => Fault::Reset,
        38..50 => Fault::ProcessDeath,
        50..62 => Fault::PowerLoss,
        62..72 => Fault::NoNetwork,
        72..84 => Fault::ServerCrash,
        84..90 if climate.restores => Fault::Restore,
        90..93 if climate.wipes => Fault::Wipe,
        93..95 if climate.clones && world.phones.len() < 5 => Fault::Clone,
        95..98 if climate.clocks => Fault::ClockJump,
        _ => Fault::Reset,
    };
    world.note(|| format!("{fault:?} of phone {phone}"));
    match fault {
        Fault::SilentDrop => link.into_iter().for_each(|link| world.cut(link)),
        Fault::Reset => link.into_iter().for_each(|link| world.reset(link)),
        Fault::ProcessDeath | Fault::PowerLoss => {
            let wait_ms = if world.rng.chance(50) { world.rng.below(2_000) } else { world.rng.below(600_000) };
            world.kill_phone(phone, fault == Fault::PowerLoss, wait_ms);
        }
        Fault::NoNetwork => {
            world.network(phone, Network::None);
            let wait_ms = world.rng.below(60_000);
            let until_ms = world.now_ms + wait_ms;
            world.settle();
            world.run_until(until_ms);
            world.network(phone, Network::Usable);
        }
        Fault::ServerCrash => {
            let is_silent = world.rng.chance(30);
            world.crash_server(is_silent);
            let wait_ms = world.rng.below(20_000);
            world.start_server_after(wait_ms);
        }
        Fault::Restore => {
            if world.copies.is_empty() {
                return;
            }
            world.crash_server(false);
            // Mostly a copy of just before: then the numbers of what the phones have run a second time.
            let count = world.copies.len();
            let copy = if world.rng.chance(70) { count - 1 } else { world.rng.index(count) };
            world.restore(copy);
            world.start_server_after(1_000);
        }
        Fault::Wipe => {
            world.kill_phone(phone, true, 0);
            world.phones[phone].is_gone = true;
            world.add_phone();
        }
        Fault::Clone => {
            let index = world.phones.len();
            let rng = Rng::new(world.rng.next(), index as u64);
            let twin = world.phones[phone].cloned(format!("phone {index}"), rng);
            world.phones.push(twin);
            world.start_phone(index);
        }
        Fault::ClockJump => {
            let hours = i64::try_from(world.rng.below(7)).expect("a few") - 3;
            world.skew_ms += hours * 3_600_000;
            let now_ms = world.now_ms;
            world.set_clock(now_ms);
        }
    }
    world.tally.fault(fault, in_flight);
}
