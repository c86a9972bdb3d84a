//! `--check-config`: the settings that `serve` would take, and where each comes from.

use std::io::{self, Write};

use serde::Serialize;

use super::ServeArgs;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::output::print_json;
use crate::cli::settings::{Setting, Settings, Source};
use crate::log::LogError;

/// Prints them, after `serve` has checked what it checks before it touches anything. What it leaves to
/// the log is checked here.
pub(super) fn run(
    args: &ServeArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    args.log.to_config().validate().map_err(LogError::from)?;
    if context.is_json() {
        print_json(out, &Document::of(&args.settings))?;
    } else {
        print(&args.settings, out)?;
    }
    Ok(Exit::Done)
}

/// Longer settings have their source out of line, so that a long path doesn't move all others away.
const MAX_WIDTH: usize = 60;

/// As a configuration file that says the same.
fn print(settings: &Settings, out: &mut impl Write) -> io::Result<()> {
    match &settings.file {
        Some(path) => writeln!(out, "# The settings are good. Configuration file: {path:?}")?,
        None => writeln!(out, "# The settings are good. No configuration file is named.")?,
    }
    let lines: Vec<String> = settings.all.iter().map(line).collect();
    let widths = lines.iter().map(|line| line.chars().count());
    let width = widths.filter(|width| *width <= MAX_WIDTH).max().unwrap_or_default();
    let mut table = "";
    for (setting, line) in settings.all.iter().zip(&lines) {
        if setting.table != table {
            table = &setting.table;
            writeln!(out, "\n[{table}]")?;
        }
        match setting.value {
            Some(_) => writeln!(out, "{line:width$}  # {}", setting.source)?,
            None => writeln!(out, "{line}")?,
        }
    }
    out.flush()
}

fn line(setting: &Setting) -> String {
    let key = &setting.key;
    match &setting.value {
        Some(value) => format!("{key} = {value}"),
        None => format!("# {key} is not set"),
    }
}

#[derive(Serialize)]
struct Document {
    config: Option<String>,
    settings: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    key: String,
    value: Option<toml::Value>,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

impl Document {
    fn of(settings: &Settings) -> Document {
        let config = settings.file.as_ref().map(|path| path.display().to_string());
        Document { config, settings: settings.all.iter().map(Row::of).collect() }
    }
}

impl Row {
    fn of(setting: &Setting) -> Row {
        let (source, variable, path, line) = match &setting.source {
            Source::CommandLine => ("command_line", None, None, None),
            Source::Environment(variable) => ("environment", Some(variable.clone()), None, None),
            Source::File { path, line } => {
                ("file", None, Some(path.display().to_string()), Some(*line))
            }
            Source::Default => ("default", None, None, None),
        };
        let (key, value) = (setting.dotted(), setting.value.clone());
        Row { key, value, source, variable, path, line }
    }
}

#[cfg(test)]
mod tests;
