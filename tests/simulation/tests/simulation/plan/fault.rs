//! What goes wrong, on the phones, between, and on the server.

use super::Climate;
use crate::rng::Rng;
use crate::script::NONE;
use crate::tally::Fault;
use crate::world::World;

pub(super) fn happen(world: &mut World, climate: &Climate, rng: &mut Rng) {
    let phone = rng.index(world.phones.len());
    if rng.chance(60) {
        meet(world, rng, phone);
    }
    match rng.below(100) {
        0..42 => network(world, rng, phone),
        42..66 => of_phone(world, climate, rng, phone),
        _ => of_server(world, climate, rng, phone),
    }
}

/// Sends something just before, for what comes now to meet it on its way.
fn meet(world: &mut World, rng: &mut Rng, phone: usize) {
    if world.device(phone).is_none() {
        return;
    }
    super::traffic::send_to(world, rng, &format!("@{phone}"));
    let wait_ms = rng.below(1 + 2 * world.latency_ms);
    world.act(&format!("wait {wait_ms}"));
    world.act(&format!("until in-flight:{phone} 200 10"));
}

pub(super) fn begin(world: &mut World, fault: Fault, phone: Option<usize>) {
    world.count(fault, phone);
    world.note(|| format!("{fault:?} {}", phone.map_or_else(String::new, |phone| format!("of phone {phone}"))));
}

fn network(world: &mut World, rng: &mut Rng, phone: usize) {
    let for_ms = 1_000 + rng.below(180_000);
    match rng.below(8) {
        0 => {
            begin(world, Fault::Latency, Some(phone));
            let slow_ms = 1_000 + rng.below(20_000);
            world.act(&format!("slow {phone} {slow_ms} {for_ms}"));
        }
        1 => {
            begin(world, Fault::Loss, Some(phone));
            world.act(&format!("lossy {phone} {for_ms}"));
        }
        2 => {
            begin(world, Fault::SilentDrop, Some(phone));
            world.act(&format!("cut {phone}"));
        }
        3 => {
            begin(world, Fault::Reset, Some(phone));
            world.act(&format!("reset {phone}"));
        }
        4 => {
            begin(world, Fault::SlowSocket, Some(phone));
            world.act(&format!("stalled {phone} {for_ms}"));
        }
        5 => {
            begin(world, Fault::NoNetwork, Some(phone));
            world.act(&format!("cut {phone}"));
            world.act(&format!("network {phone} none"));
            world.act(&format!("wait {}", rng.below(60_000)));
            world.act(&format!("network {phone} usable"));
        }
        6 => {
            begin(world, Fault::NetworkChange, Some(phone));
            world.act(&format!("cut {phone}"));
            // Gateways that forget before the heartbeat, and some that forget after it.
            let heartbeat_ms = world.phones[phone].heartbeat_ms;
            let id = rng.below(4);
            let nat_ms = match id {
                0 => Some(heartbeat_ms / 2),
                1 => Some(heartbeat_ms + 45_000),
                2 if world.phones[phone].is_adaptive => Some(100_000),
                _ => None,
            };
            let nat_ms = nat_ms.map_or_else(|| NONE.to_owned(), |nat_ms| nat_ms.to_string());
            world.act(&format!("forgetful {phone} {nat_ms}"));
            world.act(&format!("network {phone} {}", id + 1));
        }
        _ => doze(world, rng, phone),
    }
}

/// Sleeps with windows of some seconds between them, for an hour at most; a quarter of an hour is the longest.
fn doze(world: &mut World, rng: &mut Rng, phone: usize) {
    begin(world, Fault::Doze, Some(phone));
    let (mut from_ms, mut sleeps) = (0, Vec::new());
    for _ in 0..=rng.below(4) {
        let for_ms = 1 + rng.below(15 * 60_000);
        sleeps.push(format!("{from_ms}+{for_ms}"));
        from_ms += for_ms + 5_000 + rng.below(30_000);
    }
    world.act(&format!("sleep {phone} {}", sleeps.join(",")));
}

