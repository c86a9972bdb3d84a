//! The rules themselves. Each answers with the violations it finds, as `file:line: what`.

use super::source::Source;

/// What each module at the top of the crate may import from its siblings.
const LAYERS: [(&str, &[&str]); 11] = [
    ("log", &[]),
    ("text", &["log"]),
    ("wire", &["text", "log"]),
    ("security", &[]),
    ("telemetry", &[]),
    ("service", &["log", "text", "wire", "security", "telemetry"]),
    ("cluster", &["service", "log", "text", "wire", "security", "telemetry"]),
    ("server", &["cluster", "service", "log", "text", "wire", "security", "telemetry"]),
    ("client", &["service", "log", "text", "wire", "security", "telemetry"]),
    (
        "cli",
        &["server", "client", "cluster", "service", "log", "text", "wire", "security", "telemetry"],
    ),
    // Entry points for the fuzzer: above everything, and not in a release.
    ("fuzzing", &["text", "log"]),
];

/// All that `log` may use beside the standard library.
const CRATES_OF_LOG: [&str; 7] =
    ["thiserror", "tracing", "crc_fast", "memmap2", "arc_swap", "rustix", "memchr"];

pub(crate) fn upward_imports(source: &Source) -> Vec<String> {
    let module = source.module();
    let Some(&layer) = module.first() else { return Vec::new() };
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        return vec![format!("{}: no layer is called {layer}", source.path)];
    };
    let mut violations = Vec::new();
    for at in 0..source.tokens.len() {
        for target in targets(source, at) {
            if target != layer && !allowed.contains(&target) {
                violations.push(format!("{}: {layer} must not use {target}", source.place(at)));
            }
        }
    }
    violations
}

/// The top-level modules that a path starting at token `at` reaches.
fn targets(source: &Source, at: usize) -> Vec<&str> {
    if at > 0 && source.tokens[at - 1].text == "::" {
        return Vec::new();
    }
    if source.matches(at, &["crate", "::"]) {
        return heads(source, at + 2);
    }
    if source.matches(at, &["crate", "as"]) {
        return vec!["the whole crate"];
    }
    let n_supers = source.texts(at).step_by(2).take_while(|text| *text == "super").count();
    if n_supers == 0 || n_supers < source.module().len() + source.tokens[at].modules.len() {
        return Vec::new();
    }
    heads(source, at + 2 * n_supers)
}

/// The first names of a path or of a braced group of paths.
fn heads(source: &Source, at: usize) -> Vec<&str> {
    if source.tokens.get(at).is_none_or(|token| token.text != "{") {
        return source.texts(at).take(1).collect();
    }
    let (mut depth, mut previous, mut heads) = (0, "", Vec::new());
    for text in source.texts(at) {
        match text {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," => {}
            name if depth == 1 && matches!(previous, "{" | ",") => heads.push(name),
            _ => {}
        }
        previous = text;
    }
    heads
}

pub(crate) fn file_system_calls(source: &Source) -> Vec<String> {
    let exempt = source.module().starts_with(&["log", "fs"]);
    if exempt || !source.path.starts_with("log/") {
        return Vec::new();
    }
    let (mut root, mut violations) = ("", Vec::new());
    for at in 0..source.tokens.len() {
        match source.tokens[at].text.as_str() {
            name @ ("std" | "rustix") if source.matches(at + 1, &["::"]) => root = name,
            ";" => root = "",
            "fs" if !root.is_empty() && !source.is_test(at) && is_in_path(source, at) => {
                violations.push(format!("{}: only log/fs.rs may use {root}::fs", source.place(at)))
            }
            _ => {}
        }
    }
    violations
}

/// Whether token `at` continues a path or stands in a group of paths.
fn is_in_path(source: &Source, at: usize) -> bool {
    at > 0 && matches!(source.tokens[at - 1].text.as_str(), "::" | "{" | ",")
}

pub(crate) fn unsafe_code(source: &Source) -> Vec<String> {
    if source.path == "log/mmap.rs" {
        return Vec::new();
    }
    let is_unsafe = |at: &usize| source.tokens[*at].text == "unsafe";
    let places = (0..source.tokens.len()).filter(is_unsafe);
    places.map(|at| format!("{}: only log/mmap.rs may be unsafe", source.place(at))).collect()
}

/// The crates under `[dependencies]`, as they are called in code.
pub(crate) fn dependencies(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let section = lines.take_while(|line| !line.starts_with('['));
    let names = section.filter_map(|line| line.split(['=', '.', ' ']).next());
    names.filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}

/// Crates beyond those that `log` is allowed, and `anyhow` outside of `cli`.
pub(crate) fn foreign_crates(source: &Source, dependencies: &[String]) -> Vec<String> {
    let layer = source.module().first().copied().unwrap_or("main");
    let forbidden = |name: &str| match layer {
        "log" => !CRATES_OF_LOG.contains(&name),
        "cli" | "main" => false,
        _ => name == "anyhow",
    };
    let mut violations = Vec::new();
    for at in 0..source.tokens.len() {
        let name = &source.tokens[at].text;
        let starts_path =
            source.matches(at + 1, &["::"]) && (at == 0 || source.tokens[at - 1].text != "::");
        if starts_path && dependencies.contains(name) && forbidden(name) && !source.is_test(at) {
            violations.push(format!("{}: {layer} must not use {name}", source.place(at)));
        }
    }
    violations
}

