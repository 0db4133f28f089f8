//! The limit of open files: the soft one is raised to the hard one, since every connection is a file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one and says so; gives the limit that holds now.
pub(crate) fn raise_limit() -> Option<u64> {
    let before = getrlimit(Resource::Nofile);
    if before.current == before.maximum {
        tracing::info!(files = before.current, "limit of open files");
        return before.current;
    }
    let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => tracing::info!(before = before.current, files = before.maximum, "raised the limit of open files"),
        Err(error) => tracing::warn!(files = before.current, %error, "failed to raise the limit of open files"),
    }
    getrlimit(Resource::Nofile).current
}

/// Below so many connections the limit of open files is told to be too low.
const CONNECTIONS_FEW: i64 = 128;

/// Warns of a limit of open files that leaves no room to speak of.
pub(crate) fn warn_of_few(files: u64) {
    let connections = for_connections(files);
    if connections < CONNECTIONS_FEW {
        tracing::warn!(
            files,
            connections,
            "the limit of open files leaves room for few devices: raise it (ulimit -n, LimitNOFILE=)"
        );
    }
}

/// Of a limit of open files, how many connections of XMPP may be: the rest is for HTTP, the operator's commands and the store.
pub(crate) fn for_connections(files: u64) -> i64 {
    let kept = (files / 4).clamp(64, 768);
    i64::try_from(files.saturating_sub(kept)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::for_connections;

    #[test]
    fn some_files_are_kept_for_everything_else() {
        assert_eq!([64, 256, 1_024, 20_000].map(for_connections), [0, 192, 768, 19_232]);
    }
}
