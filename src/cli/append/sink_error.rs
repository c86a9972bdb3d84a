//! Why a batch was not taken, wherever it went.

use crate::cli::failure::Failure;
use crate::client::ClientError;
use crate::log::LogError;

/// What a log says, or what stands between it and us.
#[derive(Clone, Debug)]
pub(crate) enum SinkError {
    /// A log in a directory.
    Log(LogError),
    /// A server, or the way to it.
    Server(ClientError),
}

impl SinkError {
    /// Whether a part of the batch may be taken.
    pub(crate) fn is_too_large(&self) -> bool {
        let code = match self {
            SinkError::Log(error) => error.code(),
            SinkError::Server(error) => error.code(),
        };
        matches!(code, "record_too_large" | "batch_too_large")
    }

    /// The size and the limit, if it's one record that is too large.
    pub(crate) fn of_record(&self) -> Option<(u64, u64)> {
        match self {
            SinkError::Log(LogError::RecordTooLarge { bytes, max }) => Some((*bytes, *max)),
            SinkError::Server(ClientError::Refused(refusal))
                if refusal.code == "record_too_large" =>
            {
                Some((refusal.number("bytes")?, refusal.number("max")?))
            }
            SinkError::Log(_) | SinkError::Server(_) => None,
        }
    }
}

impl From<LogError> for SinkError {
    fn from(error: LogError) -> SinkError {
        SinkError::Log(error)
    }
}

impl From<&SinkError> for Failure {
    fn from(error: &SinkError) -> Failure {
        match error {
            SinkError::Log(error) => Failure::from(error),
            SinkError::Server(error) => Failure::from(error),
        }
    }
}
