//! The tokio driver of the client core: carries out what a device decides over sockets, TLS, names and the boot clock, for any [`Host`] that
//! brings a store and a screen.

#![forbid(unsafe_code)]

mod connect;
mod driver;
mod host;
pub mod notes;
pub mod resolve;
pub mod rim;
pub mod tls;

pub use connect::{Connected, Stream, connect, connect_either};
pub use driver::Driver;
pub use host::{Answer, Host, Standing, Status, Wish};
