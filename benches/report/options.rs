//! What a benchmark is asked for on its command line, and where its results go.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Figure, head, json, plot, sum};

/// What was asked for.
pub(crate) struct Options {
    pub(crate) runs: usize,
    pub(crate) filter: String,
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
                    let runs: usize =
                        value()?.parse().map_err(|error| format!("--runs: {error}"))?;
                    options.runs = runs.max(1);
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

    fn write(&self, figures: &[Figure]) -> Result<(), String> {
        let write = |path: &PathBuf, text: String| {
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        if let Some(path) = &self.json {
            write(path, json(figures))?;
        }
        self.svg.as_ref().map_or(Ok(()), |path| write(path, plot::svg(figures)))
    }
}

/// Prints the table of what `measure` gives, and writes it where it was asked for. `measure` prints each
/// row itself, as soon as it has it.
pub(crate) fn run(measure: impl FnOnce(&Options) -> Vec<Figure>) -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    println!("{}", head());
    let figures = measure(&options);
    if let Err(message) = options.write(&figures) {
        eprintln!("{message}");
        return ExitCode::FAILURE;
    }
    println!("{}", sum(&figures));
    ExitCode::SUCCESS
}
