//! `/v1/devices`: what is known of devices, and whom they belong to.

pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod tags;
pub(crate) mod topics;
pub(crate) mod user;

use std::str::FromStr as _;

use axum::http::StatusCode;
use longwire_core::devices::{Change, ChangeError};
use longwire_model::limits::MEMBERSHIPS_MAX;
use longwire_model::{AppId, AudienceKey, Device, DeviceId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::problem::{Code, Problem};

/// A device: one installation of one app.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "app": "default",
    "account": "w3k9x1",
    "user": "alice",
    "tags": ["beta"],
    "topics": ["news/sport"],
    "online": true,
    "last_seen": "2026-11-21T11:42:00.123Z",
    "next_contact": "2026-11-21T11:46:10.123Z"
}))]
pub(crate) struct DeviceItem {
    /// Its id, as in `device:ID`.
    id: String,
    /// Its app.
    app: String,
    /// The account (XMPP login) that it belongs to; empty when that was removed.
    account: String,
    /// The user of the app's back-end that it is bound to.
    user: Option<String>,
    /// Its tags.
    tags: Vec<String>,
    /// The topics that it has joined.
    topics: Vec<String>,
    /// Whether it has a session now.
    online: bool,
    /// When anything was last received from it.
    last_seen: Option<String>,
    /// When it is expected to be heard of next; once that has passed it is overdue. Of a device that is gone what it promised last.
    next_contact: Option<String>,
}

fn item(api: &Api, device: &Device) -> DeviceItem {
    let names = |kind| {
        let mut names: Vec<String> = device.open(kind).map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let app = if device.app == AppId::DEFAULT { AppId::DEFAULT_NAME.to_owned() } else { device.app.0.to_string() };
    DeviceItem {
        id: device.id.to_string(),
        app,
        account: device.account.clone(),
        user: device.user().map(str::to_owned),
        tags: names("tag"),
        topics: names("topic"),
        online: api.core.sessions.is_online(device.id),
        last_seen: device.last_seen.map(|at| at.to_string()),
        next_contact: device.next_contact.map(|at| at.to_string()),
    }
}

fn unknown() -> Problem {
    Problem::new(Code::NotFound, "there is no such device").with_hint("GET /v1/devices lists the devices")
}

/// A key such as `tag:beta`, of a name in a path or body.
fn key(kind: &str, name: &str) -> Result<AudienceKey, Problem> {
    AudienceKey::from_str(&format!("{kind}:{name}")).map_err(|error| Problem::invalid(kind, error.to_string()))
}

/// Carries out a change; answered when no worker sends the device what it has left any more.
async fn change(api: &Api, device: &str, change: Change) -> Result<StatusCode, Problem> {
    let device = DeviceId::from_str(device).map_err(|_| unknown())?;
    match api.core.change(device, change).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(ChangeError::UnknownDevice) => Err(unknown()),
        Err(ChangeError::TooMany) => {
            let detail = format!("the device holds {MEMBERSHIPS_MAX} topics and tags, as many as it may");
            Err(Problem::new(Code::LimitReached, detail).with_hint("take some away first"))
        }
        Err(ChangeError::Core(error)) => Err(error.into()),
    }
}
