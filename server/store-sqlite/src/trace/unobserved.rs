//! Without the feature nobody looks.

use std::future::{Ready, ready};

use rusqlite::Connection;
use sqlx::sqlite::SqliteConnection;

/// Observes nothing.
#[derive(Clone, Debug)]
pub(crate) struct Tracer;

impl Tracer {
    pub(crate) const fn new() -> Self {
        Self
    }

    pub(crate) fn attach(&self, _: &mut SqliteConnection) -> Ready<Result<(), sqlx::Error>> {
        ready(Ok(()))
    }

    pub(crate) fn observe(&self, _: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }
}
