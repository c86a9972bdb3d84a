//! Holds the source to the rules that CONTRIBUTING.md states: layer arrows point down, `log` keeps
//! to itself, one place calls the file system, one place is unsafe, and nothing grows out of hand.

mod rules;
mod source;

use std::path::{Path, PathBuf};

use source::Source;

/// All Rust files of one of the project's folders, their paths relative to it.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("source text");
        let path = file.strip_prefix(&root).expect("a path below the folder");
        Source::new(path.to_str().expect("a UTF-8 path"), &text)
    };
    files.iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn arrows_between_layers_point_down() {
    assert_none(sources("src").iter().flat_map(rules::upward_imports).collect());
}

#[test]
fn only_fs_calls_the_file_system_in_the_log() {
    assert_none(sources("src").iter().flat_map(rules::file_system_calls).collect());
}

#[test]
fn only_mmap_is_unsafe() {
    assert_none(sources("src").iter().flat_map(rules::unsafe_code).collect());
}

#[test]
fn the_log_depends_on_little() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let dependencies = rules::dependencies(&manifest.expect("Cargo.toml"));
    assert!(dependencies.contains(&"crc_fast".to_owned()), "{dependencies:?}");
    let check = |source| rules::foreign_crates(source, &dependencies);
    assert_none(sources("src").iter().flat_map(check).collect());
}

#[test]
fn every_file_says_what_it_is() {
    let all = ["src", "tests"].into_iter().flat_map(sources);
    assert_none(all.filter_map(|source| rules::missing_file_doc(&source)).collect());
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let all = ["src", "tests"].into_iter().flat_map(sources);
    assert_none(all.flat_map(|source| rules::long_functions(&source, 70)).collect());
}
