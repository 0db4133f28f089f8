//! From client to client: a few senders, many receivers; closed loop, and open.

use std::sync::Arc;

use anyhow::Context;

use super::{Scale, cheapest, numbers, per_second, settle};
use crate::client::{Arrivals, Carriage, Pace, Proof, Speech, Wants, Writer, body, listen, log_in, online, pace};
use crate::reading::{Reading, Row};
use crate::target::{Running, Site};

const SENDERS: usize = 4;
/// Stanzas that a sender has in one write.
const AT_ONCE: usize = 64;

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let (receivers, carriage) = (scale.devices, Carriage::Plain);
    let server = site.start(receivers + SENDERS).await?;
    let proof = cheapest(site.target, carriage);
    let sessions = online(&server.door, carriage, &proof, 0..receivers).await?;
    let to: Arc<Vec<String>> = Arc::new(sessions.iter().map(|session| session.address.clone()).collect());
    let arrivals = Arc::new(Arrivals::default());
    let _listening = listen(sessions, &arrivals);
    let mut writers = Vec::new();
    for number in receivers..receivers + SENDERS {
        writers.push(sender(&server, &proof, number).await?);
    }
    settle(scale).await;
    let speech = server.door.speech;
    closed(&arrivals, &mut writers, speech, &to, 1).await.context("to get warm")?;
    let before = server.family.cpu()?;
    let count = closed(&arrivals, &mut writers, speech, &to, scale.rounds).await?;
    let spent = server.family.cpu()?.saturating_sub(before);
    let closed = Row::new("client → client, plain, closed loop", "per CPU-s").must("≥ 90,000").floor(248_000.0);
    let mut readings = vec![closed.is(per_second(count, spent))];

    let rate = scale.stanzas_per_second;
    let plan = Pace { per_second: rate, count: scale.open_count(rate) };
    let (first, schedule) = (numbers(plan.count), plan.schedule());
    arrivals.begin(first, Some(schedule));
    let _writers = pace(plan, schedule, writers, move |writers, index| {
        let place = usize::try_from(index)?;
        let address = to.get(place % to.len()).context("no receiver")?;
        let stanza = speech.stanza(address, first + index, &body(first + index));
        Ok(writers.get_mut(place % SENDERS).context("no sender")?.write(&stanza)?)
    })
    .await?;
    arrivals.reach(plan.count).await?;
    let latencies = arrivals.latencies();
    for (quantile, per_mille) in [("p50", 500), ("p99", 990), ("p99.9", 999)] {
        let row = Row::new(format!("client → client, plain, {rate}/s: {quantile}"), "ms");
        readings.push(row.is(latencies.quantile_ms(per_mille).context("nothing arrived")?));
    }
    Ok(readings)
}

async fn sender(server: &Running, proof: &Proof, number: usize) -> anyhow::Result<Writer> {
    let session = log_in(&server.door, Carriage::Plain, proof, &Wants::default(), number).await?;
    session.into_writer()
}

/// In each round every receiver is sent one stanza; the next begins when all have arrived. Gives how many arrived.
async fn closed(
    arrivals: &Arrivals,
    writers: &mut [Writer],
    speech: Speech,
    to: &[String],
    rounds: u64,
) -> anyhow::Result<u64> {
    let each = to.len() as u64;
    let mut number = numbers(each * rounds);
    arrivals.begin(number, None);
    for round in 1..=rounds {
        for (chunk, writer) in to.chunks(AT_ONCE).zip((0..SENDERS).cycle()) {
            writers.get_mut(writer).context("no sender")?.write(&speech.stanzas(chunk, number))?;
            number += chunk.len() as u64;
        }
        arrivals.reach(each * round).await?;
    }
    Ok(each * rounds)
}
