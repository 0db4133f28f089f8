//! `POST /v1/accounts`: add an account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use longwire_core::auth_manager::AccountError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::extract::{Admin, Asked, Authorized, Nothing, RawBody};
use crate::fields::{Fields, missing};
use crate::json;
use crate::problem::{Code, Problem};

const FIELDS: &[&str] = &["name", "password"];

/// An account to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "alice"}))]
#[expect(
    dead_code,
    reason = "the shape for the OpenAPI document; requests are read field by field to name what is wrong"
)]
pub(crate) struct NewAccount {
    /// The name before the @.
    #[schema(min_length = 1, max_length = 1023)]
    name: String,
    /// Its password; one is made if none is given.
    #[schema(nullable = false, min_length = 1, max_length = 1023)]
    password: Option<String>,
}

/// A new account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"name": "alice", "password": "kq2VbV5yI3mC0s7lXo1pRw3n"}))]
pub(crate) struct CreatedAccount {
    /// The name before the @.
    name: String,
    /// The password that was made; absent when it was given. Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    password: Option<String>,
}

/// Add an account
#[utoipa::path(
    post,
    path = "/v1/accounts",
    tag = "accounts",
    operation_id = "add_account",
    request_body = NewAccount,
    responses(
        (status = 201, body = CreatedAccount, description = "Added; a password that was made is shown this once"),
        (status = 409, description = "The name is taken"),
    )
)]
pub(crate) async fn post(
    State(api): State<Arc<Api>>,
    caller: Authorized<Admin>,
    _: Asked<Nothing>,
    RawBody(bytes): RawBody,
) -> Result<(StatusCode, Json<CreatedAccount>), Problem> {
    let mut fields = Fields::of(json::parse(&bytes)?, FIELDS)?;
    let name = fields.text("name")?.ok_or_else(|| missing("name"))?;
    let given = fields.text("password")?;
    let password = api.core.auth.add_account(&name, given.as_deref()).await?;
    caller.note("an account was added", &name);
    let password = Some(password).filter(|_| given.is_none());
    Ok((StatusCode::CREATED, Json(CreatedAccount { name, password })))
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Exists => Self::new(Code::Exists, error.to_string()).with_field("name"),
            AccountError::Name(_) | AccountError::NotServed => Self::invalid("name", error.to_string()),
            AccountError::Password => Self::invalid("password", error.to_string()),
            AccountError::Closed | AccountError::KeyNeeded | AccountError::KeyRevoked => {
                Self::new(Code::MissingScope, error.to_string())
            }
            AccountError::Unknown => Self::new(Code::NotFound, error.to_string()),
            AccountError::Core(error) => error.into(),
        }
    }
}
