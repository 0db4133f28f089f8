//! What scripts of an original androidpn server send, to a real server with real old phones behind it; and the import of its accounts.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod callers;
mod dialects;
mod guide;
mod import;
mod pages;
mod phone;
mod raw_http;
mod texts;
mod world;
