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
