//! Plays back the seeds and every case that the fuzzer ever found, so that what was mended stays so.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Runs `target` on each file of `fuzz/{seeds,cases}/NAME`, and names those that fail.
fn play_back(name: &str, target: impl Fn(&[u8])) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let (mut n_played, mut failed) = (0, Vec::new());
    for kind in ["seeds", "cases"] {
        // There may have been no case.
        let Ok(entries) = fs::read_dir(fuzz.join(kind).join(name)) else { continue };
        for entry in entries {
            let path = entry.expect("a directory entry").path();
            let bytes = fs::read(&path).expect("an input");
            n_played += 1;
            if catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_err() {
                failed.push(path);
            }
        }
    }
    assert!(n_played > 2, "{n_played} inputs in {}", fuzz.display());
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn frames() {
    play_back("frame", super::frame);
}

#[test]
fn directories_that_are_opened() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    play_back("open_dir", |bytes| super::open_dir(scratch.path(), bytes));
}

#[test]
fn directories_that_are_repaired() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    play_back("repair_dir", |bytes| super::repair_dir(scratch.path(), bytes));
    play_back("open_dir", |bytes| super::repair_dir(scratch.path(), bytes));
}

#[test]
fn json_lines() {
    play_back("json_lines", super::json_lines);
}

#[test]
fn offset_expressions() {
    play_back("offset_expression", super::offset_expression);
}

#[test]
fn templates() {
    play_back("template", super::template);
}

#[test]
fn http_bodies() {
    play_back("http_body", super::http_body);
}
