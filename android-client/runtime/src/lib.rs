//! Longwire's client on a host: virtual phones that run the real client core over TCP, TLS, SQLite and files.

#![forbid(unsafe_code)]

pub mod commands;
mod device;
pub mod explain;
pub mod fleet;
pub mod output;
pub mod resolve;
pub mod rim;
pub mod screen;
pub mod store;
pub mod tls;
