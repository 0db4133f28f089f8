//! CPU of the server per login: TCP connect, TLS if there is any, mechanism, resource, and the end of the connection.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Scale, ms_each, settle};
use crate::client::{Carriage, Door, Proof, Wants, log_in};
use crate::reading::{Reading, Row};
use crate::target::{Site, Target};

/// Logins at once.
const AT_ONCE: usize = 8;
/// Tokens are written to disk behind the login that brings them.
const WRITTEN_WITHIN: usize = 50;
const ONE_LOGIN: &str = "has one kind of login: see PLAIN";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mechanism {
    Plain,
    Scram,
    Fast,
}

const KINDS: [(Carriage, Mechanism, &str, &str); 5] = [
    (Carriage::Plain, Mechanism::Scram, "SCRAM-SHA-256", "≤ 0.10"),
    (Carriage::Plain, Mechanism::Plain, "PLAIN", ""),
    (Carriage::Tls, Mechanism::Fast, "FAST", "≤ 0.30"),
    (Carriage::Tls, Mechanism::Scram, "SCRAM-SHA-256", ""),
    (Carriage::Tls, Mechanism::Plain, "PLAIN", ""),
];

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for (carriage, mechanism, name, must) in KINDS {
        let row = Row::new(format!("CPU per login, {}, {name}", carriage.name()), "ms").must(must);
        readings.push(match lacks(site.target, carriage, mechanism) {
            Some(why) => row.absent(why),
            None => row.is(run(site, carriage, mechanism, scale).await?),
        });
    }
    Ok(readings)
}

/// Why a target has no such login.
const fn lacks(target: Target, carriage: Carriage, mechanism: Mechanism) -> Option<&'static str> {
    match (target, carriage, mechanism) {
        (Target::Longwire, Carriage::Plain, Mechanism::Plain) => Some("takes no password in the clear"),
        (Target::Floor | Target::Mosquitto, _, Mechanism::Scram | Mechanism::Fast) => Some(ONE_LOGIN),
        (Target::Ejabberd | Target::Prosody, _, Mechanism::Fast) => Some("has no FAST in this version"),
        (_, _, Mechanism::Plain | Mechanism::Scram | Mechanism::Fast) => None,
    }
}

/// CPU of a login in milliseconds.
async fn run(site: &mut Site, carriage: Carriage, mechanism: Mechanism, scale: &Scale) -> anyhow::Result<f64> {
    let count = scale.logins;
    let server = site.start(count).await?;
    let proofs = match mechanism {
        Mechanism::Plain => vec![Proof::Plain; count],
        Mechanism::Scram => vec![Proof::Scram; count],
        Mechanism::Fast => tokens(&server.door, count, scale).await?,
    };
    // The first logins make what all others use.
    all(&server.door, carriage, proofs.iter().take(AT_ONCE).cloned()).await?;
    settle(scale).await;
    let before = server.family.cpu()?;
    all(&server.door, carriage, proofs.into_iter()).await?;
    settle(scale).await;
    let spent = server.family.cpu()?.saturating_sub(before);
    Ok(ms_each(spent, count as u64))
}

/// One login each, some at once; each connection ends when it is bound.
async fn all(door: &Arc<Door>, carriage: Carriage, proofs: impl Iterator<Item = Proof>) -> anyhow::Result<()> {
    let (room, mut tasks) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for (number, proof) in proofs.enumerate() {
        let (place, door) = (Arc::clone(&room).acquire_owned().await?, Arc::clone(door));
        tasks.spawn(async move {
            let _place = place;
            log_in(&door, carriage, &proof, &Wants::default(), number).await.map(drop)
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.context("a login panicked")??;
    }
    Ok(())
}

/// A token of each of the first `count` clients, each of which is good when this returns.
pub(super) async fn tokens(door: &Arc<Door>, count: usize, scale: &Scale) -> anyhow::Result<Vec<Proof>> {
    let (room, mut tasks) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for number in 0..count {
        let (place, door) = (Arc::clone(&room).acquire_owned().await?, Arc::clone(door));
        tasks.spawn(async move {
            let _place = place;
            let wants = Wants { token: true, ..Wants::default() };
            let session = log_in(&door, Carriage::Tls, &Proof::Plain, &wants, number).await?;
            let token = session.token.with_context(|| format!("client {number} was given no token"))?;
            anyhow::Ok((number, Proof::Fast(token)))
        });
    }
    let mut tokens = Vec::with_capacity(count);
    while let Some(token) = tasks.join_next().await {
        tokens.push(token.context("a login panicked")??);
    }
    // Written in the order of the logins, of which these were not the last for long.
    if let Some((number, proof)) = tokens.last() {
        written(door, *number, proof).await?;
    }
    settle(scale).await;
    tokens.sort_by_key(|(number, _)| *number);
    Ok(tokens.into_iter().map(|(_, proof)| proof).collect())
}

async fn written(door: &Door, number: usize, proof: &Proof) -> anyhow::Result<()> {
    for _ in 0..WRITTEN_WITHIN {
        if log_in(door, Carriage::Tls, proof, &Wants::default(), number).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the token of client {number} does not become good")
}
