//! `longwire device list|remove`.

use axum::http::Method;

use super::{call_list, call_once, show};
use crate::cli::DeviceCommand;
use crate::control::{Call, segment};
use crate::output;

pub(crate) async fn run(command: DeviceCommand, variables: &[(String, String)]) -> anyhow::Result<()> {
    match command {
        DeviceCommand::List { place, json } => {
            let items = call_list(&place, variables, "device list", "/v1/devices").await?;
            show(items, &["id", "account", "user", "online", "last_seen", "next_contact", "tags", "topics"], json);
        }
        DeviceCommand::Remove { place, id } => {
            let path = format!("/v1/devices/{}", segment(&id));
            call_once(&place, variables, "device remove", Call::new(Method::DELETE, &path)).await?;
            output::note(&format!("the device {id} is removed"));
        }
    }
    Ok(())
}
