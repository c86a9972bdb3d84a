//! `--config FILE`: values from a TOML file become the defaults of their flags, so that the command
//! line and the environment go before them and every flag has a key without further ado.
//!
//! ```toml
//! dir = "/var/lib/proglog"      # global flags at the top, by their long names
//! [append]                      # those of a subcommand in a table of its name
//! fsync = "interval:1s"
//! ```

mod sources;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::builder::OsStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(crate) use self::sources::{Setting, Settings, Source};
use super::exit::Exit;
use super::failure::Failure;

/// A configuration file that was taken, and where its keys are.
#[derive(Debug)]
pub(crate) struct Applied {
    path: PathBuf,
    /// By keys with their tables, as `serve.http-addr`.
    lines: BTreeMap<String, usize>,
}

/// `command` with the values of the file as its defaults.
pub(crate) fn with_config_file(
    command: Command,
    path: &Path,
) -> Result<(Command, Applied), Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let failure = Failure::io("read the configuration", path, &error);
        Failure { exit: Exit::Usage, code: "config".into(), ..failure }
    })?;
    with_config(command, path, &text)
}

fn with_config(command: Command, path: &Path, text: &str) -> Result<(Command, Applied), Failure> {
    let root = command.clone();
    let mut file = ConfigFile { path: path.into(), text, root, lines: BTreeMap::new() };
    let table = DeTable::parse(text)
        .map_err(|error| file.failure(error.span().unwrap_or_default(), error.message()))?;
    let command = file.apply(command, table.get_ref(), &mut Vec::new())?;
    Ok((command, Applied { path: file.path, lines: file.lines }))
}

struct ConfigFile<'a> {
    path: PathBuf,
    text: &'a str,
    /// The command as it was, to try values on.
    root: Command,
    /// Where the keys are that were taken.
    lines: BTreeMap<String, usize>,
}

impl ConfigFile<'_> {
    /// Takes one table; `subcommands` leads from the top to the command that it is for.
    fn apply(
        &mut self,
        mut command: Command,
        table: &DeTable<'_>,
        subcommands: &mut Vec<String>,
    ) -> Result<Command, Failure> {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if let DeValue::Table(table) = value.get_ref() {
                let Some(subcommand) = command.find_subcommand(name).cloned() else {
                    return Err(self.unknown(&command, key.span(), name, subcommands));
                };
                subcommands.push(name.to_owned());
                let subcommand = self.apply(subcommand, table, subcommands)?;
                subcommands.pop();
                command = command.mut_subcommand(name, |_| subcommand);
                continue;
            }
            let Some(arg) = find_arg(&command, name) else {
                return Err(self.unknown(&command, key.span(), name, subcommands));
            };
            let values = self.values(arg, name, value, subcommands)?;
            let id = arg.get_id().clone();
            self.lines.insert(dotted(subcommands, name), self.line(&key.span()));
            command =
                command.mut_arg(id, |arg| arg.default_values(values.into_iter().map(OsStr::from)));
        }
        Ok(command)
    }

    /// The key's values as they would stand on the command line.
    fn values(
        &self,
        arg: &Arg,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        subcommands: &[String],
    ) -> Result<Vec<String>, Failure> {
        let list = match value.get_ref() {
            DeValue::Array(array) if matches!(arg.get_action(), ArgAction::Append) => {
                array.iter().collect()
            }
            _ => vec![value],
        };
        let mut values = Vec::new();
        for value in list {
            let text = match scalar(arg, value.get_ref()) {
                Ok(text) => text,
                Err(reason) => return Err(self.bad(value.span(), name, subcommands, &reason)),
            };
            if let Some(reason) = self.refusal(arg, name, &text, subcommands) {
                return Err(self.bad(value.span(), name, subcommands, &reason));
            }
            values.push(text);
        }
        Ok(values)
    }

    /// What the flag has to say against a value. A wrong default would be a panic later.
    fn refusal(&self, arg: &Arg, name: &str, text: &str, subcommands: &[String]) -> Option<String> {
        if !arg.get_action().takes_values() {
            return None;
        }
        let words = std::iter::once("proglog".to_owned())
            .chain(subcommands.iter().cloned())
            .chain([format!("--{name}={text}")]);
        let error = self.root.clone().try_get_matches_from(words).err()?;
        // The environment is looked at, too; what is wrong there isn't this value's fault.
        let Some(ContextValue::String(blamed)) = error.get(ContextKind::InvalidArg) else {
            return None;
        };
        // As in the usage: `--fsync <POLICY>`.
        if blamed.split([' ', '=', '[']).next()?.strip_prefix("--") != Some(name) {
            return None;
        }
        match error.kind() {
            ErrorKind::ValueValidation => Some(
                std::error::Error::source(&error).map_or_else(String::new, ToString::to_string),
            ),
            ErrorKind::InvalidValue => Some(match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(valid)) => {
                    format!("`{text}` is none of {}", valid.join(", "))
                }
                _ => format!("`{text}` is no value for it"),
            }),
            _ => None,
        }
    }

    fn unknown(
        &self,
        command: &Command,
        span: Range<usize>,
        name: &str,
        subcommands: &[String],
    ) -> Failure {
        let keys: Vec<&str> = command.get_arguments().filter_map(key_of).collect();
        let tables: Vec<String> = command
            .get_subcommands()
            .filter(|subcommand| has_keys(subcommand))
            .map(|subcommand| format!("[{}]", subcommand.get_name()))
            .collect();
        let message = format!("unknown key `{}`", dotted(subcommands, name));
        let known = [keys.join(", "), tables.join(", ")];
        let known: Vec<String> = known.into_iter().filter(|names| !names.is_empty()).collect();
        self.failure(span, &message).hint(format!("known here: {}", known.join("; ")))
    }

    fn bad(&self, span: Range<usize>, name: &str, subcommands: &[String], reason: &str) -> Failure {
        self.failure(span, &format!("bad value for `{}`: {reason}", dotted(subcommands, name)))
    }

    fn failure(&self, span: Range<usize>, message: &str) -> Failure {
        let line = self.line(&span);
        let path = self.path.display().to_string();
        Failure::new(Exit::Usage, "config", format!("{path}, line {line}: {message}"))
            .field("path", path)
            .field("line", line as u64)
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }
}

