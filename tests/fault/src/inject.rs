//! Injectors: what goes wrong around the release binaries. Each undoes itself when dropped.

pub mod cgroup;
pub mod clock;
pub mod disk;
pub mod namespace;
pub mod relay;
pub mod shell;
pub mod storm;
