//! The ceiling of memory: measures what the process has, tells the core how short it is, gives back what was freed.

mod cgroup;

use std::sync::Arc;
use std::time::Duration;

use longwire_core::Core;
use longwire_core::pressure::Level;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::allocator;
use crate::configuration::bytes::MEMORY_MIN;

/// How often memory is measured: a storm of handshakes takes some megabytes in that time.
const PERIOD: Duration = Duration::from_millis(200);
/// How often where nothing depends on it.
const METRICS_PERIOD: Duration = Duration::from_secs(5);
/// Measurements between two times at which freed memory is given back, while it is short.
const TRIM_EVERY: u32 = 10;
/// Percent of the ceiling at which a level begins, and below which it ends: a level does not come and go with each connection. New
/// sessions are shed far below what sheds requests, so that those that are there leave room for what is sent to them.
const HIGH_PERCENT: (u64, u64) = (75, 70);
const FULL_PERCENT: (u64, u64) = (92, 88);
/// Measurements below where a level begins after which it ends all the same: what stays in memory between the two must not stop sending,
/// or keep devices out, for good.
const SETTLED: u32 = 50;
/// What a session with TLS takes that does nothing.
const SESSION_BYTES: u64 = 20 * 1_024;
/// Percent of a control group's limit that is the ceiling when none is said: the kernel's own share is counted there too.
const GROUP_PERCENT: u64 = 85;

/// The ceiling in bytes: what is said, else most of what the control group may have; none without either.
pub(super) fn ceiling(said: Option<u64>) -> Option<u64> {
    said.or_else(|| cgroup::limit().map(|bytes| bytes / 100 * GROUP_PERCENT))
}

/// About how many sessions there may be before new ones are told to come back later.
pub(super) fn sessions(ceiling: u64) -> u32 {
    u32::try_from(ceiling / 100 * HIGH_PERCENT.0 / SESSION_BYTES).unwrap_or(u32::MAX)
}

/// Measures until `stop` says true; without a ceiling for the metrics alone.
pub(super) async fn run(core: Arc<Core>, ceiling: Option<u64>, stop: watch::Receiver<bool>) {
    match ceiling {
        Some(ceiling) => hold(core, ceiling, stop).await,
        None => measure(core, stop).await,
    }
}

async fn hold(core: Arc<Core>, ceiling: u64, mut stop: watch::Receiver<bool>) {
    tracing::info!(ceiling, "near this many bytes of memory nothing new is taken");
    if ceiling < MEMORY_MIN {
        tracing::warn!(
            ceiling,
            least = MEMORY_MIN,
            "so little memory leaves no room for devices: raise the control group's limit (MemoryMax=)"
        );
    }
    core.metrics.memory_ceiling.set(number(ceiling));
    let measuring = async {
        let mut turn: u32 = 0;
        let mut settled: u32 = 0;
        loop {
            let before = core.pressure.level();
            let waiting = core.pressure.waiting();
            match resident() {
                Some(used) => {
                    let level = next(before, used, ceiling, &mut settled);
                    core.pressure.set(level);
                    // What came or went in between must not count as free.
                    core.pressure.set_owed_max(owed_max(used, waiting.min(core.pressure.waiting()), ceiling));
                    core.metrics.memory_level.set(level as i64);
                    core.metrics.memory_used.set(number(used));
                    tell(before, level, used, ceiling);
                }
                None => tracing::debug!("what memory the process has could not be read"),
            }
            if core.pressure.level() != Level::Calm && turn.is_multiple_of(TRIM_EVERY) {
                tokio::task::spawn_blocking(allocator::trim).await.ok();
            }
            turn = turn.wrapping_add(1);
            sleep(PERIOD).await;
        }
    };
    tokio::select! {
        () = measuring => (),
        _ = stop.wait_for(|is_stopping| *is_stopping) => (),
    }
}

async fn measure(core: Arc<Core>, mut stop: watch::Receiver<bool>) {
    let measuring = async {
        loop {
            core.metrics.memory_used.set(number(resident().unwrap_or(0)));
            sleep(METRICS_PERIOD).await;
        }
    };
    tokio::select! {
        () = measuring => (),
        _ = stop.wait_for(|is_stopping| *is_stopping) => (),
    }
}

