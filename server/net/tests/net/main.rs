//! Real sockets on loopback: a server on a store in memory, and scripted clients.

mod harness;
mod limits;
mod log;
mod sessions;
mod shutdown;
