//! The log: to standard error, as text or JSON.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;

/// Starts logging; `filter` as in `info,longwire_net=debug`.
pub(crate) fn start(format: LogFormat, filter: Option<&str>) -> anyhow::Result<()> {
    let filter = parse_filter(filter)?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => subscriber.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    Ok(())
}

/// A filter; a wrong one is the user's fault.
pub(crate) fn parse_filter(filter: Option<&str>) -> anyhow::Result<EnvFilter> {
    let text = filter.unwrap_or("info");
    EnvFilter::builder()
        .parse(text)
        .with_context(|| format!("log_filter: {text:?} is not a filter such as info or info,longwire_net=debug"))
}
