//! A directory of segments in any state: repaired, opened, appended to.
#![no_main]

use std::sync::LazyLock;

use tempfile::TempDir;

/// In memory where `TMPDIR` says so, as `.ci/fuzz` does: many directories a second.
static SCRATCH: LazyLock<TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary directory"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proglog::fuzzing::repair_dir(SCRATCH.path(), bytes));
