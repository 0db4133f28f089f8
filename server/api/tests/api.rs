//! The API against a core on the in-memory store, request by request.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "api/androidpn.rs"]
mod androidpn;
#[path = "api/bench.rs"]
mod bench;
#[path = "api/contract.rs"]
mod contract;
#[path = "api/devices.rs"]
mod devices;
#[path = "api/hostile.rs"]
mod hostile;
#[path = "api/keys.rs"]
mod keys;
#[path = "api/notifications.rs"]
mod notifications;
