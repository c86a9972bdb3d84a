//! Turns any error into the one report that the user gets: text, or with `--output json` a document.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::errors;
use super::exit::Exit;
use super::output::{OutputFormat, print_json};
use crate::client::ClientError;
use crate::log::LogError;

/// An error with all that is said about it.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    #[serde(skip)]
    pub(crate) exit: Exit,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    #[serde(flatten)]
    pub(crate) fields: Map<String, Value>,
}

/// `{"error": {"code": ..., "message": ..., "hint": ..., and its numbers}}`
#[derive(Serialize)]
struct Document<'a> {
    error: &'a Failure,
}

impl Failure {
    pub(crate) fn new(
        exit: Exit,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Failure {
        let (code, message, fields) = (code.into(), message.into(), Map::new());
        Failure { exit, code, message, hint: None, fields }
    }

    /// The command line, the environment or the configuration file is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "usage", message)
    }

    /// A call to the system failed on something that isn't the log.
    pub(crate) fn io(action: &str, path: &Path, source: &io::Error) -> Failure {
        let message = format!("can't {action} {}: {source}", path.display());
        Failure::new(Exit::Failed, "io", message).field("path", path.display().to_string())
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn field(mut self, name: &str, value: impl Into<Value>) -> Failure {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Reads what there is to say out of any error of this layer. `None` for a closed standard
    /// output, which is no failure.
    pub(crate) fn from_error(error: anyhow::Error) -> Option<Failure> {
        let error = match error.downcast::<Failure>() {
            Ok(failure) => return Some(failure),
            Err(error) => error,
        };
        if let Some(log_error) = error.downcast_ref::<LogError>() {
            return Some(Failure::from(log_error));
        }
        if let Some(client_error) = error.downcast_ref::<ClientError>() {
            return Some(Failure::from(client_error));
        }
        // Calls on anything else are wrapped where they fail, so this one is from standard output.
        match error.downcast_ref::<io::Error>() {
            Some(source) if source.kind() == io::ErrorKind::BrokenPipe => None,
            Some(_) => {
                let message = format!("can't write to standard output: {error:#}");
                Some(Failure::new(Exit::Failed, "io", message))
            }
            None => Some(Failure::new(Exit::Failed, "internal", format!("{error:#}"))),
        }
    }

    /// Tells the user. A standard error that can't be written to leaves only the exit code.
    pub(crate) fn report(&self, format: OutputFormat, stderr: &mut impl Write) -> Exit {
        let _ = match format {
            OutputFormat::Text => writeln!(stderr, "{self}"),
            OutputFormat::Json => print_json(stderr, &Document { error: self }),
        };
        self.exit
    }
}

impl From<&LogError> for Failure {
    fn from(error: &LogError) -> Failure {
        Failure {
            exit: errors::exit(error),
            code: error.code().into(),
            message: error.to_string(),
            hint: errors::hint(error),
            fields: errors::fields(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Offset;

    fn report(error: anyhow::Error, format: OutputFormat) -> (Exit, String) {
        let mut stderr = Vec::new();
        let exit = Failure::from_error(error).expect("a failure").report(format, &mut stderr);
        (exit, String::from_utf8(stderr).expect("UTF-8"))
    }

    #[test]
    fn a_log_error_is_found_under_context() {
        let error = LogError::OffsetMismatch { expected: Offset(3), next: Offset(7) };
        let (exit, text) = report(error.clone().into(), OutputFormat::Text);
        assert_eq!(exit, Exit::Precondition);
        assert!(text.starts_with("error: expected offset 3"), "{text}");
        let (_, text) = report(error.into(), OutputFormat::Json);
        let document: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(document["error"]["code"], "offset_mismatch");
        assert_eq!(document["error"]["next"], 7);
        assert!(document["error"]["hint"].is_string());
    }

    #[test]
    fn a_closed_pipe_is_no_failure_but_a_full_disk_is() {
        let closed = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(Failure::from_error(closed.into()).is_none());
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let (exit, text) = report(full.into(), OutputFormat::Text);
        assert_eq!(exit, Exit::Failed);
        assert!(text.contains("standard output"), "{text}");
    }
}
