//! What a thousand heartbeats a second cost, over as many sessions as there are phones behind them.

use std::time::Duration;

use anyhow::Context;

use super::scale::TOO_MANY;
use super::{Scale, cheapest, in_parts, settle};
use crate::client::{Carriage, Session, online};
use crate::reading::{Reading, Row};
use crate::target::Site;
use crate::together::together;

/// Heartbeats that may be on their way at once.
const WORKERS: usize = 20;

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for carriage in [Carriage::Plain, Carriage::Tls] {
        let row = Row::new(format!("CPU at {} heartbeats/s, {}", scale.beats_per_second, carriage.name()), "%");
        let row = if carriage == Carriage::Plain { row.must("≤ 1.5").floor(0.9) } else { row };
        readings.push(if scale.has_room_for(scale.beating) {
            let percent = run(site, scale, carriage).await.with_context(|| row.name.clone())?;
            row.is(percent)
        } else {
            row.absent(TOO_MANY)
        });
    }
    Ok(readings)
}

/// Percent of one processor.
async fn run(site: &mut Site, scale: &Scale, carriage: Carriage) -> anyhow::Result<f64> {
    let server = site.start(scale.beating).await?;
    let sessions = online(&server.door, carriage, &cheapest(site.target, carriage), 0..scale.beating).await?;
    settle(scale).await;
    let before = server.family.cpu()?;
    let (rate, count) = (scale.beats_per_second, usize::try_from(scale.open_count(scale.beats_per_second))? / WORKERS);
    // The sessions of all workers live until the last has done its part: nobody leaves while it is measured.
    let _sessions = together(WORKERS, in_parts(sessions, WORKERS), |own| beat(own, rate, count)).await?;
    let spent = server.family.cpu()?.saturating_sub(before);
    // Who answers late has done no less: it counts for the seconds that there were beats for.
    Ok(100.0 * spent.as_secs_f64() * f64::from(rate) / (count * WORKERS) as f64)
}

/// A worker's part: so many heartbeats of its sessions in turn, at its part of the rate of all.
async fn beat(mut sessions: Vec<Session>, per_second: u32, count: usize) -> anyhow::Result<Vec<Session>> {
    let workers = u32::try_from(WORKERS)?;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) * workers / per_second);
    let length = sessions.len();
    for index in 0..count {
        ticks.tick().await;
        sessions.get_mut(index % length).context("no session")?.beat().await?;
    }
    Ok(sessions)
}
