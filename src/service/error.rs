//! What a service call can answer instead of a result, with a stable code, a message and a hint.
//!
//! The codes are part of the interface: HTTP, gRPC and the command line show the same ones.

use thiserror::Error;

use crate::log::{Corruption, LogError, Offset, RecoveryProgress};

/// Any failure of a call to a [`CommitLog`](super::CommitLog).
#[derive(Clone, Debug, Error)]
pub enum ServiceError {
    /// The offset is not in the log.
    #[error("offset {offset} is out of range: the log holds {lowest} up to, not including, {next}")]
    OutOfRange {
        /// The offset asked for.
        offset: Offset,
        /// The first offset still kept.
        lowest: Offset,
        /// The offset the next append will get.
        next: Offset,
    },
    /// The bytes of a record are not what was written.
    #[error(transparent)]
    Corrupt(Corruption),
    /// The record was given up by a repair.
    #[error("offset {offset} was lost and given up by a repair")]
    Lost {
        /// The offset asked for.
        offset: Offset,
    },
    /// Another writer has the directory.
    #[error(transparent)]
    InUse(LogError),
    /// The batch would not start where the caller expects.
    #[error("expected offset {expected}, but the next append gets {next}: nothing was appended")]
    OffsetMismatch {
        /// What the caller asked for.
        expected: Offset,
        /// What the log has.
        next: Offset,
    },
    /// A record is over the limit.
    #[error("record of {bytes} bytes is over the limit of {max}: nothing was appended")]
    RecordTooLarge {
        /// Value, key and headers together.
        bytes: u64,
        /// The limit in force.
        max: u64,
    },
    /// A batch is over what one write may hold.
    #[error("batch of {bytes} bytes is over the limit of {max}: nothing was appended")]
    BatchTooLarge {
        /// All of the batch.
        bytes: u64,
        /// The limit in force.
        max: u64,
    },
    /// The type stands for records that a repair gave up.
    #[error(
        "record type {record_type} is reserved for records lost to damage: nothing was appended"
    )]
    ReservedType {
        /// What the record says.
        record_type: u32,
    },
    /// The log is still being opened.
    #[error("the log is being recovered: {}", told(progress))]
    Starting {
        /// How far that is.
        progress: RecoveryProgress,
    },
    /// A record says that it is of a time that is too far ahead.
    #[error(
        "timestamp {timestamp_us} is too far in the future: the latest that is taken now is {latest_us}; nothing was appended"
    )]
    TimestampAhead {
        /// What the record says, in Unix microseconds.
        timestamp_us: u64,
        /// The limit in force.
        latest_us: u64,
    },
    /// A batch without a record has no offset to answer with.
    #[error("the batch holds no record")]
    EmptyBatch,
    /// There was no room in time for what was to be appended.
    #[error("too much is under way: {waiting_bytes} bytes wait already; nothing was done")]
    Busy {
        /// What waits.
        waiting_bytes: u64,
    },
    /// A write or sync failed before, so appends are refused.
    #[error(transparent)]
    Failed(LogError),
    /// The log is closed, or about to be.
    #[error("the log is closed")]
    Closed,
    /// Damage was found when the log was opened, so appends are refused.
    #[error(transparent)]
    Damaged(LogError),
    /// There is no room on the device, now or when the first append failed.
    #[error(transparent)]
    DiskFull(LogError),
    /// The disk is so full that appends are held off, to leave room for what mends it.
    #[error(
        "the disk is {used_percent} % full: nothing was appended, and nothing will be until it is below {low_percent} %"
    )]
    DiskNearlyFull {
        /// What is in use.
        used_percent: u8,
        /// Below which share appends are taken again.
        low_percent: u8,
    },
    /// A call to the operating system failed.
    #[error(transparent)]
    Io(LogError),
    /// The log ended before it could say what became of an append.
    #[error("the answer was lost: the batch may have been appended or not")]
    AnswerLost,
    /// A mistake of this program.
    #[error("internal error: {message}")]
    Internal {
        /// What went wrong.
        message: String,
    },
}