fn dotted(subcommands: &[String], name: &str) -> String {
    subcommands.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".")
}

fn find_arg<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| key_of(arg) == Some(name))
}

/// The flag's key; none for those that make no sense in a file.
fn key_of(arg: &Arg) -> Option<&str> {
    arg.get_long().filter(|long| {
        !matches!(
            *long,
            "config" | "check-config" | "help" | "version" | "yes" | "accept-loss" | "force"
        )
    })
}

fn has_keys(command: &Command) -> bool {
    command.get_arguments().any(|arg| key_of(arg).is_some())
        || command.get_subcommands().any(has_keys)
}

/// A TOML value as text, if the flag can take it.
fn scalar(arg: &Arg, value: &DeValue<'_>) -> Result<String, String> {
    let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
    match value {
        DeValue::Boolean(switch) if is_switch => Ok(switch.to_string()),
        _ if is_switch => Err("use true or false".into()),
        DeValue::Integer(number) if matches!(arg.get_action(), ArgAction::Count) => {
            let count: Result<u8, _> = number.to_string().parse();
            count.map(|count| count.to_string()).map_err(|_| "use a small number".into())
        }
        _ if matches!(arg.get_action(), ArgAction::Count) => Err("use a small number".into()),
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(number) => integer(number.as_str(), number.radix()),
        DeValue::Float(number) => Ok(number.to_string()),
        DeValue::Boolean(_) => Err("it takes a value, not true or false".into()),
        DeValue::Datetime(_) => Err("write the time as a string".into()),
        DeValue::Array(_) => Err("it takes one value, not a list".into()),
        DeValue::Table(_) => Err("it takes one value, not a table".into()),
    }
}

fn integer(digits: &str, radix: u32) -> Result<String, String> {
    let number = i128::from_str_radix(digits, radix);
    number.map(|number| number.to_string()).map_err(|_| format!("`{digits}` is too large"))
}

#[cfg(test)]
mod tests;
