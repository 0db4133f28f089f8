//! HTTP POST → connected device: closed loop, and paced from an open one; with nothing stored, and durable before the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::{Scale, cheapest, done, numbers, per_second, settle};
use crate::client::{Arrivals, Carriage, Pace, Poster, Posting, Session, body, listen, name_of, online, pace};
use crate::reading::{Reading, Row};
use crate::target::{Running, Site, Target, devices};
use crate::together::together;

/// Connections over which is posted at the same time, as a back-end with a pool has them.
const POSTERS: usize = 32;
/// For the last answers, behind the last deliveries.
const ANSWERS: Duration = Duration::from_secs(10);
pub(super) const NOT_KEPT: &str = "keeps nothing on disk of what it has delivered";
pub(super) const NO_HTTP: &str = "is not asked over HTTP";

/// Everything that a loop needs.
#[derive(Clone)]
pub(super) struct Loop {
    pub(super) posting: Posting,
    pub(super) port: u16,
    pub(super) to: Arc<Vec<String>>,
    pub(super) is_kept: bool,
    pub(super) arrivals: Arc<Arrivals>,
}

struct Rows {
    closed: Row,
    paced: [(Row, u64); 3],
}

fn rows(carriage: Carriage, is_kept: bool, rate: u32) -> Rows {
    // The floor of then had neither TLS nor a disk.
    let beside = |row: Row, there: f64| if carriage == Carriage::Plain { row.floor(there) } else { row };
    let (carriage, nothing) = (carriage.name(), "nothing stored");
    let closed = |kind: &str| Row::new(format!("POST → device, {carriage}, {kind}, closed loop"), "per CPU-s");
    let paced = |kind: &str, what: &str| Row::new(format!("POST → device, {carriage}, {kind}, {rate}/s: {what}"), "ms");
    if is_kept {
        let kind = "durable";
        return Rows {
            closed: closed(kind).must("≥ 20,000"),
            paced: [(paced(kind, "p50"), 500), (paced(kind, "p99").must("≤ 5"), 990), (paced(kind, "p99.9"), 999)],
        };
    }
    Rows {
        closed: beside(closed(nothing).must("≥ 40,000"), 109_000.0),
        paced: [
            (paced(nothing, "p50").must("≤ 0.2"), 500),
            (paced(nothing, "p99").must("≤ 0.36"), 990),
            (paced(nothing, "p99.9"), 999),
        ],
    }
}

impl Rows {
    fn absent(self, why: &'static str) -> Vec<Reading> {
        let paced = self.paced.into_iter().map(|(row, _)| row.absent(why));
        std::iter::once(self.closed.absent(why)).chain(paced).collect()
    }
}

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for carriage in [Carriage::Plain, Carriage::Tls] {
        for is_kept in [false, true] {
            let rows = rows(carriage, is_kept, scale.posts_per_second);
            readings.extend(match site.target {
                Target::Mosquitto => rows.absent(NO_HTTP),
                Target::Floor | Target::Ejabberd | Target::Prosody if is_kept => rows.absent(NOT_KEPT),
                Target::Longwire | Target::Floor | Target::Ejabberd | Target::Prosody => {
                    let name = rows.closed.name.clone();
                    run(site, scale, carriage, is_kept, rows).await.context(name)?
                }
            });
        }
    }
    Ok(readings)
}

async fn run(
    site: &mut Site,
    scale: &Scale,
    carriage: Carriage,
    is_kept: bool,
    rows: Rows,
) -> anyhow::Result<Vec<Reading>> {
    let server = site.start(scale.devices).await?;
    let sessions = online(&server.door, carriage, &cheapest(site.target, carriage), 0..scale.devices).await?;
    let (to, arrivals) = (Arc::new(addresses(site.target, &server, &sessions)?), Arc::new(Arrivals::default()));
    let posting = server.posting.clone().context("the target is asked over HTTP")?;
    let work = Loop { posting, port: server.http, to, is_kept, arrivals: Arc::clone(&arrivals) };
    let _listening = listen(sessions, &arrivals);
    settle(scale).await;
    let mut readings = vec![rows.closed.is(pushes(&server, scale, &work).await?)];
    let rate = scale.posts_per_second;
    paced(&work, Pace { per_second: rate, count: scale.open_count(rate) }).await?;
    let latencies = arrivals.latencies();
    for (row, per_mille) in rows.paced {
        readings.push(row.is(latencies.quantile_ms(per_mille).context("nothing arrived")?));
    }
    Ok(readings)
}

