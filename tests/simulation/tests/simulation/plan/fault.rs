//! What goes wrong, on the phones, between, and on the server.

use longwire_client::Network;
use longwire_client::heartbeat::NetworkId;
use longwire_model::AudienceKey;

use super::Climate;
use crate::disk::Outage;
use crate::rng::Rng;
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
    for phone in 0..world.phones.len() {
        world.look_at(phone);
    }
}

/// Sends something just before, for what comes now to meet it on its way.
fn meet(world: &mut World, rng: &mut Rng, phone: usize) {
    let Some(device) = world.device(phone) else { return };
    super::traffic::send_to(world, rng, AudienceKey::device(device));
    world.settle();
    let wait_ms = rng.below(1 + 2 * world.latency_ms);
    world.run_for(wait_ms);
    let until_ms = world.now_ms + 200;
    while world.now_ms < until_ms && !world.in_flight(phone) {
        world.run_for(10);
    }
}

fn begin(world: &mut World, fault: Fault, phone: Option<usize>) {
    world.count(fault, phone);
    world.note(|| format!("{fault:?} {}", phone.map_or_else(String::new, |phone| format!("of phone {phone}"))));
}

fn network(world: &mut World, rng: &mut Rng, phone: usize) {
    let link = world.phones[phone].conn;
    let until_ms = world.now_ms + 1_000 + rng.below(180_000);
    match rng.below(8) {
        0 => {
            begin(world, Fault::Latency, Some(phone));
            world.airs[phone].slow = (1_000 + rng.below(20_000), until_ms);
        }
        1 => {
            begin(world, Fault::Loss, Some(phone));
            world.airs[phone].lossy_until_ms = until_ms;
        }
        2 => {
            begin(world, Fault::SilentDrop, Some(phone));
            link.into_iter().for_each(|link| world.cut(link));
        }
        3 => {
            begin(world, Fault::Reset, Some(phone));
            link.into_iter().for_each(|link| world.reset(link));
        }
        4 => {
            begin(world, Fault::SlowSocket, Some(phone));
            world.airs[phone].stalled_until_ms = until_ms;
        }
        5 => {
            begin(world, Fault::NoNetwork, Some(phone));
            link.into_iter().for_each(|link| world.cut(link));
            world.network(phone, Network::None);
            let wait_ms = rng.below(60_000);
            world.settle();
            world.run_for(wait_ms);
            world.network(phone, Network::Usable);
        }
        6 => {
            begin(world, Fault::NetworkChange, Some(phone));
            link.into_iter().for_each(|link| world.cut(link));
            // Gateways that forget before the heartbeat, and some that forget after it.
            let heartbeat_ms = world.phones[phone].heartbeat_ms;
            let id = rng.below(4);
            world.airs[phone].nat_ms = match id {
                0 => Some(heartbeat_ms / 2),
                1 => Some(heartbeat_ms + 45_000),
                2 if world.phones[phone].is_adaptive => Some(100_000),
                _ => None,
            };
            world.network(phone, Network::Known(NetworkId(id + 1)));
        }
        _ => doze(world, rng, phone),
    }
}

/// Sleeps with windows of some seconds between them, for an hour at most; a quarter of an hour is the longest.
fn doze(world: &mut World, rng: &mut Rng, phone: usize) {
    begin(world, Fault::Doze, Some(phone));
    let mut from_ms = world.now_ms;
    world.phones[phone].sleeps.clear();
    for _ in 0..=rng.below(4) {
        let to_ms = from_ms + 1 + rng.below(15 * 60_000);
        world.phones[phone].sleeps.push((from_ms, to_ms));
        from_ms = to_ms + 5_000 + rng.below(30_000);
    }
}

