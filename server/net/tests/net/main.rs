//! Real sockets on loopback: a server on a store in memory, and scripted clients.

mod harness;
mod limits;
mod sessions;
mod shutdown;