impl ServiceError {
    /// The stable name of this kind of failure, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            ServiceError::OutOfRange { .. } => "offset_out_of_range",
            ServiceError::Corrupt(_) => "corrupt",
            ServiceError::Lost { .. } => "lost",
            ServiceError::InUse(_) => "in_use",
            ServiceError::OffsetMismatch { .. } => "offset_mismatch",
            ServiceError::RecordTooLarge { .. } => "record_too_large",
            ServiceError::BatchTooLarge { .. } => "batch_too_large",
            ServiceError::ReservedType { .. } => "reserved_type",
            ServiceError::Starting { .. } => "starting",
            ServiceError::TimestampAhead { .. } => "timestamp_ahead",
            ServiceError::EmptyBatch => "empty_batch",
            ServiceError::Busy { .. } => "busy",
            ServiceError::Failed(_) => "failed",
            ServiceError::Closed => "closed",
            ServiceError::Damaged(_) => "damaged",
            ServiceError::DiskFull(_) => "disk_full",
            ServiceError::DiskNearlyFull { .. } => "disk_nearly_full",
            ServiceError::Io(_) => "io",
            ServiceError::AnswerLost => "answer_lost",
            ServiceError::Internal { .. } => "internal",
        }
    }

    /// What the caller, or who runs the log, can do next.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            ServiceError::OutOfRange { .. } => {
                "ask for an offset from `lowest` on and below `next`"
            }
            ServiceError::Corrupt(_) => {
                "the other records can still be read; stop the server and run `proglog verify`, then `proglog repair`"
            }
            ServiceError::Lost { .. } => "the records before and after it can be read",
            ServiceError::InUse(_) => "stop the other writer, or use another directory",
            ServiceError::OffsetMismatch { .. } => {
                "read what was appended meanwhile, then try again"
            }
            ServiceError::RecordTooLarge { .. } => {
                "split the record, or start the server with a greater --max-record-bytes"
            }
            ServiceError::BatchTooLarge { .. } => "append the batch in parts",
            ServiceError::ReservedType { .. } => "leave the type out, or use another one",
            ServiceError::Starting { .. } => "try again shortly",
            ServiceError::TimestampAhead { .. } => {
                "leave the timestamp out, mend the clock that it comes from, or start the server with a greater --max-timestamp-ahead"
            }
            ServiceError::EmptyBatch => "send at least one record",
            ServiceError::Busy { .. } => "try again shortly, and slower",
            ServiceError::Failed(_) => {
                "records can still be read; look at the first failure, mend it, and restart the server"
            }
            ServiceError::Closed => "the server is stopping; try again once it runs",
            ServiceError::Damaged(_) => {
                "records can still be read; stop the server, run `proglog verify`, then `proglog repair`, and start it again"
            }
            ServiceError::DiskFull(_) => {
                "records can still be read; free some space: the server then goes on by itself, or its log says why not"
            }
            ServiceError::DiskNearlyFull { .. } => {
                "records can still be read; free some space, or remove old records: the server then goes on by itself"
            }
            ServiceError::Io(_) => "look at the server's log and at its disk",
            ServiceError::AnswerLost => {
                "look at the end of the log before appending it again, or send it with an expected offset"
            }
            ServiceError::Internal { .. } => {
                "this is a mistake in proglog: please report it with the server's log"
            }
        }
    }
}

impl ServiceError {
    /// The numbers in the message, by name, for programs.
    #[must_use]
    pub fn numbers(&self) -> Vec<(&'static str, u64)> {
        match self {
            ServiceError::OutOfRange { offset, lowest, next } => {
                vec![("offset", offset.0), ("lowest", lowest.0), ("next", next.0)]
            }
            ServiceError::Corrupt(Corruption { segment, offset, position, .. }) => {
                vec![("offset", offset.0), ("segment", segment.0), ("position", position.0)]
            }
            ServiceError::Lost { offset } => vec![("offset", offset.0)],
            ServiceError::OffsetMismatch { expected, next } => {
                vec![("expected", expected.0), ("next", next.0)]
            }
            ServiceError::RecordTooLarge { bytes, max }
            | ServiceError::BatchTooLarge { bytes, max } => vec![("bytes", *bytes), ("max", *max)],
            ServiceError::ReservedType { record_type } => vec![("type", u64::from(*record_type))],
            ServiceError::TimestampAhead { timestamp_us, latest_us } => {
                vec![("timestamp_us", *timestamp_us), ("latest_us", *latest_us)]
            }
            ServiceError::Busy { waiting_bytes } => vec![("waiting_bytes", *waiting_bytes)],
            ServiceError::Starting { progress } => vec![
                ("segments_done", progress.n_examined),
                ("segments", progress.n_segments),
                ("position", progress.position),
                ("store_bytes", progress.store_bytes),
            ],
            ServiceError::DiskNearlyFull { used_percent, low_percent } => vec![
                ("used_percent", u64::from(*used_percent)),
                ("low_percent", u64::from(*low_percent)),
            ],
            ServiceError::InUse(_)
            | ServiceError::EmptyBatch
            | ServiceError::Failed(_)
            | ServiceError::Closed
            | ServiceError::Damaged(_)
            | ServiceError::DiskFull(_)
            | ServiceError::Io(_)
            | ServiceError::AnswerLost
            | ServiceError::Internal { .. } => Vec::new(),
        }
    }
}