fn of_phone(world: &mut World, climate: &Climate, rng: &mut Rng, phone: usize) {
    let wait_ms = if rng.chance(50) { rng.below(2_000) } else { rng.below(600_000) };
    match rng.below(100) {
        0..35 => {
            begin(world, Fault::ProcessDeath, Some(phone));
            world.kill_phone(phone, false, wait_ms);
        }
        35..65 => {
            begin(world, Fault::PowerLoss, Some(phone));
            world.kill_phone(phone, true, wait_ms);
        }
        65..82 => {
            begin(world, Fault::PhoneDiskFull, Some(phone));
            world.fill_phone(phone, wait_ms);
        }
        82..91 if climate.wipes => {
            begin(world, Fault::Wipe, Some(phone));
            world.kill_phone(phone, true, 0);
            world.phones[phone].is_gone = true;
            world.add_phone();
        }
        91..100 if climate.clones && world.phones.len() < 5 => {
            begin(world, Fault::Clone, Some(phone));
            let index = world.phones.len();
            let twin = world.phones[phone].cloned(format!("phone {index}"), Rng::new(rng.next(), index as u64));
            let twin = world.put_phone(twin);
            world.healths[twin] = world.healths[phone].clone();
            world.look_at(twin);
        }
        _ => {
            begin(world, Fault::ProcessDeath, Some(phone));
            world.kill_phone(phone, false, 0);
        }
    }
}

fn of_server(world: &mut World, climate: &Climate, rng: &mut Rng, phone: usize) {
    let wait_ms = rng.below(20_000);
    match rng.below(100) {
        0..25 => {
            begin(world, Fault::ServerCrash, None);
            world.crash_server(rng.chance(30));
            world.start_server_after(wait_ms);
        }
        25..40 => crash_in_commit(world, rng),
        40..52 => {
            begin(world, Fault::GracefulRestart, None);
            world.stop_server();
            world.start_server_after(wait_ms);
        }
        52..64 if climate.restores && !world.copies.is_empty() => {
            begin(world, Fault::Restore, None);
            world.crash_server(false);
            // Mostly a copy of just before: then the numbers of what the phones have run a second time.
            let count = world.copies.len();
            let copy = if rng.chance(70) { count - 1 } else { rng.index(count) };
            world.restore(copy);
            world.start_server_after(1_000);
        }
        64..72 if climate.clocks => {
            begin(world, Fault::ServerClock, None);
            let hours = i64::try_from(rng.below(7)).expect("a few") - 3;
            world.skew_ms += hours * 3_600_000;
            let now_ms = world.now_ms;
            world.set_clock(now_ms);
        }
        72..80 if climate.disks => {
            begin(world, Fault::ServerDiskFull, None);
            world.break_disk(Outage::Writes, rng.below(120_000));
        }
        80..88 if climate.disks => {
            begin(world, Fault::StoreUnavailable, None);
            world.break_disk(Outage::Everything, rng.below(60_000));
        }
        88..100 if climate.accounts => account(world, rng, phone),
        _ => {
            begin(world, Fault::ServerCrash, None);
            world.crash_server(false);
            world.start_server_after(wait_ms);
        }
    }
}

/// The server dies when a group is on its way to the disk, or when it is there and nobody has heard of it.
fn crash_in_commit(world: &mut World, rng: &mut Rng) {
    let is_early = rng.chance(50);
    let is_there = |world: &World| if is_early { world.disk.is_unsynced() } else { world.disk.is_unannounced() };
    for _ in 0..6 {
        super::traffic::send(world, rng);
        world.settle();
        let until_ms = world.now_ms + 100;
        while world.now_ms < until_ms && !is_there(world) {
            world.run_for(1);
        }
        if is_there(world) {
            begin(world, if is_early { Fault::CrashBeforeSync } else { Fault::CrashInCommit }, None);
            world.crash_server(rng.chance(30));
            let wait_ms = rng.below(20_000);
            return world.start_server_after(wait_ms);
        }
    }
}

fn account(world: &mut World, rng: &mut Rng, phone: usize) {
    let Some(account) = world.phones[phone].record().record.account else { return };
    let Some(server) = &world.server else { return };
    if rng.chance(50) {
        server.remove_account(account.name);
        begin(world, Fault::AccountRemoved, Some(phone));
    } else {
        server.lose_account(account.name);
        begin(world, Fault::AccountLost, Some(phone));
    }
}
