//! Transcripts: literal bytes in, literal bytes out, and what the driver is told.

mod androidpn;
mod binding;
mod bound;
mod flows;
mod harness;
mod limits;
mod misuse;
mod register;
mod split;
