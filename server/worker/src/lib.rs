//! One worker: joins the streams of its connections, the core and a shard of sessions. It has no socket, thread, runtime or clock;
//! its host lends it those, the network by threads and TLS, the simulation by a world.

#![forbid(unsafe_code)]

mod budget;
pub mod caps;
mod connection;
mod host;
mod input;
pub mod lines;
mod outputs;
mod questions;
mod session;
mod timers;
mod worker;

pub use host::{Accepted, Command, Done, Gone, Host, Place, Read, Timer, Transport, Work};
pub use worker::{BLOCKED_MS, Settings, UNSENT_BYTES_MAX, Worker};
