//! The server is killed with everybody connected, starts again, and everybody comes back at once.

use std::sync::Arc;
use std::time::Duration;

use longwire_test_support::wait::now;

use super::login::tokens;
use super::scale::TOO_MANY;
use super::{Scale, ms_each, settle};
use crate::client::{Carriage, Door, Proof, Session, Wants, log_in, online};
use crate::reading::{Reading, Row};
use crate::target::{Site, Target};
use crate::together::together;

/// Connections that are being made at once: more wait for the harness, not for the server.
const AT_ONCE: usize = 256;
/// Before a device that was turned away comes again.
const PAUSE: Duration = Duration::from_millis(100);
const TRIES_MAX: usize = 100;

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let count = scale.storm;
    let name = |what: &str| format!("reconnect storm of {count} after a kill, TLS: {what}");
    let (last, cost) = (Row::new(name("the last one"), "s"), Row::new(name("CPU per device"), "ms"));
    if !scale.has_room_for(count) {
        return Ok(vec![last.absent(TOO_MANY), cost.absent(TOO_MANY)]);
    }
    let server = site.start(count).await?;
    let proofs = match site.target {
        Target::Longwire => tokens(&server.door, count, scale).await?,
        Target::Floor | Target::Mosquitto | Target::Ejabberd | Target::Prosody => vec![Proof::Plain; count],
    };
    let sessions = online(&server.door, Carriage::Tls, &Proof::Plain, 0..count).await?;
    settle(scale).await;
    drop(server);
    drop(sessions);
    settle(scale).await;
    let began = now();
    let server = site.start_again()?;
    let sessions = all(&server.door, proofs).await?;
    let elapsed = began.elapsed();
    let spent = server.family.cpu()?;
    anyhow::ensure!(sessions.len() == count, "{} of {count} came back", sessions.len());
    Ok(vec![last.is(elapsed.as_secs_f64()), cost.is(ms_each(spent, count as u64))])
}

async fn all(door: &Arc<Door>, proofs: Vec<Proof>) -> anyhow::Result<Vec<Session>> {
    let come = |(number, proof)| {
        let door = Arc::clone(door);
        async move { back(&door, &proof, number).await }
    };
    together(AT_ONCE, proofs.into_iter().enumerate(), come).await
}

/// Comes again until it is let in.
async fn back(door: &Door, proof: &Proof, number: usize) -> anyhow::Result<Session> {
    let mut tries = 1;
    loop {
        match log_in(door, Carriage::Tls, proof, &Wants::default(), number).await {
            Ok(mut session) => {
                session.make_available().await?;
                return Ok(session);
            }
            Err(error) if tries >= TRIES_MAX => return Err(error.context(format!("client {number} was not let in"))),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        tries += 1;
    }
}
