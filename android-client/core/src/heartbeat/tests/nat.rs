//! Phones behind a NAT that forgets an idle connection, days of them: the interval converges below its patience, at few drops.

use proptest::prelude::*;

use super::*;

const DAY_MS: u64 = 24 * 3_600_000;
const ROUND_TRIP_MS: u64 = 80;
/// From a lost connection to the next one.
const RECONNECT_MS: u64 = 1_500;

/// A phone that is left alone behind a NAT that forgets what was idle for `patience_ms`.
struct World {
    heartbeat: Heartbeat,
    bounds: Bounds,
    patience_ms: u64,
    /// Alarms come up to so much late.
    late_ms_max: u64,
    /// One connection in so many is lost to something else.
    lost_one_in: u64,
    seed: u64,
    now_ms: u64,
    heartbeats: u64,
    drops: u64,
}

impl World {
    fn new(interval: impl Interval + 'static, bounds: Bounds, patience_ms: u64) -> Self {
        let mut heartbeat = Heartbeat::new(Box::new(interval));
        heartbeat.promise();
        heartbeat.start(0, bounds);
        let (late_ms_max, lost_one_in, seed, now_ms, heartbeats, drops) = (0, u64::MAX, 1, 0, 0, 0);
        Self { heartbeat, bounds, patience_ms, late_ms_max, lost_one_in, seed, now_ms, heartbeats, drops }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    /// One quiet period, and the heartbeat behind it.
    fn period(&mut self) {
        let quiet_since_ms = self.now_ms;
        let late_ms = self.random(self.late_ms_max + 1);
        self.now_ms = self.heartbeat.due_ms() + late_ms;
        match self.heartbeat.handle_timeout(self.now_ms) {
            Beat::Nothing => panic!("called when it was due"),
            Beat::Lost => return self.reconnect(),
            Beat::Send => self.heartbeats += 1,
        }
        if self.now_ms - quiet_since_ms < self.patience_ms && self.random(self.lost_one_in) != 1 {
            self.now_ms += ROUND_TRIP_MS;
            self.heartbeat.received(b" ", self.now_ms);
            if self.heartbeat.promise_anew().is_some() {
                self.heartbeat.sent(self.now_ms);
            }
            return;
        }
        self.now_ms = self.heartbeat.due_ms();
        assert_eq!(self.heartbeat.handle_timeout(self.now_ms), Beat::Lost);
        self.drops += 1;
        self.reconnect();
    }

    fn reconnect(&mut self) {
        self.now_ms += RECONNECT_MS;
        self.heartbeat.promise();
        self.heartbeat.confirm(self.now_ms);
        self.heartbeat.start(self.now_ms, self.bounds);
    }

    fn run_for(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms;
        while self.now_ms < until_ms {
            self.period();
        }
    }
}

/// Halvings from four minutes to the floor, two steps that were too long, and the early second trial of the ceiling.
const DROPS_MAX: u64 = 7;
/// Above these, a ceiling costs one drop in so many heartbeats at most.
const HEARTBEATS_PER_RETRY: u64 = 256;
const WIDE: Bounds = Bounds { min_ms: None, max_ms: Some(1_800_000) };

proptest! {
    #[test]
    fn the_interval_converges_below_the_nats_patience(
        patience_s in 30..=1_800_u64,
        late_ms_max in prop_oneof![Just(0), 0..2_000_u64],
        seed in any::<u64>(),
    ) {
        let mut world = World { late_ms_max, seed, ..World::new(Adaptive::default(), WIDE, patience_s * 1_000) };
        world.run_for(DAY_MS);
        prop_assert!(world.drops <= DROPS_MAX + world.heartbeats / HEARTBEATS_PER_RETRY, "{} drops", world.drops);
        world.run_for(6 * DAY_MS);
        let drops_max = DROPS_MAX + world.heartbeats / HEARTBEATS_PER_RETRY;
        prop_assert!(world.drops <= drops_max, "{} drops in {} heartbeats", world.drops, world.heartbeats);
        // It may end in the middle of a trial of the ceiling, which one period decides.
        if world.heartbeat.interval_ms() + late_ms_max >= world.patience_ms {
            world.period();
        }
        let interval_ms = world.heartbeat.interval_ms();
        prop_assert!(interval_ms + late_ms_max < world.patience_ms, "{interval_ms} ms");
        let wasted = world.patience_ms as f64 / interval_ms as f64;
        prop_assert!(wasted <= 1.7 || interval_ms == 1_800_000, "{interval_ms} ms is timid");
    }

    #[test]
    fn whatever_happens_the_interval_stays_within_the_bounds(
        steps in proptest::collection::vec((any::<bool>(), 0..2_000_000_u64), 1..200),
        min_s in proptest::option::of(1..700_u64),
        max_s in 1..2_000_u64,
    ) {
        let bounds = Bounds { min_ms: min_s.map(|s| s * 1_000), max_ms: Some(max_s * 1_000) };
        let mut learned = Learned::nothing(NetworkId::UNNAMED, 1);
        for (is_survival, quiet_ms) in steps {
            learned = if is_survival { learned.after_survival(quiet_ms, bounds) } else { learned.after_drop(quiet_ms, bounds) };
            let interval_ms = learned.interval_ms(bounds);
            let floor_ms = bounds.min_ms.unwrap_or(FLOOR_MS).min(max_s * 1_000);
            prop_assert!((floor_ms..=max_s * 1_000).contains(&interval_ms) && interval_ms.is_multiple_of(1_000), "{interval_ms}");
        }
    }

    #[test]
    fn one_loss_of_another_cause_is_forgotten(at in 0..200_u32, patience_s in 700..1_800_u64) {
        let mut world = World::new(Adaptive::default(), OPEN, patience_s * 1_000);
        for _ in 0..at {
            world.period();
        }
        world.patience_ms = 0;
        world.period();
        prop_assert_eq!(world.drops, 1);
        world.patience_ms = patience_s * 1_000;
        for _ in 0..30 {
            world.period();
        }
        prop_assert_eq!((world.heartbeat.interval_ms(), world.drops), (600_000, 1));
    }
}

#[test]
fn losses_of_other_causes_keep_the_interval_off_the_floor() {
    let mut world = World { lost_one_in: 50, ..World::new(Adaptive::default(), OPEN, 1_800_000) };
    world.run_for(30 * DAY_MS);
    let mean_s = world.now_ms / world.heartbeats / 1_000;
    println!(
        "one heartbeat in 50 lost to other causes: {} drops in 30 days, one heartbeat per {mean_s} s",
        world.drops
    );
    assert!(world.drops > 60 && mean_s > 300, "{} drops, one heartbeat per {mean_s} s", world.drops);
}

#[test]
fn a_phone_in_doze_keeps_what_it_has_learned() {
    let mut world = World::new(Adaptive::default(), OPEN, 1_800_000);
    world.run_for(DAY_MS);
    world.late_ms_max = 15 * 60_000;
    world.run_for(7 * DAY_MS);
    assert_eq!((world.heartbeat.interval_ms(), world.drops), (600_000, 0), "late alarms are no drops");
    // Where each late alarm finds the connection gone, that is not the interval's fault either.
    let mut world = World { late_ms_max: 15 * 60_000, ..World::new(Adaptive::default(), OPEN, 300_000) };
    world.run_for(7 * DAY_MS);
    assert!((150_000..300_000).contains(&world.heartbeat.interval_ms()), "{} ms", world.heartbeat.interval_ms());
}

#[test]
fn a_nat_that_changes_its_mind_is_followed() {
    let mut world = World::new(Adaptive::default(), WIDE, 1_801_000);
    world.run_for(DAY_MS);
    assert_eq!(world.heartbeat.interval_ms(), 1_800_000);
    world.patience_ms = 45_000;
    let before = world.drops;
    world.run_for(DAY_MS);
    assert!(world.heartbeat.interval_ms() < 45_000, "{} ms", world.heartbeat.interval_ms());
    assert!(
        world.drops - before <= DROPS_MAX + 3 + world.heartbeats / HEARTBEATS_PER_RETRY,
        "{}",
        world.drops - before
    );
    world.patience_ms = 1_801_000;
    world.run_for(14 * DAY_MS);
    assert_eq!(world.heartbeat.interval_ms(), 1_800_000, "it is found out again");
}

/// What it is good for, printed: `cargo test -p longwire-client heartbeats_per_day -- --nocapture`.
#[test]
fn heartbeats_per_day_beside_a_fixed_interval_of_four_minutes() {
    const DAYS: u64 = 7;
    println!(
        "NAT forgets after | adaptive: settles at, heartbeats/day, drops/week | fixed 240 s: heartbeats/day, drops/week"
    );
    for patience_s in [30, 60, 120, 180, 241, 300, 600, 900, 1_800] {
        let mut adaptive = World::new(Adaptive::default(), WIDE, patience_s * 1_000);
        let mut fixed = World::new(Fixed { interval_ms: 240_000 }, WIDE, patience_s * 1_000);
        adaptive.run_for(DAYS * DAY_MS);
        fixed.run_for(DAYS * DAY_MS);
        println!(
            "{patience_s:>15} s | {:>6} s {:>6} {:>4} | {:>6} {:>5}",
            adaptive.heartbeat.interval_ms() / 1_000,
            adaptive.heartbeats / DAYS,
            adaptive.drops,
            fixed.heartbeats / DAYS,
            fixed.drops,
        );
        // Behind a patient NAT it saves heartbeats, behind an impatient one it saves the connection.
        assert!(patience_s < 600 || adaptive.heartbeats * 3 < fixed.heartbeats * 2, "{patience_s} s");
        assert!(patience_s > 240 || adaptive.drops * 100 < fixed.drops, "{patience_s} s");
    }
}
