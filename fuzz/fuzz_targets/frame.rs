//! One frame's bytes: what decodes is what encodes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proglog::fuzzing::frame(bytes));
