//! The binary `longwire`.
fn main() {}
