//! The DNS of a host.

#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "dns")]
mod message;

#[cfg(feature = "dns")]
pub use dns::Dns;
pub use longwire_driver::resolve::{HostAddresses, Resolver};
