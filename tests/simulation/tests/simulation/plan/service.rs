//! What accounts, apps and memory do to a world, and stores that fail for good: besides the other steps, each with a chance of its own.

use super::Climate;
use super::fault::begin;
use crate::rng::Rng;
use crate::tally::Fault;
use crate::world::World;

pub(super) fn act(world: &mut World, climate: &Climate, rng: &mut Rng) {
    let phone = rng.index(world.phones.len());
    match rng.below(100) {
        0..60 => request(world, rng, phone),
        60..75 if climate.accounts => account(world, rng, phone),
        75..88 => shortage(world, rng, phone),
        88..94 if climate.disks && world.server.is_some() => {
            begin(world, Fault::StoreFails, None);
            // Something is on its way to the disk when it fails.
            super::traffic::send(world, rng);
            world.act("disk fails");
        }
        94..98 if climate.restores => {
            begin(world, Fault::StoreLost, None);
            world.act("crash loudly");
            world.act("lose-store");
            world.act("start 1000");
        }
        _ => request(world, rng, phone),
    }
    world.act("wait 0");
}

/// What an app asks for on its device.
fn request(world: &mut World, rng: &mut Rng, phone: usize) {
    let request = match rng.below(10) {
        0..3 => ["join topic:t", "join tag:x"][rng.index(2)],
        3..5 => ["leave topic:t", "leave tag:x"][rng.index(2)],
        5..8 => ["login alice", "login bob"][rng.index(2)],
        8 => "logout",
        _ => "memberships",
    };
    world.act(&format!("ask {phone} {request}"));
}

/// The operator keeps an account out, lets it in again, or gives it another password that its phone does not learn.
fn account(world: &mut World, rng: &mut Rng, phone: usize) {
    if world.phones[phone].record().record.account.is_none() {
        return;
    }
    let (is_admitting, is_disabling) = (rng.chance(50), rng.chance(60));
    if is_admitting && !world.disabled.is_empty() {
        world.act("admit");
    } else if is_disabling {
        begin(world, Fault::AccountDisabled, Some(phone));
        world.act(&format!("disable {phone}"));
    } else {
        begin(world, Fault::PasswordChanged, Some(phone));
        world.act(&format!("change-password {phone}"));
    }
}

/// Memory is short for a while, and somebody comes.
fn shortage(world: &mut World, rng: &mut Rng, phone: usize) {
    let level = if rng.chance(50) { "high" } else { "full" };
    world.act(&format!("memory {level} {}", 1_000 + rng.below(90_000)));
    world.act(&format!("reset {phone}"));
    // Many phones wait a second or two before they come again: this one shall meet it.
    world.act("until turned-away 20000 500");
}
