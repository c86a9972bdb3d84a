//! What each flag is set to and who said so: the command line, the environment, the file, or nobody.

use std::any::TypeId;
use std::fmt;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::Value;

use super::{Applied, dotted, key_of};

/// The flags of a subcommand and those above it, as they stand after all sources were asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The configuration file that was read.
    pub(crate) file: Option<PathBuf>,
    /// Global flags first, each level in the order of its help.
    pub(crate) all: Vec<Setting>,
}

/// One flag that may stand in a configuration file.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// The table of its subcommand, as `serve` or `bench.append`; empty for global flags.
    pub(crate) table: String,
    pub(crate) key: String,
    /// `None` where nothing is said and there is no default to show.
    pub(crate) value: Option<Value>,
    pub(crate) source: Source,
}

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    CommandLine,
    /// This variable.
    Environment(String),
    File {
        path: PathBuf,
        line: usize,
    },
    Default,
}

impl Settings {
    /// For the subcommand that `matches` has. `command` is the one that hasn't seen the file.
    pub(crate) fn of(command: &Command, matches: &ArgMatches, file: Option<&Applied>) -> Settings {
        let mut settings = Settings { file: file.map(|file| file.path.clone()), all: Vec::new() };
        let (mut command, mut matches, mut subcommands) = (command, matches, Vec::new());
        loop {
            for (arg, key) in command.get_arguments().filter_map(|arg| Some((arg, key_of(arg)?))) {
                settings.all.push(Setting {
                    table: subcommands.join("."),
                    key: key.to_owned(),
                    value: value(arg, matches),
                    source: source(arg, matches, file, &dotted(&subcommands, key)),
                });
            }
            let below = matches.subcommand().and_then(|(name, matches)| {
                command.find_subcommand(name).map(|command| (command, matches))
            });
            let Some(below) = below else { return settings };
            (command, matches) = below;
            subcommands.push(command.get_name().to_owned());
        }
    }
}

fn source(arg: &Arg, matches: &ArgMatches, file: Option<&Applied>, dotted: &str) -> Source {
    match matches.value_source(arg.get_id().as_str()) {
        Some(ValueSource::CommandLine) => Source::CommandLine,
        Some(ValueSource::EnvVariable) => {
            let variable = arg.get_env().unwrap_or_default();
            Source::Environment(variable.to_string_lossy().into_owned())
        }
        // What the file says is a default to clap.
        _ => file
            .and_then(|file| {
                Some(Source::File { path: file.path.clone(), line: file.line(dotted)? })
            })
            .unwrap_or(Source::Default),
    }
}

/// As it would stand in a file.
fn value(arg: &Arg, matches: &ArgMatches) -> Option<Value> {
    let id = arg.get_id().as_str();
    match arg.get_action() {
        ArgAction::SetTrue => Some(matches.get_flag(id).into()),
        ArgAction::Count => Some(i64::from(matches.get_count(id)).into()),
        action => {
            let texts = matches.get_raw(id)?;
            let mut values = texts.map(|text| scalar(arg, &text.to_string_lossy()));
            if matches!(action, ArgAction::Append) {
                Some(Value::Array(values.collect()))
            } else {
                values.next_back()
            }
        }
    }
}

/// A number without a unit is one in TOML too, unless it is the text of a name.
fn scalar(arg: &Arg, text: &str) -> Value {
    let numbers = [TypeId::of::<u8>(), TypeId::of::<u32>(), TypeId::of::<u64>()];
    let is_number = numbers.iter().any(|number| arg.get_value_parser().type_id() == *number);
    match text.parse::<i64>() {
        Ok(number) if is_number && number.to_string() == text => number.into(),
        _ => text.into(),
    }
}

impl Applied {
    fn line(&self, dotted: &str) -> Option<usize> {
        self.lines.get(dotted).copied()
    }
}

impl Setting {
    /// `serve.http-addr`, as errors name it.
    pub(crate) fn dotted(&self) -> String {
        let table = (!self.table.is_empty()).then(|| self.table.clone());
        dotted(table.as_slice(), &self.key)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::CommandLine => f.write_str("command line"),
            Source::Environment(variable) => write!(f, "environment {variable}"),
            Source::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Source::Default => f.write_str("default"),
        }
    }
}
