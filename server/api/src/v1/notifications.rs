//! `/v1/notifications`: send, change, recall, and learn what became of it.

mod actions;
pub(crate) mod content;
pub(crate) mod delete;
pub(crate) mod deliveries;
pub(crate) mod get;
pub(crate) mod patch;
mod payload;
pub(crate) mod post;

use longwire_model::EntryId;

use crate::problem::{Code, Problem};

/// The id in a path; what is no id names nothing.
fn parse_id(text: &str) -> Result<EntryId, Problem> {
    text.parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::new(Code::NotFound, "there is no such notification")
        .with_hint("take the `id` of the answer to POST /v1/notifications; what was sent with ttl 0 is not kept")
}