fn number(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Bytes in memory.
fn resident() -> Option<u64> {
    let pages = parse(&std::fs::read_to_string("/proc/self/statm").ok()?)?;
    Some(pages.saturating_mul(u64::try_from(rustix::param::page_size()).unwrap_or(4_096)))
}

/// The resident pages in `/proc/self/statm`.
fn parse(text: &str) -> Option<u64> {
    text.split(' ').nth(1)?.parse().ok()
}

/// The level after one measurement; `settled` counts those below where the level before begins.
fn next(before: Level, used: u64, ceiling: u64, settled: &mut u32) -> Level {
    let is_above = |(begin, end): (u64, u64), is_in: bool| {
        let percent = if is_in { end } else { begin };
        used.saturating_mul(100) >= ceiling.saturating_mul(percent)
    };
    let has_begun = match before {
        Level::Calm => true,
        Level::High => is_above(HIGH_PERCENT, false),
        Level::Full => is_above(FULL_PERCENT, false),
    };
    *settled = if has_begun { 0 } else { settled.saturating_add(1) };
    let holds = *settled < SETTLED;
    let now = if is_above(FULL_PERCENT, before == Level::Full && holds) {
        Level::Full
    } else if is_above(HIGH_PERCENT, before != Level::Calm && holds) {
        Level::High
    } else {
        Level::Calm
    };
    if now != before {
        *settled = 0;
    }
    now
}

/// Bytes that all connections may owe: a third of what is left below the ceiling without what waits now, since a buffer may be twice what
/// is in it, and the one that it grew out of stands beside it. Some they may owe at any time.
fn owed_max(used: u64, waiting: usize, ceiling: u64) -> usize {
    let others = used.saturating_sub(u64::try_from(waiting).unwrap_or(u64::MAX));
    let free = (ceiling / 100 * FULL_PERCENT.1).saturating_sub(others);
    usize::try_from((free / 3).max(ceiling / 64)).unwrap_or(usize::MAX)
}

fn tell(before: Level, now: Level, used: u64, ceiling: u64) {
    if now == before {
        return;
    }
    match now {
        Level::Calm => tracing::info!(used, ceiling, "there is memory again: everybody is served"),
        Level::High => {
            tracing::warn!(
                used,
                ceiling,
                "memory is short: new connections are told to come back later; where this does not pass, raise memory_max, or what the \
                 control group may have"
            );
        }
        Level::Full => {
            tracing::warn!(used, ceiling, "memory is very short: new connections are dropped, and requests get 503");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_begins_above_where_it_ends() {
        let steps = [(74, Level::Calm), (75, Level::High), (71, Level::High), (69, Level::Calm), (92, Level::Full)];
        let steps =
            steps.into_iter().chain([(89, Level::Full), (87, Level::High), (91, Level::High), (10, Level::Calm)]);
        let (mut level, mut settled) = (Level::Calm, 0);
        for (used, expected) in steps {
            level = next(level, used, 100, &mut settled);
            assert_eq!(level, expected, "at {used}");
        }
    }

    #[test]
    fn f23_what_may_be_owed_is_a_third_of_what_is_left_without_it() {
        assert_eq!(owed_max(40_000_000, 0, 100_000_000), 16_000_000);
        assert_eq!(
            owed_max(60_000_000, 20_000_000, 100_000_000),
            16_000_000,
            "what is owed is not counted against itself"
        );
        assert_eq!(owed_max(99_000_000, 0, 100_000_000), 1_562_500);
    }

    #[test]
    fn f23_what_stays_below_where_a_level_begins_does_not_hold_it_for_good() {
        let (mut level, mut settled) = (Level::Calm, 0);
        let mut measured = |used: u64| {
            level = next(level, used, 100, &mut settled);
            level
        };
        assert_eq!(measured(93), Level::Full);
        // It comes back to where it began: all that time counts for nothing.
        assert!((1..SETTLED).all(|_| measured(91) == Level::Full) && measured(92) == Level::Full);
        assert!((1..SETTLED).all(|_| measured(90) == Level::Full));
        assert_eq!((measured(90), measured(91), measured(92)), (Level::High, Level::High, Level::Full));
        assert_eq!(measured(72), Level::High, "what counted for the level above does not count for this one");
        assert!((2..SETTLED).all(|_| measured(74) == Level::High) && measured(75) == Level::High);
        assert!((1..SETTLED).all(|_| measured(71) == Level::High));
        assert_eq!((measured(71), measured(74), measured(75)), (Level::Calm, Level::Calm, Level::High));
    }

    #[test]
    fn what_the_process_has_can_be_read() {
        assert_eq!(parse("1000 250 12 3 0 90 0\n"), Some(250));
        assert_eq!(parse(""), None);
        assert!(resident().expect("this is Linux") > 1_000_000);
    }

    #[test]
    fn what_is_said_goes_before_what_is_found() {
        assert_eq!(ceiling(Some(7)), Some(7));
    }
}
