//! The target `codec` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| longwire_fuzz::run("codec", data));
