//! The standard input of `append --format json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proglog::fuzzing::json_lines(bytes));
