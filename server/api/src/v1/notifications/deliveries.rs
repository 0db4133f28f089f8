//! `GET /v1/notifications/{id}/deliveries`: what became of a notification, device by device.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use longwire_core::notification_manager::DeviceDelivery;
use longwire_model::delivery::{Delay, UsedAction};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{parse_id, unknown};
use crate::Api;
use crate::extract::{Asked, Authorized, Named, Read, page_size};
use crate::page::{self, Times};
use crate::problem::Problem;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Items per page.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// One notification on one device.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "device": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "account": "w3k9x1",
    "user": "alice",
    "state": "delivered",
    "at": {"accepted": "2026-11-21T11:42:00.123Z", "sent": "2026-11-21T11:57:31.440Z", "delivered": "2026-11-21T11:57:31.502Z"},
    "cause": "offline from 2026-11-21T11:42:00.123Z to 2026-11-21T11:57:31.391Z: its connection was lost",
    "delays": [{"cause": "offline", "from": "2026-11-21T11:42:00.123Z", "to": "2026-11-21T11:57:31.391Z",
        "since": "2026-11-21T11:40:12.007Z", "detail": "its connection was lost"}],
    "actions": []
}))]
pub(crate) struct DeliveryItem {
    /// The device.
    device: String,
    /// The account (XMPP login) that it belongs to; null when the device or its account was removed.
    account: Option<String>,
    /// The user that it was bound to when the notification was accepted.
    user: Option<String>,
    /// Where it stands: `scheduled`, `accepted`, `sent` (written to the connection of now), `delivered` (stored by the device), `displayed`,
    /// `opened`, `dismissed`; or how it ended: `expired`, `superseded`, `recalled`, `filtered`, `left`, `rejected`.
    state: &'static str,
    /// When each state on the way was reached. What the device tells happened at the time that it says, but not before the notification
    /// was accepted and not after the server heard of it.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    at: Times,
    /// For a person: what it waits for, what it waited for longest, or why it ended as it did. Null when nothing kept it.
    cause: Option<String>,
    /// What it waited for, in order of time and without overlap. On a connected device what took less than a second is none. Of more
    /// than 32 the longest are told.
    delays: Vec<DelayItem>,
    /// Which of its actions were used, by when; at most 64.
    actions: Vec<UsedActionItem>,
}

/// One use of an action.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"action": "reply", "at": "2026-11-21T11:58:02.117Z", "text": "On my way"}))]
pub(crate) struct UsedActionItem {
    /// The action's id.
    action: String,
    /// When: as for the states.
    at: String,
    /// What the user wrote; absent when nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    text: Option<String>,
}

/// A stretch of time that a delivery waited for one thing.
#[derive(Serialize, ToSchema)]
pub(crate) struct DelayItem {
    #[schema(value_type = CauseWord)]
    cause: &'static str,
    /// From when; never before the notification was accepted.
    from: String,
    /// Until when; null while it goes on.
    to: Option<String>,
    /// Since when the cause was there, if that is known; before `from` when it was there before the notification.
    since: Option<String>,
    /// More about it, for a person.
    detail: String,
}

/// What a delivery waits for.
///
/// | word | the device | what it waits for |
/// |---|---|---|
/// | `offline` | has no session | its next login; `detail` says how its last session ended, or that it has never connected |
/// | `server down` | had a session when the server stopped or died | the server's next start |
/// | `background lane` | is connected | its next heartbeat or wake-up: the lane is `background` |
/// | `catching up` | is connected | what is before it in the log, after a login |
/// | `window full` | is connected | acknowledgements: 64 entries or 256 KiB were written without one |
/// | `slow socket` | is connected | its socket, which takes nothing of what was written |
/// | `not acknowledged` | is connected | the acknowledgement of what was written to it, or its list of what it stored; `detail` says which |
/// | `unknown` | | its sessions of that time are not kept any more, or the server died and what it had written is not known |
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the OpenAPI document")]
enum CauseWord {
    #[schema(rename = "offline")]
    Offline,
    #[schema(rename = "server down")]
    ServerDown,
    #[schema(rename = "background lane")]
    BackgroundLane,
    #[schema(rename = "catching up")]
    CatchingUp,
    #[schema(rename = "window full")]
    WindowFull,
    #[schema(rename = "slow socket")]
    SlowSocket,
    #[schema(rename = "not acknowledged")]
    NotAcknowledged,
    #[schema(rename = "unknown")]
    Unknown,
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryPage {
    /// In order of the devices' ids.
    items: Vec<DeliveryItem>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// What became of a notification on each device
#[utoipa::path(
    get,
    path = "/v1/notifications/{id}/deliveries",
    tag = "notifications",
    operation_id = "list_deliveries",
    params(("id" = String, Path, description = "The notification's id"), Query),
    responses((status = 200, body = DeliveryPage, description = "A page of deliveries"))
)]
pub(crate) async fn deliveries(
    State(api): State<Arc<Api>>,
    _: Authorized<Read>,
    Named(id): Named<String>,
    Asked(query): Asked<Query>,
) -> Result<Json<DeliveryPage>, Problem> {
    let id = parse_id(&id)?;
    let list = format!("deliveries {id}");
    let limit = page_size(query.limit)?;
    let after = query.cursor.as_deref().map(|cursor| page::device_after(&list, cursor)).transpose()?;
    let found = api.core.notifications.deliveries(id, after, limit.saturating_add(1)).await?.ok_or_else(unknown)?;
    let (found, next) = page::cut(found, limit, &list, |own| own.device.as_bytes().to_vec());
    Ok(Json(DeliveryPage { items: found.into_iter().map(item).collect(), next }))
}

fn item(DeviceDelivery { device, account, user, delivery, actions }: DeviceDelivery) -> DeliveryItem {
    DeliveryItem {
        device: device.to_string(),
        account,
        user,
        state: delivery.state.as_str(),
        at: Times(delivery.at),
        cause: delivery.cause,
        delays: delivery.delays.into_iter().map(delay).collect(),
        actions: actions.into_iter().map(used_action).collect(),
    }
}

fn used_action(used: UsedAction) -> UsedActionItem {
    UsedActionItem { action: used.action, at: used.at.to_string(), text: used.text }
}

fn delay(delay: Delay) -> DelayItem {
    DelayItem {
        cause: delay.cause.as_str(),
        from: delay.from.to_string(),
        to: delay.to.map(|to| to.to_string()),
        since: delay.since.map(|since| since.to_string()),
        detail: delay.detail,
    }
}

#[cfg(test)]
mod tests {
    use longwire_model::delivery::Cause;
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn every_cause_is_in_the_table_and_in_the_schema() {
        let schema = serde_json::to_value(CauseWord::schema()).expect("JSON");
        let words: Vec<&str> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
        assert_eq!(schema["enum"], serde_json::json!(words));
        let table = schema["description"].as_str().expect("a table");
        let page = include_str!("../../../../../docs/deliveries.md");
        for word in words {
            let row =
                |text: &str| text.lines().find(|line| line.starts_with(&format!("| `{word}` |"))).map(str::to_owned);
            assert!(row(table).is_some() && row(table) == row(page), "{word}");
        }
    }
}