fn told(progress: &RecoveryProgress) -> String {
    let RecoveryProgress { n_examined, n_segments, position, store_bytes } = progress;
    if n_examined >= n_segments {
        return "looking at its segments".to_owned();
    }
    format!("segment {} of {n_segments}, {position} of {store_bytes} bytes", n_examined + 1)
}

impl From<LogError> for ServiceError {
    fn from(error: LogError) -> ServiceError {
        match error {
            LogError::OutOfRange { offset, lowest, next } => {
                ServiceError::OutOfRange { offset, lowest, next }
            }
            LogError::Corrupt(corruption) => ServiceError::Corrupt(corruption),
            LogError::Lost { offset } => ServiceError::Lost { offset },
            LogError::InUse { .. } => ServiceError::InUse(error),
            LogError::OffsetMismatch { expected, next } => {
                ServiceError::OffsetMismatch { expected, next }
            }
            LogError::RecordTooLarge { bytes, max } => ServiceError::RecordTooLarge { bytes, max },
            LogError::BatchTooLarge { bytes, max } => ServiceError::BatchTooLarge { bytes, max },
            LogError::ReservedType { record_type } => ServiceError::ReservedType { record_type },
            LogError::EmptyBatch => ServiceError::EmptyBatch,
            LogError::Busy { waiting_bytes } => ServiceError::Busy { waiting_bytes },
            // Every append after a full disk says so, not only the one that met it first.
            // It can be mended without opening the log anew, so it isn't told to be a failure for good.
            LogError::Failed { cause } if matches!(*cause, LogError::DiskFull { .. }) => {
                ServiceError::DiskFull(*cause)
            }
            // No append can ever succeed again, as after a failure.
            LogError::Failed { .. } | LogError::NoOffsetsLeft { .. } => ServiceError::Failed(error),
            LogError::Closed => ServiceError::Closed,
            LogError::Damaged { .. } => ServiceError::Damaged(error),
            LogError::DiskFull { .. } => ServiceError::DiskFull(error),
            LogError::Io { .. } => ServiceError::Io(error),
            // These belong to opening, truncating and reading files, which no service call does.
            LogError::Committed { .. }
            | LogError::NoSuchLog { .. }
            | LogError::NoSuchSegment { .. }
            | LogError::NotADirectory { .. }
            | LogError::GapTooWide { .. }
            | LogError::Config(_)
            // The storage thread's panic ends the process, so nobody is left to be told.
            | LogError::Panicked => ServiceError::Internal { message: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;

    fn disk_full() -> LogError {
        let source = Arc::new(io::Error::from(io::ErrorKind::StorageFull));
        LogError::DiskFull { action: "write to", path: "0.store".into(), source }
    }

    #[test]
    fn every_append_after_a_full_disk_says_so() {
        assert_eq!(ServiceError::from(disk_full()).code(), "disk_full");
        let later = LogError::Failed { cause: Box::new(disk_full()) };
        assert_eq!(ServiceError::from(later).code(), "disk_full");
        let other = LogError::Failed { cause: Box::new(LogError::Closed) };
        assert_eq!(ServiceError::from(other).code(), "failed");
    }

    #[test]
    fn a_range_is_kept_for_the_caller() {
        let (offset, lowest, next) = (Offset(9), Offset(2), Offset(5));
        let error = ServiceError::from(LogError::OutOfRange { offset, lowest, next });
        assert!(matches!(
            error,
            ServiceError::OutOfRange { offset: Offset(9), lowest: Offset(2), next: Offset(5) }
        ));
        assert_eq!(error.code(), "offset_out_of_range");
    }
}
