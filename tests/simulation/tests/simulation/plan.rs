//! What a seed makes happen: acts in random order and at random times.

mod fault;
mod service;
mod traffic;

use crate::rng::Rng;
use crate::script::NONE;
use crate::world::World;

/// How long FAST tokens live where that is short, in milliseconds.
const TOKEN_MS: &str = "3600000";
/// Steps of a world, at least.
const STEPS: u64 = 100;
/// Steps of a world, at most.
const STEPS_MAX: u64 = 400;
/// How long a world is before it heals.
pub(crate) const WORLD_MS: u64 = 6 * 3_600_000;
/// How much is accepted in a world.
pub(crate) const ACCEPTED: u64 = 100;
/// Phones of a world.
pub(crate) const PHONES: usize = 3;

/// What a world of a seed is like.
pub(crate) struct Climate {
    restores: bool,
    clones: bool,
    wipes: bool,
    clocks: bool,
    accounts: bool,
    disks: bool,
    floods: bool,
    faults_percent: u64,
    /// How many steps of a hundred are followed by one that concerns accounts, requests of devices, memory, or a store that fails for good.
    service_percent: u64,
}

impl Climate {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 3);
        Self {
            restores: rng.chance(25),
            clones: rng.chance(20),
            wipes: rng.chance(50),
            clocks: rng.chance(20),
            accounts: rng.chance(40),
            disks: rng.chance(30),
            floods: rng.chance(6),
            faults_percent: [10, 25, 45][rng.index(3)],
            service_percent: [0, 10, 25][rng.index(3)],
        }
    }
}

/// Plays a world up to its end, healed.
pub(crate) fn play(world: &mut World, seed: u64) {
    let climate = Climate::new(seed);
    begin(world, seed);
    wait_until(world, 20_000);
    let mut steps = 0;
    while is_short(world, steps) {
        step(world, &climate, &mut Rng::new(seed, 10_000 + steps));
        let mut rng = Rng::new(seed, 50_000 + steps);
        if rng.chance(climate.service_percent) {
            service::act(world, &climate, &mut rng);
        }
        steps += 1;
    }
    wait_until(world, WORLD_MS);
    world.heal();
}

/// As servers start, their tokens live shorter in one world of three.
fn begin(world: &mut World, seed: u64) {
    world.act(&format!("present {}", if seed.is_multiple_of(3) { TOKEN_MS } else { NONE }));
}

fn wait_until(world: &mut World, at_ms: u64) {
    if world.now_ms < at_ms {
        world.act(&format!("wait {}", at_ms - world.now_ms));
    }
}

const fn is_short(world: &World, steps: u64) -> bool {
    steps < STEPS || (steps < STEPS_MAX && (world.now_ms < WORLD_MS || world.tally.accepted < ACCEPTED))
}

fn step(world: &mut World, climate: &Climate, rng: &mut Rng) {
    if climate.restores && rng.chance(15) {
        world.act("copy");
    }
    if rng.chance(climate.faults_percent) {
        fault::happen(world, climate, rng);
    } else {
        traffic::act(world, climate, rng);
    }
    let wait_ms = match rng.below(20) {
        0..8 => rng.below(300),
        8..14 => rng.below(10_000),
        14..18 => rng.below(240_000),
        18 => rng.below(1_200_000),
        _ => rng.below(3_600_000),
    };
    world.act(&format!("wait {wait_ms}"));
}
