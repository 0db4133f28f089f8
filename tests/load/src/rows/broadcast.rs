//! One text for all devices: how long until the last one has it, and what that costs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use longwire_test_support::wait::now;

use super::post::NOT_KEPT;
use super::scale::TOO_MANY;
use super::{Scale, cheapest, done, numbers, per_second, settle};
use crate::client::{Arrivals, Carriage, Pace, Poster, Session, Wants, body, listen, log_in, online};
use crate::reading::{Reading, Row};
use crate::target::{Running, Site, Target};

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for (carriage, is_kept) in [(Carriage::Plain, false), (Carriage::Tls, false), (Carriage::Tls, true)] {
        let kind = if is_kept { "durable" } else { "nothing stored" };
        let name = |what: &str| format!("broadcast to {}, {}, {kind}: {what}", scale.audience, carriage.name());
        let (mut last, mut cost) = (Row::new(name("the last one"), "ms"), Row::new(name("deliveries"), "per CPU-s"));
        if carriage == Carriage::Plain && !is_kept {
            (last, cost) = (last.must("≤ 60"), cost.must("≥ 150,000").floor(235_000.0));
        }
        if let Some(why) = lacks(site.target, scale, is_kept) {
            readings.extend([last.absent(why), cost.absent(why)]);
            continue;
        }
        let measured = run(site, scale, carriage, is_kept).await;
        let (ms, deliveries) = measured.with_context(|| last.name.clone())?;
        readings.extend([last.is(ms), cost.is(deliveries)]);
    }
    Ok(readings)
}

/// Why a target is not measured; none when it is.
fn lacks(target: Target, scale: &Scale, is_kept: bool) -> Option<&'static str> {
    if is_kept && target != Target::Longwire {
        return Some(NOT_KEPT);
    }
    // The one that announces is there, too.
    (!scale.has_room_for(scale.audience + 1)).then_some(TOO_MANY)
}

async fn run(site: &mut Site, scale: &Scale, carriage: Carriage, is_kept: bool) -> anyhow::Result<(f64, f64)> {
    let server = site.start(scale.audience + 1).await?;
    // The first client is the one that announces: some let nobody else do that.
    let proof = cheapest(site.target, carriage);
    let sessions = online(&server.door, carriage, &proof, 1..scale.audience + 1).await?;
    let arrivals = Arc::new(Arrivals::default());
    let _listening = listen(sessions, &arrivals);
    let own = cheapest(site.target, Carriage::Plain);
    let mut announcer = log_in(&server.door, Carriage::Plain, &own, &Wants::default(), 0).await?;
    settle(scale).await;
    let goal = scale.audience as u64;
    announce(&server, &mut announcer, &arrivals, is_kept, goal).await.context("to get warm")?;
    settle(scale).await;
    let before = server.family.cpu()?;
    let mut times = Vec::new();
    for _ in 0..scale.broadcasts {
        times.push(announce(&server, &mut announcer, &arrivals, is_kept, goal).await?);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    done(&server, scale).await?;
    let spent = server.family.cpu()?.saturating_sub(before);
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2).copied().context("no broadcast")?;
    Ok((middle, per_second(goal * scale.broadcasts, spent)))
}

/// One broadcast; milliseconds from its sending until the last device has it.
async fn announce(
    server: &Running,
    announcer: &mut Session,
    arrivals: &Arrivals,
    is_kept: bool,
    goal: u64,
) -> anyhow::Result<f64> {
    let number = numbers(1);
    let text = body(number);
    let request = announcer.speech.announcement(number, &text);
    // All have one instant at which they are to be there.
    let mut schedule = Pace { per_second: 1, count: 1 }.schedule();
    match (request, &server.posting) {
        (Some(bytes), _) => {
            schedule.began = now();
            arrivals.begin(number, Some(schedule));
            announcer.link.send(&bytes).await?;
        }
        (None, Some(posting)) => {
            let mut poster = Poster::connect(server.http, 0).await?;
            let bytes = posting.request("", &text, is_kept);
            schedule.began = now();
            arrivals.begin(number, Some(schedule));
            poster.post(&bytes).await?;
        }
        (None, None) => anyhow::bail!("nobody announces here"),
    }
    arrivals.reach(goal).await?;
    arrivals.latencies().quantile_ms(1_000).context("nothing arrived")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_announces_needs_room_too() {
        let room = |files_max| lacks(Target::Longwire, &Scale::full(files_max), true);
        assert_eq!((room(10_600), room(10_601)), (Some(TOO_MANY), None));
        assert_eq!(lacks(Target::Floor, &Scale::full(20_000), true), Some(NOT_KEPT));
    }
}
