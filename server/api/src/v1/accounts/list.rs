//! `GET /v1/accounts`: accounts in order of name.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use longwire_core::auth_manager::{AccountKind, ListedAccount};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::extract::{Admin, Asked, Authorized, page_size};
use crate::problem::{Code, Problem};
use crate::{cursor, page};

const LIST: &str = "accounts";

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

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"name": "alice", "kind": "xmpp", "created_at": "2026-11-21T11:42:00.123Z", "disabled": false,
    "app_key": "4be07d19a2c5"}))]
pub(crate) struct AccountItem {
    /// The name before the @.
    name: String,
    /// How its clients log in: `xmpp` (SASL), or `androidpn` (as original androidpn clients do).
    kind: AccountItemKind,
    /// When it was made; for an account that was imported, when it was made at the server that it comes from.
    created_at: String,
    /// Whether it is kept from logging in.
    disabled: bool,
    /// The id of the app key that admitted it; null when an operator made it, or when it needed none.
    app_key: Option<String>,
}

/// How an account's clients log in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccountItemKind {
    Xmpp,
    Androidpn,
}

/// A page of accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountPage {
    /// In order of name.
    items: Vec<AccountItem>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// List accounts
///
/// Those of original androidpn clients too.
#[utoipa::path(
    get,
    path = "/v1/accounts",
    tag = "accounts",
    operation_id = "list_accounts",
    params(Query),
    responses((status = 200, body = AccountPage, description = "A page of accounts"))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: Authorized<Admin>,
    Asked(query): Asked<Query>,
) -> Result<Json<AccountPage>, Problem> {
    let limit = page_size(query.limit)?;
    let after = query.cursor.as_deref().map(name_after).transpose()?;
    let found = api.core.auth.accounts(after.as_deref(), limit.saturating_add(1)).await?;
    let (found, next) = page::cut(found, limit, LIST, |account| account.name.clone().into_bytes());
    Ok(Json(AccountPage { items: found.into_iter().map(item).collect(), next }))
}

fn name_after(text: &str) -> Result<String, Problem> {
    let bytes = cursor::decode(LIST, text)?;
    String::from_utf8(bytes).map_err(|_| Problem::new(Code::BadCursor, "this cursor names no account"))
}

fn item(account: ListedAccount) -> AccountItem {
    let kind = match account.kind {
        AccountKind::Xmpp => AccountItemKind::Xmpp,
        AccountKind::Androidpn => AccountItemKind::Androidpn,
    };
    let created_at = account.created_at.to_string();
    AccountItem { name: account.name, kind, created_at, disabled: account.is_disabled, app_key: account.app_key }
}
