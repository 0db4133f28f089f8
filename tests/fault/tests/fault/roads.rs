//! F15: a road that swallows everything in both directions, and tells nobody.

use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_fault::inject::namespace::Namespace;
use longwire_fault::{Bench, Need, api, run};
use longwire_test_support::until;
use longwire_test_support::wait::now;
use serde_json::{Value, json};

use crate::SETTLED;

const HEARTBEAT_S: u64 = 5;
/// Twice the heartbeat and ten seconds, with room for a busy machine.
const NOTICED_WITHIN: Duration = Duration::from_secs(2 * HEARTBEAT_S + 10 + 3);

#[test]
fn f15_a_half_open_connection_is_noticed_and_nothing_in_it_is_lost() -> anyhow::Result<()> {
    run("F15", "half-open connections at a heartbeat of 5 s", &[Need::Namespaces], |case| {
        let namespace = Namespace::new()?;
        let mut bench =
            Bench::with(|options| options.behind(&namespace.prefix()).with_variable("LONGWIRE_HEARTBEAT_MIN", "1"))?;
        bench.api = bench.api.inside(&namespace.file());
        let heartbeat = HEARTBEAT_S.to_string();
        let phone = bench.phone_options().behind(&namespace.prefix()).with(&["--heartbeat", &heartbeat]);
        let phone = bench.add(&phone)?;
        let device = bench.device(phone)?;
        let first = bench.post(&json!({ "to": "all", "title": "Before" }))?;
        bench.phone(phone)?.shown(&first)?;
        bench.mark_level()?;

        let port = bench.server.ready.c2s_tls.rsplit(':').next().and_then(|port| port.parse().ok());
        namespace.black_hole(port.context("no port")?)?;
        let cut = now();
        let into = bench.post(&json!({ "to": "all", "title": "Into the silence" }))?;
        until("the server to notice", NOTICED_WITHIN, || (!api::is_online(&bench.api, &device)?).then_some(()))?;
        case.figure("noticed after_ms", u64::try_from(cut.elapsed().as_millis())?);
        let missed = bench.post(&json!({ "to": "all", "title": "While it was away" }))?;
        let told = api::told_of(&bench.api, &missed)?;
        ensure!(told.states.get(&device).is_some_and(|state| state == "accepted"), "{told:?}");

        namespace.heal()?;
        let healed = now();
        for id in [&into, &missed] {
            bench.phone(phone)?.wait(&format!("{id} on the screen"), Duration::from_secs(90), |lines| {
                let is_it =
                    |line: &Value| line.pointer("/notification/id").and_then(Value::as_str) == Some(id.as_str());
                lines.iter().any(is_it).then_some(())
            })?;
        }
        case.figure("back after_ms", u64::try_from(healed.elapsed().as_millis())?);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after healing", &verdict)
    })
}
