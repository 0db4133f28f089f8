//! `longwire device list`.

use super::{call_list, show};
use crate::cli::DeviceCommand;

pub(crate) async fn run(command: DeviceCommand, variables: &[(String, String)]) -> anyhow::Result<()> {
    match command {
        DeviceCommand::List { place, json } => {
            let items = call_list(&place, variables, "device list", "/v1/devices").await?;
            show(items, &["id", "account", "user", "online", "last_seen", "next_contact", "tags", "topics"], json);
        }
    }
    Ok(())
}
