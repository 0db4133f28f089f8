//! CPU of the server per login: TCP connect, TLS if there is any, mechanism, resource, and the end of the connection.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use super::{Scale, ms_each, settle};
use crate::client::{Carriage, Door, Proof, Wants, log_in};
use crate::reading::{Reading, Row};
use crate::target::{Manner, Site, Target};
use crate::together::together;

/// Logins at once.
const AT_ONCE: usize = 64;
/// Tokens are written to disk behind the login that brings them.
const WRITTEN_WITHIN: usize = 50;
pub(super) const NO_FAST: &str = "has no FAST in this version";
const ONE_LOGIN: &str = "has one kind of login: see PLAIN";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mechanism {
    Plain,
    Scram,
    Fast,
}

impl Mechanism {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Scram => "SCRAM-SHA-256",
            Self::Fast => "FAST",
        }
    }
}

const KINDS: [(Carriage, Mechanism); 5] = [
    (Carriage::Plain, Mechanism::Scram),
    (Carriage::Plain, Mechanism::Plain),
    (Carriage::Tls, Mechanism::Fast),
    (Carriage::Tls, Mechanism::Scram),
    (Carriage::Tls, Mechanism::Plain),
];

fn row(carriage: Carriage, mechanism: Mechanism) -> Row {
    let name = |mechanism: Mechanism| format!("CPU per login, {}, {}", carriage.name(), mechanism.name());
    let row = Row::new(name(mechanism), "ms");
    // The floor's one kind of login stands at PLAIN.
    match (carriage, mechanism) {
        (Carriage::Plain, Mechanism::Scram) => row.must("≤ 0.10").floor_of(name(Mechanism::Plain), 0.021),
        (Carriage::Tls, Mechanism::Fast) => row.must("≤ 0.30").floor_of(name(Mechanism::Plain), 0.107),
        _ => row,
    }
}

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    let mut hashed = hashed(site.target, scale)?;
    for (carriage, mechanism) in KINDS {
        let row = row(carriage, mechanism);
        let site = hashed.as_mut().filter(|_| mechanism == Mechanism::Scram).unwrap_or(site);
        readings.push(match lacks(site.target, carriage, mechanism) {
            Some(why) => row.absent(why),
            None => {
                let ms = run(site, carriage, mechanism, scale).await.with_context(|| row.name.clone())?;
                row.is(ms)
            }
        });
    }
    Ok(readings)
}

/// A place where a peer keeps what SCRAM checks, as Longwire does: from passwords it would derive that at each login.
fn hashed(target: Target, scale: &Scale) -> anyhow::Result<Option<Site>> {
    match target {
        Target::Longwire | Target::Floor | Target::Mosquitto => Ok(None),
        Target::Ejabberd | Target::Prosody => {
            let mut site = Site::new(target, scale.start_rest)?;
            site.differ(Manner { is_hashed: true, ..Manner::default() })?;
            Ok(Some(site))
        }
    }
}

/// Why a target has no such login.
const fn lacks(target: Target, carriage: Carriage, mechanism: Mechanism) -> Option<&'static str> {
    match (target, carriage, mechanism) {
        (Target::Longwire, Carriage::Plain, Mechanism::Plain) => Some("takes no password in the clear"),
        (Target::Floor | Target::Mosquitto, _, Mechanism::Scram | Mechanism::Fast) => Some(ONE_LOGIN),
        (Target::Ejabberd | Target::Prosody, _, Mechanism::Fast) => Some(NO_FAST),
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
    let visit = |(number, proof)| {
        let door = Arc::clone(door);
        async move { log_in(&door, carriage, &proof, &Wants::default(), number).await.map(drop) }
    };
    together(AT_ONCE, proofs.enumerate(), visit).await.map(drop)
}

/// A token of each of the first `count` clients, each of which is good when this returns.
pub(super) async fn tokens(door: &Arc<Door>, count: usize, scale: &Scale) -> anyhow::Result<Vec<Proof>> {
    let ask = |number| {
        let door = Arc::clone(door);
        async move {
            let wants = Wants { token: true, ..Wants::default() };
            let session = log_in(&door, Carriage::Tls, &Proof::Plain, &wants, number).await?;
            let token = session.token.with_context(|| format!("client {number} was given no token"))?;
            Ok(Proof::Fast(token))
        }
    };
    let tokens = together(AT_ONCE, 0..count, ask).await?;
    // Written in the order of the logins, of which these came last.
    for (number, proof) in tokens.iter().enumerate().rev().take(AT_ONCE) {
        written(door, number, proof).await?;
    }
    settle(scale).await;
    Ok(tokens)
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
