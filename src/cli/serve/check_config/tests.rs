//! What is printed is all there is, and a configuration file that says the same.

use std::fs;
use std::path::Path;

use super::*;
use crate::cli::command;
use crate::cli::settings::with_config_file;

const WORDS: [&str; 12] = [
    "proglog",
    "-vv",
    "--dir=a \"log\" of\\mine",
    "serve",
    "--insecure",
    "--max-connections=7",
    "--max-requests-bytes=1MiB",
    "--token-key=a.pem",
    "--token-key=007",
    "--token-audience=42",
    "--disk-high=80%",
    "--check-config",
];

fn of_words(words: &[&str]) -> Settings {
    let matches = command().try_get_matches_from(words).expect("the words are right");
    Settings::of(&command(), &matches, None)
}

fn of_file(path: &Path) -> Settings {
    let (with_file, file) = with_config_file(command(), path).expect("a good file");
    let words = ["proglog", "serve", "--check-config"];
    let matches = with_file.try_get_matches_from(words).expect("the words are right");
    Settings::of(&command(), &matches, Some(&file))
}

fn printed(settings: &Settings) -> String {
    let mut out = Vec::new();
    print(settings, &mut out).expect("a vector takes all");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn every_flag_of_serve_and_every_global_one_is_there() {
    let settings = of_words(&["proglog", "serve", "--check-config"]);
    let text = printed(&settings);
    let (top, serve) = text.split_once("\n[serve]\n").expect("a table");
    let command = command();
    let of_serve = command.find_subcommand("serve").expect("serve").get_arguments();
    let flags = command.get_arguments().map(|arg| (top, "", arg));
    let mut n_flags = 0;
    for (part, table, arg) in flags.chain(of_serve.map(|arg| (serve, "serve.", arg))) {
        let long = arg.get_long().expect("serve has only long flags");
        if ["config", "check-config"].contains(&long) {
            continue;
        }
        let (value, unset) = (format!("{long} = "), format!("# {long} is not set"));
        let is_printed = |line: &str| line.starts_with(&value) || line == unset;
        assert_eq!(part.lines().filter(|line| is_printed(line)).count(), 1, "{long}: {part}");
        let document = serde_json::to_value(Document::of(&settings)).expect("JSON");
        let key = format!("{table}{long}");
        let rows = document["settings"].as_array().expect("rows").iter();
        assert_eq!(rows.filter(|row| row["key"] == key).count(), 1, "{key}: {document}");
        n_flags += 1;
    }
    assert_eq!(n_flags, settings.all.len());
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let path = dir.path().join("p.toml");
    for words in [&["proglog", "serve"][..], &WORDS] {
        let said = of_words(words);
        fs::write(&path, printed(&said)).expect("written");
        let read = of_file(&path);
        assert_eq!(said.all.len(), read.all.len());
        for (said, read) in said.all.iter().zip(&read.all) {
            assert_eq!((said.dotted(), &said.value), (read.dotted(), &read.value));
            let is_from_file =
                matches!(&read.source, Source::File { path: from, .. } if *from == path);
            assert_eq!(is_from_file, said.value.is_some(), "{}", read.dotted());
        }
    }
}

#[test]
fn values_look_as_they_would_in_a_file() {
    let text = printed(&of_words(&WORDS));
    for line in [
        "verbose = 2 ",
        "insecure = true ",
        "max-connections = 7 ",
        "max-requests-bytes = \"1MiB\" ",
        "token-key = [\"a.pem\", \"007\"] ",
        "token-audience = \"42\" ",
        "disk-high = \"80%\" ",
        "disk-low = 90 ",
        "# tls-cert is not set",
    ] {
        assert_eq!(text.lines().filter(|have| have.starts_with(line)).count(), 1, "{line}\n{text}");
    }
}

#[test]
fn sources_are_behind_one_another() {
    let text = printed(&of_words(&WORDS));
    let columns: Vec<usize> = text.lines().filter_map(|line| line.find("  # ")).collect();
    assert!(columns.len() > 20, "{text}");
    assert!(columns.iter().all(|column| *column == columns[0]), "{text}");
    let long = format!("--log-name={}", "x".repeat(MAX_WIDTH));
    let columns_beside = printed(&of_words(&["proglog", "serve", &long]));
    let line = columns_beside.lines().find(|line| line.starts_with("dir = ")).expect("a line");
    assert!(line.find("  # ").expect("a source") < MAX_WIDTH, "{line}");
}
