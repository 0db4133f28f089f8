//! The log line of a refused call, so that an operator sees which scripts fail. It holds nothing of what a caller wrote: no key, no
//! text, no name of a user.

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::http::StatusCode;
use longwire_core::rate::Rates;

use crate::Api;
use crate::problem::{Code, Problem};

/// Lines a minute of one address; more would let anybody fill the disk.
const LINES_PER_MINUTE_MAX: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
/// The fields that are named in a line; any other name is the caller's own.
const FIELDS: [&str; 12] = [
    "action",
    "title",
    "message",
    "uri",
    "image",
    "imageUrl",
    "broadcast",
    "username",
    "alias",
    "tag",
    "from",
    "online",
];

/// How many lines each address has left.
pub(crate) fn rates() -> Rates<Option<IpAddr>> {
    Rates::new(LINES_PER_MINUTE_MAX, 60_000, LINES_PER_MINUTE_MAX.get())
}

/// Whether a call is one that this looks after.
pub(crate) fn is_own(path: &str) -> bool {
    path.ends_with(".do")
}

/// Writes the line.
pub(crate) fn log(
    api: &Api,
    peer: Option<IpAddr>,
    path: &str,
    request_id: &str,
    status: StatusCode,
    problem: &Problem,
) {
    if !api.refusals.take(&peer, api.core.env.clock.mono_ms()).is_granted {
        return;
    }
    let peer = peer.map_or_else(|| "-".to_owned(), |peer| peer.to_string());
    let (code, reason) = (problem.code().as_str(), reason(problem));
    tracing::info!(%peer, path, status = status.as_u16(), code, reason, request_id, "a script's call was refused");
}

/// What was wrong, in words of our own.
fn reason(problem: &Problem) -> String {
    match (problem.code(), problem.field().filter(|field| FIELDS.contains(field))) {
        // Made of the address and of what headers say of a browser or a proxy.
        (Code::NoKey, _) => problem.detail().to_owned(),
        (_, Some(field)) => format!("{}: {field}", problem.title()),
        (_, None) => problem.title().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_repeats_nothing_that_the_caller_wrote() {
        let unknown = Problem::new(Code::NotFound, "there is no user \"bob\"").with_field("username");
        assert_eq!(reason(&unknown), "There is no such thing: username");
        let upload = Problem::new(Code::InvalidField, "uploads are not taken").with_field("secret");
        assert_eq!(reason(&upload), "A value is refused");
        assert_eq!(
            reason(&Problem::new(Code::NoKey, "a request from ::1 needs an API key")),
            "a request from ::1 needs an API key"
        );
    }
}
