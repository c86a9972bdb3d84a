//! Damage, planted everywhere: what is intact stays readable, what isn't is never returned, and
//! nothing that was acknowledged is cut.

mod bits;
mod damages;
mod exhaustive;
mod index;
mod lengths;
pub(crate) mod original;
mod tail;
mod zeros;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Overwrites bytes of a file in place.
fn overwrite(file: &Path, position: usize, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(file).expect("a file to damage");
    file.write_all_at(bytes, position as u64).expect("a damaged file");
}
