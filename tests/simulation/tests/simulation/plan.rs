//! What a seed makes happen: steps in random order and at random times. Each step has its own chance, so that one can be left out and
//! the others stay what they were.

mod fault;
mod traffic;

use std::collections::BTreeSet;

use crate::rng::Rng;
use crate::world::World;

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
        }
    }
}

/// Which steps of a seed are played: all that it takes, or some of so many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) left_out: BTreeSet<u64>,
    pub(crate) steps: Option<u64>,
}

/// Plays a world up to its end, healed; gives how many steps there were.
pub(crate) fn play(world: &mut World, seed: u64, script: &Script) -> u64 {
    let climate = Climate::new(seed);
    world.run_until(20_000);
    let mut steps = 0;
    while script.steps.map_or_else(|| is_short(world, steps), |all| steps < all) {
        let mut rng = Rng::new(seed, 10_000 + steps);
        if !script.left_out.contains(&steps) {
            step(world, &climate, &mut rng);
        }
        steps += 1;
    }
    if script.steps.is_none() {
        world.run_until(WORLD_MS);
    }
    world.heal();
    steps
}

const fn is_short(world: &World, steps: u64) -> bool {
    steps < STEPS || (steps < STEPS_MAX && (world.now_ms < WORLD_MS || world.tally.accepted < ACCEPTED))
}

fn step(world: &mut World, climate: &Climate, rng: &mut Rng) {
    if climate.restores && rng.chance(15) {
        let copy = world.disk.copy();
        world.copies.push(copy);
    }
    if rng.chance(climate.faults_percent) {
        fault::happen(world, climate, rng);
    } else {
        traffic::act(world, climate, rng);
    }
    world.settle();
    let wait_ms = match rng.below(20) {
        0..8 => rng.below(300),
        8..14 => rng.below(10_000),
        14..18 => rng.below(240_000),
        18 => rng.below(1_200_000),
        _ => rng.below(3_600_000),
    };
    world.run_for(wait_ms);
}
