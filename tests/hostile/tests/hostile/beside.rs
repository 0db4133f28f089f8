//! "Alive": an honest session beside the attackers, whose pings are answered all the time and which gets a push at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use longwire_test_support::Wire;
use longwire_test_support::wait::{now, pause};

use crate::figures::memory_kib;
use crate::session::Session;
use crate::world::{HONEST, World};

/// Between an answer and the next ping.
const BEAT_EVERY: Duration = Duration::from_millis(10);
/// What an attacking connection may cost: far below the 1 MiB of the catalogue; and what the rest of an attack may (buffers, threads,
/// the database's cache).
const CONNECTION_KIB_MAX: u64 = 16;
const REST_KIB_MAX: u64 = 24 * 1_024;
/// No answer may take longer, however busy the machine is.
const BEAT_MAX: Duration = Duration::from_secs(10);

/// Carries out an attack of `connections` connections beside an honest session; prints what both saw, and fails when the honest
/// session was not served or the server's memory grew by more than the attack may cost.
pub(crate) fn beside<T>(
    case: &str,
    world: &World,
    connections: u64,
    attack: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let server = world.server.id();
    let honest = Honest::begin(world)?;
    let before = memory_kib(server, "VmRSS")?;
    let began = now();
    let attacked = attack();
    let took = began.elapsed();
    let beats = honest.end(world).with_context(|| format!("{case}: the honest session"));
    let outcome = attacked.context(case.to_owned())?;
    let beats = beats?;
    let after = memory_kib(server, "VmHWM")?;
    let [p50, p99, most] = [50, 99, 100].map(|percent| at(&beats, percent));
    println!(
        "{case}: {connections} attacking connections in {} ms; honest: {} pings, p50 {p50:?}, p99 {p99:?}, max {most:?}; \
         server: {before} KiB before, {after} KiB at most",
        took.as_millis(),
        beats.len(),
    );
    ensure!(most < BEAT_MAX, "{case}: an honest ping was answered after {most:?}");
    let seconds = usize::try_from(took.as_secs())?;
    ensure!(beats.len() >= seconds, "{case}: {} honest pings in {seconds} s were not one a second", beats.len());
    let allowed = before + connections * CONNECTION_KIB_MAX + REST_KIB_MAX;
    ensure!(after <= allowed, "{case}: the server's memory grew from {before} to {after} KiB, above {allowed}");
    Ok(outcome)
}

/// What that percentage of sorted times does not exceed.
fn at(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

/// The session's connection, and the times of all answers.
type Beaten = anyhow::Result<(Wire, Vec<Duration>)>;

/// A session that pings without pause until it is ended.
struct Honest {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Beaten>>,
}

impl Honest {
    fn begin(world: &World) -> anyhow::Result<Self> {
        let mut session = Session::registered(world.ready(), HONEST, "honest", "the honest password")?;
        session.is_available()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || beat(session.wire, &stopped));
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends the pings; a push must reach it still. Gives the times of all answers, sorted.
    fn end(mut self, world: &World) -> anyhow::Result<Vec<Duration>> {
        self.stop.store(true, Ordering::Release);
        let Some(Ok(beaten)) = self.thread.take().map(JoinHandle::join) else { bail!("it panicked") };
        let (mut wire, mut beats) = beaten?;
        let id = world.notify("all", "Still there")?;
        wire.expect(&id)?;
        beats.sort_unstable();
        Ok(beats)
    }
}

impl Drop for Honest {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn beat(mut wire: Wire, stop: &AtomicBool) -> Beaten {
    let mut beats = Vec::new();
    while beats.is_empty() || !stop.load(Ordering::Acquire) {
        let id = format!("beat-{:06}-", beats.len());
        let began = now();
        wire.send(&format!("<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>"))?;
        wire.expect(&id).context("a ping was not answered")?;
        beats.push(began.elapsed());
        pause(BEAT_EVERY);
    }
    Ok((wire, beats))
}
