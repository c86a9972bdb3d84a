//! Why an access list can't be used.

use std::path::PathBuf;

use thiserror::Error;

use crate::security::file::FileError;

/// What is wrong with the files of an access list.
#[derive(Debug, Error)]
pub enum AccessListError {
    /// A file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is no text.
    #[error("{} is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The model makes no sense, or not here.
    #[error("the model {}: {reason}", path.as_ref().map_or("(default)".into(), |it| it.to_string_lossy()))]
    Model {
        /// The file, if it isn't the default.
        path: Option<PathBuf>,
        /// What is wrong with it.
        reason: String,
    },
    /// A rule makes no sense.
    #[error("{}:{line}: {reason}", path.display())]
    Policy {
        /// The policy file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}
