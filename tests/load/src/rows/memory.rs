//! User memory per idle connection: growth of PSS over the server with its first connections, after login and after heartbeats; and of
//! the server by itself.

use anyhow::Context;

use super::scale::TOO_MANY;
use super::{Scale, cheapest, in_parts, settle};
use crate::client::{Carriage, Session, online};
use crate::reading::{Reading, Row};
use crate::target::Site;
use crate::together::together;

/// Connections that are there before anything is read: what a server makes for the first ones is not what each costs.
const FIRST: usize = 16;
/// Heartbeats of each connection, one behind the other: as many as an hour has at the longest pause.
const BEATS: usize = 6;
/// Rows of connections that beat side by side.
const AT_ONCE: usize = 8;
const AFTER_LOGIN: &str = "after login";
const AFTER_BEATS: &str = "after six heartbeats each";

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
                readings.extend(scale.levels.iter().flat_map(|level| absent(carriage, *level, why)));
            }
            None => {
                let measured = of_carriage(site, scale, carriage).await;
                readings.extend(measured.with_context(|| format!("memory per idle connection, {}", carriage.name()))?);
            }
        }
    }
    Ok(readings)
}

fn absent(carriage: Carriage, level: usize, why: &'static str) -> [Reading; 2] {
    [AFTER_LOGIN, AFTER_BEATS].map(|when| row(carriage, level, when).absent(why))
}

async fn of_carriage(site: &mut Site, scale: &Scale, carriage: Carriage) -> anyhow::Result<Vec<Reading>> {
    let (fitting, beyond) = scale.levels_by_room();
    let top = fitting.last().copied().unwrap_or(FIRST);
    let server = site.start(top).await?;
    let whole = |connections: &str, pss: u64| {
        let name = format!("memory of a server with {connections} connections, {}", carriage.name());
        Row::new(name, "MiB").is(pss as f64 / 1_024.0)
    };
    settle(scale).await;
    let mut readings = vec![whole("no", server.family.pss_kib()?)];
    let proof = cheapest(site.target, carriage);
    let mut sessions = online(&server.door, carriage, &proof, 0..FIRST).await?;
    settle(scale).await;
    let base = server.family.pss_kib()?;
    readings.push(whole(&FIRST.to_string(), base));
    let each = |pss: u64, count: usize| (pss as f64 - base as f64) / (count - FIRST) as f64;
    for level in fitting {
        sessions.extend(online(&server.door, carriage, &proof, sessions.len()..level).await?);
        settle(scale).await;
        readings.push(row(carriage, level, AFTER_LOGIN).is(each(server.family.pss_kib()?, level)));
        sessions = beat(sessions).await?;
        settle(scale).await;
        readings.push(row(carriage, level, AFTER_BEATS).is(each(server.family.pss_kib()?, level)));
    }
    readings.extend(beyond.into_iter().flat_map(|level| absent(carriage, level, TOO_MANY)));
    Ok(readings)
}

/// Every session beats so often, each when the one before it has; some rows of them side by side.
async fn beat(sessions: Vec<Session>) -> anyhow::Result<Vec<Session>> {
    let parts = together(AT_ONCE, in_parts(sessions, AT_ONCE), |mut part| async move {
        for _ in 0..BEATS {
            for session in &mut part {
                session.beat().await?;
            }
        }
        Ok(part)
    });
    Ok(parts.await?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_readme_quotes_are_rows() {
        for carriage in [Carriage::Plain, Carriage::Tls] {
            let quoted = format!("\"{}\"", row(carriage, 10_000, AFTER_LOGIN).name);
            assert!(include_str!("../../../../scripts/bench").contains(&quoted), "{quoted}");
        }
    }
}
