//! What `deploy/` has is what the program and the repository have.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use crate::serving::Serving;
use crate::support::Place;

const CONFIGURATION: &str = include_str!("../../deploy/proglog.toml");
const DOCKERFILE: &str = include_str!("../../deploy/docker/Dockerfile");
const DOCKERIGNORE: &str = include_str!("../../.dockerignore");
const TOOLCHAIN: &str = include_str!("../../rust-toolchain.toml");
const UNIT: &str = include_str!("../../deploy/systemd/proglog.service");

/// The configuration with the keys that are only proposed.
fn with_proposals() -> String {
    let is_proposal = |line: &&str| line.starts_with('#') && line.contains(" = ");
    assert!(CONFIGURATION.lines().filter(is_proposal).count() >= 7, "{CONFIGURATION}");
    let lines = CONFIGURATION.lines().map(|line| match line.strip_prefix('#') {
        Some(proposal) if is_proposal(&line) => proposal,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The exit code of a reader whose directory isn't there, and what it says; 2 if the file is refused.
fn read_with(configuration: &str) -> (Option<i32>, String) {
    let place = Place::new();
    let path = place.log().with_extension("toml");
    fs::write(&path, configuration).expect("written");
    let mut command = place.command(["read", "--config"]);
    let output = command.arg(path).output().expect("it runs");
    (output.status.code(), String::from_utf8(output.stderr).expect("text"))
}

#[test]
fn every_key_of_the_configuration_is_known() {
    let configuration = with_proposals();
    let (code, said) = read_with(&configuration);
    assert_eq!(code, Some(1), "{said}");
    let (code, said) = read_with(&format!("{configuration}\nno-such-key = 1\n"));
    assert_eq!(code, Some(2), "{said}");
}

#[test]
fn the_configuration_starts_a_server() {
    let place = Place::new();
    let mut command =
        place.command(["serve", "--http-addr=127.0.0.1:0", "--grpc-addr=127.0.0.1:0"]);
    command.arg("--config").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/proglog.toml"));
    let (code, said) = Serving::start(&mut command).stop(Signal::TERM);
    assert_eq!(code, Some(0), "{said}");
}

/// The sources of each `COPY` from the build context.
fn copied() -> Vec<&'static str> {
    let copies = DOCKERFILE.lines().filter_map(|line| line.strip_prefix("COPY "));
    let from_context = copies.filter(|copy| !copy.contains("--from="));
    from_context
        .flat_map(|copy| {
            let words: Vec<&str> = copy.split_whitespace().collect();
            words[..words.len() - 1].to_vec()
        })
        .collect()
}

#[test]
fn the_image_is_built_from_files_that_are_there_and_not_ignored() {
    let kept: Vec<&str> = DOCKERIGNORE.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let mut copied = copied();
    for source in &copied {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(source).exists(), "{source}");
    }
    copied.sort_unstable_by_key(|source| source.to_lowercase());
    assert_eq!(copied, kept);
}

#[test]
fn the_image_is_built_by_the_compiler_of_the_repository() {
    let version =
        TOOLCHAIN.lines().find_map(|line| line.strip_prefix("channel = \"")).expect("one");
    let (minor, _) = version.rsplit_once('.').expect("three numbers");
    assert!(DOCKERFILE.contains(&format!("\nFROM rust:{minor}-")), "{minor}");
}

#[test]
fn the_unit_waits_longer_than_the_grace_period() {
    let seconds = UNIT.lines().find_map(|line| line.strip_prefix("TimeoutStopSec="));
    let grace = CONFIGURATION.lines().find_map(|line| line.strip_prefix("grace = \""));
    let grace = grace.and_then(|grace| grace.strip_suffix("s\"")).expect("seconds");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    assert!(number(seconds.expect("a time")) > 2 * number(grace));
}
