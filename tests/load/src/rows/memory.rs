//! User memory per idle connection: growth of PSS over the server with its first connections, after login and after heartbeats.

use super::scale::TOO_MANY;
use super::{Scale, cheapest, settle};
use crate::client::{Carriage, online};
use crate::reading::{Reading, Row};
use crate::target::Site;

/// Connections that are there before anything is read: what a server makes for the first ones is not what each costs.
const FIRST: usize = 16;
/// Heartbeats of an hour, one each ten minutes; here they follow each other at once.
const HOUR_BEATS: usize = 6;

fn row(carriage: Carriage, level: usize, when: &str) -> Row {
    let row = Row::new(format!("memory per idle connection, {}, {level} {when}", carriage.name()), "KiB");
    row.must(match (carriage, level) {
        (Carriage::Plain, 10_000) => "≤ 2",
        (Carriage::StartTls | Carriage::Tls, 10_000) => "≤ 9",
        (Carriage::Plain | Carriage::StartTls | Carriage::Tls, _) => "",
    })
}

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for carriage in [Carriage::Plain, Carriage::StartTls, Carriage::Tls] {
        match site.target.lacks(carriage) {
            Some(why) => {
                readings.extend(scale.levels.iter().map(|level| row(carriage, *level, "after login").absent(why)));
            }
            None => readings.extend(of_carriage(site, scale, carriage).await?),
        }
    }
    Ok(readings)
}

async fn of_carriage(site: &mut Site, scale: &Scale, carriage: Carriage) -> anyhow::Result<Vec<Reading>> {
    let (fitting, beyond) = scale.levels_by_room();
    let top = fitting.last().copied().unwrap_or(FIRST);
    let server = site.start(top).await?;
    let proof = cheapest(site.target, carriage);
    let mut sessions = online(&server.door, carriage, &proof, 0..FIRST).await?;
    settle(scale).await;
    let base = server.family.pss_kib()?;
    let name = format!("memory of a server with {FIRST} connections, {}", carriage.name());
    let mut readings = vec![Row::new(name, "MiB").is(base as f64 / 1_024.0)];
    let each = |pss: u64, count: usize| (pss as f64 - base as f64) / (count - FIRST) as f64;
    for level in fitting {
        sessions.extend(online(&server.door, carriage, &proof, sessions.len()..level).await?);
        settle(scale).await;
        readings.push(row(carriage, level, "after login").is(each(server.family.pss_kib()?, level)));
    }
    for _ in 0..HOUR_BEATS {
        for session in &mut sessions {
            session.beat().await?;
        }
    }
    settle(scale).await;
    readings.push(row(carriage, top, "after an hour's heartbeats").is(each(server.family.pss_kib()?, top)));
    readings.extend(beyond.into_iter().map(|level| row(carriage, level, "after login").absent(TOO_MANY)));
    Ok(readings)
}
