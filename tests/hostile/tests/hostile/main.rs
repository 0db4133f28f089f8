//! The catalogue of hostile input against the real binary on loopback: each case has its id in its name, and an honest session beside it.
#![expect(clippy::print_stdout, reason = "a test tells what it has measured")]

mod androidpn;
mod auth;
mod beside;
mod catalogue;
mod figures;
mod forms;
mod hello;
mod http;
mod http2;
mod names;
mod operator;
mod renegotiation;
mod routes;
mod session;
mod slow;
mod stanzas;
mod text;
mod tls;
mod wedged;
mod world;
mod xml;
