//! The server is killed with everybody connected, starts again, and everybody comes back at once: so many as the harness makes at a time
//! with nobody turned away, and all of them with the caps that Longwire has by default.

use std::sync::Arc;
use std::time::Duration;

use longwire_client::backoff::Backoff;
use longwire_test_support::Chance;
use longwire_test_support::wait::now;

use super::login::tokens;
use super::scale::TOO_MANY;
use super::{Scale, done, ms_each, settle};
use crate::client::{Carriage, Door, Proof, Refused, Session, Wants, log_in, online};
use crate::reading::{Reading, Row};
use crate::target::{Manner, Site, Target};
use crate::together::together;

/// Connections that are being made at once: more wait for the harness, not for the server.
const AT_ONCE: usize = 256;
/// Before a device that was turned away comes again.
const PAUSE: Duration = Duration::from_millis(100);
const TRIES_MAX: usize = 100;
const NO_PAUSES: &str = "tells nobody when to come back";

/// How long a device waits that was turned away.
#[derive(Clone, Copy, Debug)]
enum Waits {
    /// Hardly.
    Briefly,
    /// As a phone does: for the pause that it was told and a part of it more, else for one that doubles.
    AsTold,
}

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let count = scale.storm;
    let name = |what: &str| format!("reconnect storm of {count} after a kill, TLS: {what}");
    let (last, cost) = (Row::new(name("the last one"), "s"), Row::new(name("CPU per device"), "ms"));
    let told =
        Row::new(format!("reconnect storm of {count} at once after a kill, TLS, default caps: the last one"), "s");
    if !scale.has_room_for(count) {
        return Ok([last, cost, told].map(|row| row.absent(TOO_MANY)).into());
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
    let sessions = all(&server.door, &proofs, AT_ONCE, Waits::Briefly).await?;
    let elapsed = began.elapsed();
    done(&server, scale).await?;
    let spent = server.family.cpu()?;
    drop(server);
    drop(sessions);
    settle(scale).await;
    let told = match site.target {
        Target::Longwire => told.is(paced(site, &proofs).await?.as_secs_f64()),
        Target::Floor | Target::Mosquitto | Target::Ejabberd | Target::Prosody => told.absent(NO_PAUSES),
    };
    Ok(vec![last.is(elapsed.as_secs_f64()), cost.is(ms_each(spent, count as u64)), told])
}

/// Time until the last one is online when all come at once and the server says who comes when.
async fn paced(site: &mut Site, proofs: &[Proof]) -> anyhow::Result<Duration> {
    site.differ(Manner { is_capped: true, ..Manner::default() })?;
    let began = now();
    let server = site.start_again();
    site.differ(Manner::default())?;
    let server = server?;
    let _sessions = all(&server.door, proofs, proofs.len(), Waits::AsTold).await?;
    Ok(began.elapsed())
}

/// Brings each of them online, so many at once.
async fn all(door: &Arc<Door>, proofs: &[Proof], at_once: usize, waits: Waits) -> anyhow::Result<Vec<Session>> {
    let come = |(number, proof)| {
        let door = Arc::clone(door);
        async move { back(&door, &proof, number, waits).await }
    };
    together(at_once, proofs.iter().cloned().enumerate(), come).await
}

/// Comes again until it is let in.
async fn back(door: &Door, proof: &Proof, number: usize, waits: Waits) -> anyhow::Result<Session> {
    let (mut backoff, mut chance) = (Backoff::default(), Chance::new(number as u64));
    let mut tries = 1;
    loop {
        match log_in(door, Carriage::Tls, proof, &Wants::default(), number).await {
            Ok(mut session) => {
                session.make_available().await?;
                return Ok(session);
            }
            Err(error) if tries >= TRIES_MAX => return Err(error.context(format!("client {number} was not let in"))),
            Err(error) => {
                tokio::time::sleep(match waits {
                    Waits::Briefly => PAUSE,
                    Waits::AsTold => as_told(&error, &mut backoff, chance.bits()),
                })
                .await;
            }
        }
        tries += 1;
    }
}

/// How long a phone waits behind an attempt that ended with an error.
fn as_told(error: &anyhow::Error, backoff: &mut Backoff, random: u64) -> Duration {
    let told = error.downcast_ref::<Refused>().and_then(|refused| refused.retry_after_s);
    Duration::from_millis(match told {
        Some(after_s) => backoff.retry_ms(after_s, random),
        None => backoff.next_ms(random),
    })
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn who_is_told_nothing_waits_for_a_pause_that_doubles() {
        let mut backoff = Backoff::default();
        let pauses = [1, 2, 3].map(|_| as_told(&anyhow!("reset"), &mut backoff, u64::MAX).as_secs_f64().round());
        assert_eq!(pauses, [1.0, 2.0, 4.0]);
    }
}
