//! How the peers keep what is missed: a copy for each device, written by a client, and given to it when it comes back.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::wait::now;

use super::AT_ONCE;
use crate::client::{Carriage, Door, Proof, Session, Speech, Stay, Wants, log_in, name_of};
use crate::rows::{Scale, done, numbers, settle};
use crate::target::{Manner, Running, Site};
use crate::together::together;

/// Copies that are still worth the time that they take to write.
pub(super) const COPIES_MAX: usize = 200_000;
/// Stanzas in one write.
const CHUNK: usize = 64;
/// Without any work in it for so long, a server has written all of it.
const REST: Duration = Duration::from_millis(200);
/// Looks at that, for two minutes.
const LOOKS_MAX: usize = 600;

/// Time until the last device has everything, and CPU of the server.
pub(super) async fn run(site: &mut Site, scale: &Scale, missed: usize) -> anyhow::Result<(Duration, Duration)> {
    site.differ(Manner { keeps: true, ..Manner::default() })?;
    let done = away_and_back(site, scale, missed).await;
    site.differ(Manner::default())?;
    done
}

async fn away_and_back(site: &mut Site, scale: &Scale, missed: usize) -> anyhow::Result<(Duration, Duration)> {
    let away = scale.away;
    let server = site.start(away + 1).await?;
    if server.door.speech == Speech::Mqtt {
        visit(&server.door, away, Stay::Begun, 0).await?;
    }
    write(&server, away, missed).await?;
    settle(scale).await;
    let (before, began) = (server.family.cpu()?, now());
    visit(&server.door, away, Stay::Resumed, missed).await?;
    let elapsed = began.elapsed();
    done(&server, scale).await?;
    let spent = server.family.cpu()?.saturating_sub(before);
    // Killed, Mnesia would have again at the next start what it has given.
    server.end()?;
    Ok((elapsed, spent))
}

/// One client writes to all devices, which are away; done when the server has come to rest.
async fn write(server: &Running, away: usize, missed: usize) -> anyhow::Result<()> {
    let sender = log_in(&server.door, Carriage::Plain, &Proof::Plain, &Wants::default(), away).await?;
    let (speech, mut link) = (server.door.speech, sender.into_writer()?);
    let to: Vec<String> = (0..away).map(|number| address(speech, number)).collect();
    let mut number = numbers((away * missed) as u64);
    for chunk in std::iter::repeat_n(to.chunks(CHUNK), missed).flatten() {
        link.write(&speech.stanzas(chunk, number))?;
        number += chunk.len() as u64;
        // The answers of the server are read meanwhile.
        tokio::task::yield_now().await;
    }
    ensure!(server.rest(REST, LOOKS_MAX).await?, "the server does not come to rest");
    Ok(())
}

fn address(speech: Speech, number: usize) -> String {
    match speech {
        Speech::Longwire | Speech::Xmpp => format!("{}@localhost", name_of(number)),
        Speech::Mqtt | Speech::Lines => name_of(number),
    }
}

/// Each logs in, takes `goal` payloads and goes.
async fn visit(door: &Arc<Door>, away: usize, stay: Stay, goal: usize) -> anyhow::Result<()> {
    let call = |number| {
        let door = Arc::clone(door);
        async move {
            let wants = Wants { stay, ..Wants::default() };
            let mut session = log_in(&door, Carriage::Tls, &Proof::Plain, &wants, number).await?;
            enter(&mut session, stay).await?;
            let count = session.take(goal).await.with_context(|| format!("client {number}"))?;
            ensure!(count == goal, "client {number} was given {count} of {goal}");
            Ok(())
        }
    };
    together(AT_ONCE, 0..away, call).await.map(drop)
}

/// What makes the server give what it has: presence with XMPP; with MQTT the connection, once there was a subscription.
async fn enter(session: &mut Session, stay: Stay) -> anyhow::Result<()> {
    match (session.speech, stay) {
        (Speech::Xmpp, _) => session.link.send(b"<presence/>").await,
        (Speech::Mqtt, Stay::Resumed) => Ok(()),
        (Speech::Longwire | Speech::Lines | Speech::Mqtt, _) => session.make_available().await,
    }
}
