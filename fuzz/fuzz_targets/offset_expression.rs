//! Values of `--offset` and of other flags with a grammar.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proglog::fuzzing::offset_expression(bytes));