fn of_phone(world: &mut World, climate: &Climate, rng: &mut Rng, phone: usize) {
    let wait_ms = if rng.chance(50) { rng.below(2_000) } else { rng.below(600_000) };
    match rng.below(100) {
        0..35 => {
            begin(world, Fault::ProcessDeath, Some(phone));
            world.act(&format!("kill {phone} {wait_ms}"));
        }
        35..65 => {
            begin(world, Fault::PowerLoss, Some(phone));
            world.act(&format!("unplug {phone} {wait_ms}"));
        }
        65..82 => {
            begin(world, Fault::PhoneDiskFull, Some(phone));
            world.act(&format!("fill {phone} {wait_ms}"));
        }
        82..91 if climate.wipes => {
            begin(world, Fault::Wipe, Some(phone));
            world.act(&format!("wipe {phone}"));
        }
        91..100 if climate.clones && world.phones.len() < 5 => {
            begin(world, Fault::Clone, Some(phone));
            world.act(&format!("clone {phone} {}", rng.next()));
        }
        _ => {
            begin(world, Fault::ProcessDeath, Some(phone));
            world.act(&format!("kill {phone} 0"));
        }
    }
}

fn of_server(world: &mut World, climate: &Climate, rng: &mut Rng, phone: usize) {
    let wait_ms = rng.below(20_000);
    match rng.below(100) {
        0..25 => {
            begin(world, Fault::ServerCrash, None);
            crash(world, rng, wait_ms);
        }
        25..40 => crash_in_commit(world, rng),
        40..52 => {
            begin(world, Fault::GracefulRestart, None);
            world.act("stop");
            world.act(&format!("start {wait_ms}"));
        }
        52..64 if climate.restores && !world.copies.is_empty() => {
            begin(world, Fault::Restore, None);
            world.act("crash loudly");
            // Mostly a copy of just before: then the numbers of what the phones have run a second time.
            let count = world.copies.len();
            let copy = if rng.chance(70) { count - 1 } else { rng.index(count) };
            world.act(&format!("restore {copy}"));
            world.act("start 1000");
        }
        64..72 if climate.clocks => {
            begin(world, Fault::ServerClock, None);
            let hours = i64::try_from(rng.below(7)).expect("a few") - 3;
            world.act(&format!("clock {}", hours * 3_600_000));
        }
        72..80 if climate.disks => {
            begin(world, Fault::ServerDiskFull, None);
            world.act(&format!("disk full {}", rng.below(120_000)));
        }
        80..88 if climate.disks => {
            begin(world, Fault::StoreUnavailable, None);
            world.act(&format!("disk silent {}", rng.below(60_000)));
        }
        88..100 if climate.accounts => account(world, rng, phone),
        _ => {
            begin(world, Fault::ServerCrash, None);
            world.act("crash loudly");
            world.act(&format!("start {wait_ms}"));
        }
    }
}

fn crash(world: &mut World, rng: &mut Rng, wait_ms: u64) {
    world.act(if rng.chance(30) { "crash silently" } else { "crash loudly" });
    world.act(&format!("start {wait_ms}"));
}

/// The server dies when a group is on its way to the disk, or when it is there and nobody has heard of it.
fn crash_in_commit(world: &mut World, rng: &mut Rng) {
    let is_early = rng.chance(50);
    let is_there = |world: &World| if is_early { world.disk.is_unsynced() } else { world.disk.is_unannounced() };
    for _ in 0..6 {
        super::traffic::send(world, rng);
        world.act(if is_early { "until unsynced 100 1" } else { "until unannounced 100 1" });
        if is_there(world) {
            begin(world, if is_early { Fault::CrashBeforeSync } else { Fault::CrashInCommit }, None);
            world.act(if rng.chance(30) { "crash silently" } else { "crash loudly" });
            return world.act(&format!("start {}", rng.below(20_000)));
        }
    }
}

fn account(world: &mut World, rng: &mut Rng, phone: usize) {
    if world.phones[phone].record().record.account.is_none() || world.server.is_none() {
        return;
    }
    if rng.chance(50) {
        begin(world, Fault::AccountRemoved, Some(phone));
        world.act(&format!("remove-account {phone}"));
    } else {
        begin(world, Fault::AccountLost, Some(phone));
        world.act(&format!("lose-account {phone}"));
    }
}