/// Deliveries per second of the server's processor, in a closed loop.
pub(super) async fn pushes(server: &Running, scale: &Scale, work: &Loop) -> anyhow::Result<f64> {
    closed(work, scale.posts.min(200)).await.context("to get warm")?;
    done(server, scale).await?;
    let before = server.family.cpu()?;
    closed(work, scale.posts).await?;
    // Acknowledgements and indexes are written behind the last arrival.
    done(server, scale).await?;
    Ok(per_second(scale.posts, server.family.cpu()?.saturating_sub(before)))
}

/// What the target calls each device over HTTP.
pub(super) fn addresses(target: Target, server: &Running, sessions: &[Session]) -> anyhow::Result<Vec<String>> {
    let bare = |session: &Session| match target {
        Target::Ejabberd => format!("{}@localhost", name_of(session.number)),
        Target::Longwire | Target::Floor | Target::Mosquitto | Target::Prosody => name_of(session.number),
    };
    let Some(Posting::Longwire { key }) = &server.posting else { return Ok(sessions.iter().map(bare).collect()) };
    let known =
        if sessions.iter().all(|session| session.device.is_some()) { None } else { Some(devices(server.http, key)?) };
    let id = |session: &Session| {
        let listed = known.as_ref().and_then(|known| known.get(&name_of(session.number)));
        session.device.as_ref().or(listed).cloned().with_context(|| format!("{} is no device", name_of(session.number)))
    };
    sessions.iter().map(id).collect()
}

/// Each poster posts as soon as its last post is answered; ends when everything has arrived.
async fn closed(work: &Loop, count: u64) -> anyhow::Result<()> {
    let (first, next) = (numbers(count), Arc::new(AtomicU64::new(0)));
    work.arrivals.begin(first, None);
    let post = |number| {
        let (work, next) = (work.clone(), Arc::clone(&next));
        async move {
            let mut poster = Poster::connect(work.port, number).await?;
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return Ok(());
                }
                let answer = poster.post(&work.request(first, index)?).await?;
                work.check(&answer)?;
            }
        }
    };
    together(POSTERS, 0..POSTERS, post).await?;
    work.arrivals.reach(count).await
}

/// Posts at given instants, whatever becomes of the posts before.
async fn paced(work: &Loop, plan: Pace) -> anyhow::Result<()> {
    let accepted = Arc::new(AtomicU64::new(0));
    let mut writers = Vec::new();
    for number in 0..POSTERS {
        writers.push(Poster::connect(work.port, number).await?.into_writer(Arc::clone(&accepted))?);
    }
    let (first, schedule, own) = (numbers(plan.count), plan.schedule(), work.clone());
    work.arrivals.begin(first, Some(schedule));
    // The posters are kept until the last answer has come.
    let posters = pace(plan, schedule, writers, move |writers, index| {
        let request = own.request(first, index)?;
        let place = usize::try_from(index)? % POSTERS;
        Ok(writers.get_mut(place).context("a poster")?.write(&request)?)
    });
    let _posters = posters.await?;
    work.arrivals.reach(plan.count).await?;
    let answered = async {
        while accepted.load(Ordering::Relaxed) < plan.count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    drop(tokio::time::timeout(ANSWERS, answered).await);
    let accepted = accepted.load(Ordering::Relaxed);
    ensure!(accepted == plan.count, "{accepted} of {} posts were accepted", plan.count);
    Ok(())
}

impl Loop {
    /// What nobody takes now never comes, and need not be waited for.
    fn check(&self, answer: &[u8]) -> anyhow::Result<()> {
        let Posting::Longwire { .. } = self.posting else { return Ok(()) };
        let is_taken = self.is_kept || answer.ends_with(b"\"sessions\":1}");
        ensure!(is_taken, "a device took nothing: {}", String::from_utf8_lossy(answer));
        Ok(())
    }

    fn request(&self, first: u64, index: u64) -> anyhow::Result<Vec<u8>> {
        let to = self.to.get(usize::try_from(index)? % self.to.len()).context("no device")?;
        Ok(self.posting.request(to, &body(first + index), self.is_kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_readme_quotes_are_rows() {
        for is_kept in [false, true] {
            let quoted = format!("\"{}\"", rows(Carriage::Tls, is_kept, 1).closed.name);
            assert!(include_str!("../../../../scripts/bench").contains(&quoted), "{quoted}");
        }
    }
}
