//! The log: to standard error, as text or JSON, and never at the cost of the server's time.

mod queue;

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;
pub(crate) use queue::Guard;

/// Starts logging; `filter` as in `info,longwire_net=debug`. What still waits is written when the guard is dropped.
pub(crate) fn start(format: LogFormat, filter: Option<&str>) -> anyhow::Result<Guard> {
    let filter = parse_filter(filter)?;
    let on_dropped = |lines| tracing::warn!(lines, "log lines were dropped: standard error was not read");
    let (lines, guard) = queue::start(io::stderr(), on_dropped).context("no thread can be made for the log")?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || lines.clone());
    match format {
        LogFormat::Text => subscriber.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    Ok(guard)
}

/// A filter; a wrong one is the user's fault.
pub(crate) fn parse_filter(filter: Option<&str>) -> anyhow::Result<EnvFilter> {
    let text = filter.unwrap_or("info");
    EnvFilter::builder()
        .parse(text)
        .with_context(|| format!("log_filter: {text:?} is not a filter such as info or info,longwire_net=debug"))
}
