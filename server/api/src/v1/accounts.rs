//! `/v1/accounts`: XMPP logins, for the operator.

pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod password;
pub(crate) mod patch;
pub(crate) mod post;
