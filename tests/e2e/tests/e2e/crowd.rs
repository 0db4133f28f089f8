//! Many phones behind one address that lose their connection at once, at limits that are small enough to matter.

use std::collections::BTreeMap;
use std::time::Duration;

use longwire_test_support::{PhoneOptions, ServerOptions, folder};
use serde_json::Value;

const PHONES: usize = 200;
const LOGINS_PER_S: usize = 20;
/// Ten seconds are what two hundred logins take at the limit; the rest is patience with a slow machine.
const BACK: Duration = Duration::from_secs(90);

fn states<'a>(lines: &'a [Value], state: &'a str) -> impl Iterator<Item = String> + 'a {
    let of = lines.iter().filter(move |line| line.get("state").and_then(Value::as_str) == Some(state));
    of.filter_map(|line| Some(line.get("device")?.to_string()))
}

#[test]
fn a_crowd_behind_one_address_comes_back_after_the_server_died() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server"))
        .with_variable("LONGWIRE_REGISTRATIONS_PER_MINUTE_MAX", "1000000")
        .with_variable("LONGWIRE_LOGINS_PER_SECOND_MAX", &LOGINS_PER_S.to_string())
        .with_variable("LONGWIRE_CONNECTIONS_BEFORE_LOGIN_MAX", "30");
    let mut server = options.start()?;
    let phones = PhoneOptions::new(&server, &place.path().join("phones")).times(PHONES).start()?;
    let online = |mark: usize| {
        phones.wait("all phones to be online", BACK, |lines| {
            let mut online: Vec<String> = states(lines.get(mark..).unwrap_or_default(), "online").collect();
            online.sort();
            online.dedup();
            (online.len() == PHONES).then_some(())
        })
    };
    online(0)?;
    let mark = phones.mark();
    server.kill();
    server.start_again()?;
    online(mark)?;
    let lines = phones.lines();
    let mut attempts = BTreeMap::new();
    for device in states(lines.get(mark..).unwrap_or_default(), "connecting") {
        *attempts.entry(device).or_insert(0_usize) += 1;
    }
    let (most, sum) = (attempts.values().max().copied().unwrap_or_default(), attempts.values().sum::<usize>());
    assert!(most <= 20 && sum <= PHONES * 8, "{sum} attempts, {most} of one phone");
    Ok(())
}
