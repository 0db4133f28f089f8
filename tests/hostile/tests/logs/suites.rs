//! LOG-01: the logs of all servers and phones that the suites of this run have started, and the secrets that they used.

use anyhow::{Context, ensure};
use longwire_test_support::keep::{SECRETS, kept};

use crate::{SECRET_BYTES_MIN, has_none_of};

#[test]
fn log_01_no_log_of_the_suites_has_a_secret_of_theirs() -> anyhow::Result<()> {
    let folder = kept()
        .context("KEEP_LOGS names no folder: `scripts/test hostile` runs the suites and this test behind them")?;
    let (mut secrets, mut logs) = (Vec::new(), Vec::new());
    for item in std::fs::read_dir(&folder)? {
        let path = item?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(SECRETS) {
            secrets.extend(std::fs::read_to_string(&path)?.lines().map(str::to_owned));
        } else if name.ends_with(".log") {
            logs.push(path);
        }
    }
    secrets.sort_unstable();
    secrets.dedup();
    let looked_for = secrets.iter().filter(|secret| secret.len() >= SECRET_BYTES_MIN).count();
    let mut bytes = 0;
    for path in &logs {
        let log = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
        bytes += log.len();
        has_none_of(&path.display().to_string(), &log, &secrets)?;
    }
    println!(
        "log_01: {} logs of {bytes} bytes, and {looked_for} secrets of {} that were used",
        logs.len(),
        secrets.len()
    );
    ensure!(logs.len() > 20 && looked_for > 40, "the logs and secrets of the suites were not kept");
    Ok(())
}
