//! mosquitto: anonymous clients, nothing kept, no log.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use super::{Place, program_of};

const CONFIGURATION: &str = "mosquitto.conf";

pub(super) fn configure(place: &Place) -> anyhow::Result<()> {
    let Place { folder, ports, identity, .. } = place;
    let text = format!(
        "listener {} 127.0.0.1\nlistener {} 127.0.0.1\ncertfile {}\nkeyfile {}\nallow_anonymous true\npersistence false\n\
         log_dest none\nlog_type none\nmax_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\nuser root\n",
        ports.plain,
        ports.tls,
        identity.certificate.display(),
        identity.key.display()
    );
    fs::write(folder.join(CONFIGURATION), text).context("failed to configure mosquitto")
}

pub(super) fn command(place: &Place) -> Command {
    let mut command = Command::new(program_of("mosquitto").unwrap_or_else(|| PathBuf::from("mosquitto")));
    command.arg("-c").arg(place.folder.join(CONFIGURATION));
    command
}
