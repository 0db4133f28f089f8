//! What became of a notification on one device: examples in words, and what holds of every one.

mod examples;
mod properties;
mod world;
