//! Bodies that clients of the Go original send.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proglog::fuzzing::http_body(bytes));
