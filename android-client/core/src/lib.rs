//! The client core of Longwire: a device as a pure function of events and time.
//!
//! [`Machine`] decides; a driver owns sockets, timers, storage, randomness and the screen, and carries out [`Action`]s.

#![forbid(unsafe_code)]

pub mod account;
mod action;
pub mod backoff;
mod batch;
pub mod clock;
mod config;
mod event;
pub mod heartbeat;
pub mod inbox;
mod journal;
mod machine;
mod reports;
mod requests;
mod state;
mod targets;
mod task;
mod wire;

pub use action::{Action, Actions, HandOver, Random};
pub use config::{AppKey, Config, Target, TlsMode};
pub use event::{Event, Network};
pub use longwire_protocol::push::{Lane, Request, UserToken};
pub use machine::{Machine, Reason};
pub use requests::{REQUESTS_MAX, Refusal, Reply};
pub use state::{Block, Failure, FailureKind, Online, State, Why};
pub use targets::{SrvAnswer, SrvRecord};
