//! A record as a line of JSON: what `read --format json` prints and `append --format json` takes.
//!
//! ```text
//! {"offset":5,"timestamp":"2026-11-24T01:42:59.123456Z","key":"k","headers":[{"name":"a","text":"b"}],"text":"hello"}
//! ```
//!
//! Bytes are `text` where they are UTF-8 and base64 in `value` where they aren't, so that any
//! record goes out and in again without loss.

mod document;
mod parse;
mod print;
#[cfg(test)]
mod tests;

pub(crate) use document::{MAX_DOCUMENT_RECORDS, parse_document};
pub(crate) use parse::{ParsedRecord, parse};
pub(crate) use print::{write, write_object};
