//! Entry points for the fuzzer (`fuzz/`): each takes any bytes and panics if a property doesn't hold.
//!
//! There only for tests and with the feature `fuzzing`, and no part of the library's interface. What
//! is private to a layer is asked in that layer; what needs a whole directory is asked here.
//! `cargo test` plays back all seeds and all cases that were ever found.

mod directory;
mod open_dir;
#[cfg(test)]
mod playback;

pub use crate::log::fuzzing::frame;
pub use crate::text::fuzzing::{http_body, json_lines, offset_expression, template};
pub use open_dir::{open_dir, repair_dir};
