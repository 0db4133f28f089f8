//! What is measured: one file per group of rows, each for every target where it makes sense.

mod binary;
mod broadcast;
mod catch_up;
mod device;
mod growth;
mod heartbeat;
mod instructions;
mod login;
mod memory;
mod post;
mod scale;
mod stanza;
mod start;
mod storm;
mod wire;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::ValueEnum;

use crate::client::{Carriage, Proof, Session};
use crate::reading::Reading;
use crate::target::{Running, Site, Target};

pub(crate) use scale::Scale;

/// Looks at whether a server has come to rest.
const LOOKS_MAX: usize = 3;

/// Rows that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    Memory,
    Post,
    Stanza,
    Login,
    Heartbeat,
    Start,
    Binary,
    Broadcast,
    CatchUp,
    Storm,
    Growth,
    Wire,
    Device,
    Instructions,
}

impl Group {
    /// Its name, as `--only` takes it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Measures once.
    ///
    /// # Errors
    /// The target does not do what it is asked.
    pub(crate) async fn measure(self, site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
        match self {
            Self::Memory => Box::pin(memory::measure(site, scale)).await,
            Self::Post => Box::pin(post::measure(site, scale)).await,
            Self::Stanza => Box::pin(stanza::measure(site, scale)).await,
            Self::Login => Box::pin(login::measure(site, scale)).await,
            Self::Heartbeat => Box::pin(heartbeat::measure(site, scale)).await,
            Self::Start => Box::pin(start::measure(site, scale)).await,
            Self::Binary => binary::measure(site),
            Self::Broadcast => Box::pin(broadcast::measure(site, scale)).await,
            Self::CatchUp => Box::pin(catch_up::measure(site, scale)).await,
            Self::Growth => Box::pin(growth::measure(site, scale)).await,
            Self::Storm => Box::pin(storm::measure(site, scale)).await,
            Self::Wire => Box::pin(wire::measure(site, scale)).await,
            Self::Device => device::measure(site, scale),
            Self::Instructions => instructions::measure(site),
        }
    }
}

/// The numbers of the next `count` payloads: none is used twice in a run of the harness.
fn numbers(count: u64) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(count, Ordering::Relaxed)
}

/// Lets what was begun come to rest: sockets close, allocators give back, logs are written.
async fn settle(scale: &Scale) {
    tokio::time::sleep(scale.rest).await;
}

/// Waits until a server has done what it has put off, so that its processor time has all of what it was asked. Some are never at rest.
async fn done(server: &Running, scale: &Scale) -> anyhow::Result<()> {
    server.rest(scale.rest * 3 / 2, LOOKS_MAX).await.map(drop)
}

/// Sessions in so many parts, or fewer.
fn in_parts(mut sessions: Vec<Session>, count: usize) -> impl Iterator<Item = Vec<Session>> {
    let each = sessions.len().div_ceil(count);
    std::iter::from_fn(move || (!sessions.is_empty()).then(|| sessions.split_off(sessions.len().saturating_sub(each))))
}

/// The login that costs least where a login is not what is measured.
fn cheapest(target: Target, carriage: Carriage) -> Proof {
    // Longwire takes no password in the clear.
    if target == Target::Longwire && carriage == Carriage::Plain { Proof::Scram } else { Proof::Plain }
}

/// What was done in a time, per second of it.
fn per_second(count: u64, time: Duration) -> f64 {
    // A clock tick of the kernel is the least that it tells.
    count as f64 / time.max(Duration::from_millis(10)).as_secs_f64()
}

/// Milliseconds of each of `count`.
fn ms_each(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1_000.0 / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_knows_all_groups_and_targets() {
        let script = include_str!("../../../scripts/bench");
        let named = |list: &str| script.lines().find(|line| line.starts_with(list)).expect("it is there").to_owned();
        let groups: Vec<String> = Group::value_variants().iter().map(|group| format!("\"{}\"", group.name())).collect();
        assert_eq!(named("GROUPS"), format!("GROUPS = ({})", groups.join(", ")));
        for target in Target::value_variants() {
            let name = format!("\"{}\"", target.name());
            assert!(named("TARGETS").contains(&name) || named("PEERS").contains(&name), "{name}");
        }
    }
}