pub(crate) fn missing_file_doc(source: &Source) -> Option<String> {
    let says = source.text.starts_with("//! ");
    (!says).then(|| format!("{}: has to begin with a `//!` sentence", source.path))
}

/// Functions whose lines from `fn` to the closing brace are more than `limit`.
pub(crate) fn long_functions(source: &Source, limit: usize) -> Vec<String> {
    let mut violations = Vec::new();
    for at in 0..source.tokens.len() {
        let named = source.texts(at + 1).next().is_some_and(|text| text != "(");
        if source.tokens[at].text != "fn" || !named {
            continue;
        }
        let n_lines = body_end(source, at).map_or(0, |line| line + 1 - source.tokens[at].line);
        if n_lines > limit {
            let name = &source.tokens[at + 1].text;
            let place = source.place(at);
            violations.push(format!("{place}: {name} has {n_lines} lines, at most {limit}"));
        }
    }
    violations
}

/// The line of the brace that closes the function at token `at`; `None` if it has no body.
fn body_end(source: &Source, at: usize) -> Option<usize> {
    let (mut brackets, mut braces) = (0, 0);
    for token in &source.tokens[at..] {
        match token.text.as_str() {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets -= 1,
            ";" if brackets == 0 && braces == 0 => return None,
            "{" => braces += 1,
            "}" => {
                braces -= 1;
                if braces == 0 {
                    return Some(token.line);
                }
            }
            _ => {}
        }
    }
    None
}

#[test]
fn each_way_up_is_found() {
    let upward = [
        ("log/store.rs", "use crate::cli::X;"),
        ("log/store.rs", "use crate::{log::Offset, service::{A, B}};"),
        ("log/store.rs", "fn f() { crate::server::run() }"),
        ("log/store.rs", "use super::super::cli::X;"),
        ("log/mod.rs", "use super::cli::X;"),
        ("log/store.rs", "mod tests { use super::super::super::cli::X; }"),
        ("log/store.rs", "use crate as everything;"),
        ("service/local.rs", "use crate::server;"),
        ("client/mod.rs", "use crate::server::X;"),
        ("elsewhere/mod.rs", ""),
    ];
    for (path, text) in upward {
        assert_eq!(upward_imports(&Source::new(path, text)).len(), 1, "{path}: {text}");
    }
    let downward = [
        ("log/store.rs", "use super::frame; mod tests { use super::super::Offset; }"),
        ("cli/serve.rs", "use crate::{log::Log, server::{self, Config}, cli::Exit};"),
        ("service/local.rs", "use crate::log::Log; // not crate::cli"),
        ("main.rs", "use proglog::cli;"),
    ];
    for (path, text) in downward {
        assert_eq!(upward_imports(&Source::new(path, text)), [""; 0], "{path}: {text}");
    }
}

#[test]
fn each_call_of_the_file_system_is_found() {
    for text in [
        "use std::fs::File;",
        "use std::{io, fs};",
        "fn f() { rustix::fs::x() }",
        "use std::os::unix::fs::X;",
    ] {
        assert_eq!(file_system_calls(&Source::new("log/store.rs", text)).len(), 1, "{text}");
        assert_eq!(file_system_calls(&Source::new("log/fs.rs", text)), [""; 0]);
        assert_eq!(file_system_calls(&Source::new("cli/append.rs", text)), [""; 0]);
    }
    let own = Source::new("log/store.rs", "use std::io; use super::fs::File; fn f() { fs::g() }");
    assert_eq!(file_system_calls(&own), [""; 0]);
}

#[test]
fn foreign_crates_are_found() {
    let dependencies =
        dependencies("[dependencies]\narc-swap = \"1\"\nanyhow = \"1\"\n\n[x]\ny = 1");
    assert_eq!(dependencies, ["arc_swap", "anyhow"]);
    let check = |path, text| foreign_crates(&Source::new(path, text), &dependencies).len();
    assert_eq!(check("log/store.rs", "use anyhow::Result; use arc_swap::ArcSwap;"), 1);
    assert_eq!(check("service/local.rs", "fn f() -> anyhow::Result<()> {}"), 1);
    assert_eq!(check("cli/mod.rs", "use anyhow::Result;"), 0);
}

#[test]
fn unsafe_code_and_missing_sentences_are_found() {
    assert_eq!(unsafe_code(&Source::new("log/fs.rs", "fn f() { unsafe { g() } }")).len(), 1);
    assert_eq!(unsafe_code(&Source::new("log/mmap.rs", "unsafe {}")), [""; 0]);
    assert!(missing_file_doc(&Source::new("log/fs.rs", "// What?\n")).is_some());
    assert!(missing_file_doc(&Source::new("log/fs.rs", "//! What.\n")).is_none());
}

#[test]
fn lines_are_counted_from_fn_to_the_closing_brace() {
    let text = "trait T { fn a(); }\nfn b(x: [u8; 2]) {\n if x { }\n}\nfn c() {}";
    let found = long_functions(&Source::new("log/x.rs", text), 2);
    assert_eq!(found, ["log/x.rs:2: b has 3 lines, at most 2"]);
    assert_eq!(long_functions(&Source::new("log/x.rs", text), 3), [""; 0]);
}
