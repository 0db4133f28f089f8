//! Devices that were away come back at once, and each takes what it has missed.

mod peers;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use longwire_test_support::wait::now;

use super::login::tokens;
use super::{Scale, done, ms_each, numbers, per_second, settle};
use crate::client::{Carriage, Cursor, Door, Poster, Proof, Wants, body, log_in};
use crate::reading::{Reading, Row};
use crate::target::{Site, Target};
use crate::together::together;

/// Logins at once.
const AT_ONCE: usize = 64;
const KEEPS_NOTHING: &str = "keeps nothing of what is missed";
const TOO_MANY_COPIES: &str = "keeps a copy of what is missed for each device: more than can be written here";

struct Rows {
    last: Row,
    cost: Row,
    login: Row,
}

fn rows(away: usize, missed: usize) -> Rows {
    let name = |what: &str| format!("catch-up of {away} devices that missed {missed}: {what}");
    Rows {
        last: Row::new(name("the last one"), "ms"),
        cost: Row::new(name("deliveries"), "per CPU-s"),
        login: Row::new(name("CPU per device with its login"), "ms"),
    }
}

enum How {
    /// One row for all devices.
    FromTheLog,
    /// One for each.
    FromCopies,
}

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for &missed in &scale.missed {
        let Rows { last, cost, login } = rows(scale.away, missed);
        let (elapsed, spent) = match how(site.target, scale.away * missed) {
            Err(why) => {
                readings.extend([last, cost, login].map(|row| row.absent(why)));
                continue;
            }
            Ok(How::FromTheLog) => run(site, scale, missed).await,
            Ok(How::FromCopies) => peers::run(site, scale, missed).await,
        }
        .with_context(|| last.name.clone())?;
        let deliveries = (scale.away * missed) as u64;
        readings.push(last.is(elapsed.as_secs_f64() * 1_000.0));
        readings.push(cost.is(per_second(deliveries, spent)));
        readings.push(login.is(ms_each(spent, scale.away as u64)));
    }
    Ok(readings)
}

/// Where a target has what is missed; why it is not measured, if it is not.
const fn how(target: Target, copies: usize) -> Result<How, &'static str> {
    match target {
        Target::Longwire => Ok(How::FromTheLog),
        Target::Floor => Err(KEEPS_NOTHING),
        Target::Mosquitto | Target::Ejabberd | Target::Prosody if copies > peers::COPIES_MAX => Err(TOO_MANY_COPIES),
        Target::Mosquitto | Target::Ejabberd | Target::Prosody => Ok(How::FromCopies),
    }
}

/// Time until the last device has caught up, and CPU of the server.
async fn run(site: &mut Site, scale: &Scale, missed: usize) -> anyhow::Result<(Duration, Duration)> {
    let away = scale.away;
    let server = site.start(away).await?;
    let proofs = tokens(&server.door, away, scale).await?;
    // Up to here they have everything; what is posted from now on they miss.
    let known = all(&server.door, proofs.iter().map(|proof| (proof.clone(), None)), 0).await?;
    let posting = server.posting.clone().context("the target is asked over HTTP")?;
    let mut poster = Poster::connect(server.http, 0).await?;
    let first = numbers(missed as u64);
    for number in first..first + missed as u64 {
        poster.post(&posting.request("", &body(number), true)).await?;
    }
    settle(scale).await;
    let (before, began) = (server.family.cpu()?, now());
    all(&server.door, proofs.into_iter().zip(known), missed).await?;
    let elapsed = began.elapsed();
    done(&server, scale).await?;
    Ok((elapsed, server.family.cpu()?.saturating_sub(before)))
}

/// Each logs in above its cursor, takes `goal` payloads, acknowledges them and goes; gives where each is then.
async fn all(
    door: &Arc<Door>,
    devices: impl Iterator<Item = (Proof, Option<Cursor>)>,
    goal: usize,
) -> anyhow::Result<Vec<Option<Cursor>>> {
    let catch_up = |(number, (proof, cursor))| {
        let door = Arc::clone(door);
        async move {
            let wants = Wants { cursor, ..Wants::default() };
            let mut session = log_in(&door, Carriage::Tls, &proof, &wants, number).await?;
            session.take(goal).await.with_context(|| format!("client {number}"))?;
            Ok(session.cursor)
        }
    };
    together(AT_ONCE, devices.enumerate(), catch_up).await
}
