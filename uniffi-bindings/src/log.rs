//! Lines for the platform's log.

use std::sync::Arc;

use crate::{LogLevel, Platform, vm};

/// Writes lines. Clones share the platform.
#[derive(Clone)]
pub(crate) struct Log(pub(crate) Arc<dyn Platform>);

impl Log {
    pub(crate) fn info(&self, text: &str) {
        self.write(LogLevel::Info, text);
    }

    pub(crate) fn warn(&self, text: &str) {
        self.write(LogLevel::Warn, text);
    }

    pub(crate) fn error(&self, text: &str) {
        self.write(LogLevel::Error, text);
    }

    fn write(&self, level: LogLevel, text: &str) {
        if self.0.log(level, "longwire".to_owned(), text.to_owned()).is_err() {
            vm::last_resort(level, text);
        }
    }
}
