//! Templates of `read --format`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proglog::fuzzing::template(bytes));
