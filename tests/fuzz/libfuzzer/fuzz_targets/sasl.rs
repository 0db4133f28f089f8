//! The target `sasl` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| longwire_fuzz::run("sasl", data));
