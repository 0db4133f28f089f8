//! Real binaries, real sockets: what an operator, a back-end developer and a phone see.
#![expect(clippy::print_stdout, reason = "a test that cannot run here says why")]

mod androidpn;
mod app_keys;
mod backup;
mod certificates;
mod crowd;
mod deliveries;
mod durable;
mod ended;
mod files;
mod finding;
mod heartbeat;
mod make_run;
mod membership;
mod memory;
mod operator;
mod problems;
mod push;
mod raw;
mod readme;
mod sasl;
mod start;
mod store_failure;
mod store_faults;
mod streams;
mod surface;
mod updates;
mod users;
mod world;
