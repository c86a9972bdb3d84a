//! The figures of `docs/performance.md`: the log beside the least that any program has to do.
//!
//! Each work is done in turn by a plain program over one file (the floor) and by the log, several
//! times, so that a machine whose speed drifts slows both. What counts is the ratio of the medians.
//!
//!     cargo bench                           all, 5 runs each
//!     cargo bench -- --runs 9 durable       those whose name has `durable`, 9 runs each
//!     cargo bench -- --json F --svg F       results for programs, and a plot
//!
//! PROGLOG_BENCH_DIR names a directory on the disk to be measured, PROGLOG_BENCH_BYTES how much is
//! written by each run that isn't bound by syncs (default 256 MiB).

mod floor;
mod opening;
mod plot;
mod report;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use report::Figure;

/// What was asked for.
struct Options {
    runs: usize,
    filter: String,
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options { runs: 5, filter: String::new(), json: None, svg: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--runs" => {
                    options.runs = value()?.parse().map_err(|error| format!("--runs: {error}"))?;
                }
                "--json" => options.json = Some(value()?.into()),
                "--svg" => options.svg = Some(value()?.into()),
                // cargo says so to every benchmark.
                "--bench" => {}
                flag if flag.starts_with('-') => return Err(format!("unknown flag {flag}")),
                filter => options.filter = filter.to_owned(),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let scratch = work::Scratch::new();
    let mut figures = Vec::new();
    println!("{}", report::head());
    for work in work::all() {
        if !work.name().contains(&options.filter) {
            continue;
        }
        let mut figure = Figure::new(&work);
        for _ in 0..options.runs.max(1) {
            figure.floor.push(work.floor(&scratch));
            figure.ours.push(work.ours(&scratch));
        }
        println!("{}", figure.row());
        figures.push(figure);
    }
    let write = |path: &Option<PathBuf>, text: String| match path {
        Some(path) => {
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
        }
        None => Ok(()),
    };
    let written = write(&options.json, report::json(&figures))
        .and_then(|()| write(&options.svg, plot::svg(&figures)));
    if let Err(message) = written {
        eprintln!("{message}");
        return ExitCode::FAILURE;
    }
    println!("{}", report::sum(&figures));
    ExitCode::SUCCESS
}
