//! How records, offsets, times and sizes are written as text: as JSON, by templates, and in the words of
//! people.
//!
//! Invariant: nothing here knows of connections, files or terminals, so that the fuzzer builds it with
//! the log alone. The command line and both ends of the wire use it.

pub(crate) mod decode;
pub(crate) mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub(crate) mod go_json;
pub(crate) mod json_record;
pub(crate) mod offset_spec;
pub(crate) mod pieces;
pub(crate) mod read_range;
mod template;
#[cfg(any(test, feature = "fuzzing"))]
mod testing;
pub(crate) mod time;
pub(crate) mod values;
