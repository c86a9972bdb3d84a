//! What can go wrong in a log: each variant says what, where, and what to do next.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::config::ConfigError;
use super::offset::{Offset, Position};

/// Any failure of the log layer. Cheap to clone, since one failed write answers many waiters.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum LogError {
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
    Corrupt(#[from] Corruption),
    /// The record was lost, and `repair --accept-loss` put a mark in its place.
    #[error("offset {offset} was lost and given up by a repair")]
    Lost {
        /// The offset asked for.
        offset: Offset,
    },
    /// Another writer has the directory.
    #[error("{} is in use by another writer: stop it, or use another directory", dir.display())]
    InUse {
        /// The log's directory.
        dir: PathBuf,
    },
    /// The batch would not start where the caller expects.
    #[error("expected offset {expected}, but the next append gets {next}: nothing was appended")]
    OffsetMismatch {
        /// What the caller asked for.
        expected: Offset,
        /// What the log has.
        next: Offset,
    },
    /// A record is over the limit.
    #[error(
        "record of {bytes} bytes is over the limit of {max}: nothing of its batch was appended; raise --max-record-bytes if it is meant to fit"
    )]
    RecordTooLarge {
        /// Value, key and headers together.
        bytes: u64,
        /// The limit in force.
        max: u64,
    },
    /// A batch is over what one write may hold.
    #[error("batch of {bytes} bytes is over the limit of {max}: append it in parts")]
    BatchTooLarge {
        /// All of the batch.
        bytes: u64,
        /// The limit in force.
        max: u64,
    },
    /// The type of a record is the one that stands for lost records, so nobody would ever see it.
    #[error("record type {record_type} is kept for marks of lost records: use another")]
    ReservedType {
        /// The type asked for.
        record_type: u32,
    },
    /// A batch has no record, so there is no offset to answer with.
    #[error("the batch holds no record")]
    EmptyBatch,
    /// A gap is wider than a repair fills; more likely a file has a wrong name.
    #[error(
        "between segment {segment} and segment {next} {n_lost} records are missing, too many to mark: look whether {next}.store belongs to this log, and move it away if not"
    )]
    GapTooWide {
        /// Base offset of the segment before the gap.
        segment: Offset,
        /// Base offset of the one behind it.
        next: Offset,
        /// How many offsets are in between.
        n_lost: u64,
    },
    /// The greatest offset has been given out.
    #[error("the log has no offsets left: the next one is {next}")]
    NoOffsetsLeft {
        /// The offset the next append would get.
        next: Offset,
    },
    /// Too much waits already ([`Log::try_append`](super::Log::try_append)).
    #[error("{waiting_bytes} bytes wait to be appended: try again later")]
    Busy {
        /// What waits.
        waiting_bytes: u64,
    },
    /// A write or sync failed before; what the device holds is unknown until the log is opened anew.
    #[error("the log refuses appends after a failure ({cause}); open it anew to go on")]
    Failed {
        /// The first failure.
        cause: Box<LogError>,
    },
    /// The thread that was writing panicked.
    #[error("the writing thread panicked")]
    Panicked,
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// Opening found damage, so the log can only be read.
    #[error(
        "{} has damaged data ({n_findings} found, the first: {first}), so appends are refused: run `proglog repair`",
        dir.display()
    )]
    Damaged {
        /// The log's directory.
        dir: PathBuf,
        /// How many places are damaged.
        n_findings: u64,
        /// The first of them.
        first: Box<Corruption>,
    },
    /// A suffix that is committed is not undone.
    #[error("offset {offset} is committed (up to, not including, {committed}), so it can't be cut")]
    Committed {
        /// The first offset that would have been cut.
        offset: Offset,
        /// The committed offset.
        committed: Offset,
    },
    /// There is no log to read.
    #[error("{} is not a log: there is no such directory; `proglog append` creates it", dir.display())]
    NoSuchLog {
        /// The directory asked for.
        dir: PathBuf,
    },
    /// There is no segment with that base offset.
    #[error("{} has no segment {base}: `proglog info` lists them", dir.display())]
    NoSuchSegment {
        /// The log's directory.
        dir: PathBuf,
        /// The base offset asked for.
        base: Offset,
    },
    /// Something else is where the directory should be.
    #[error("{} is a file, not a log directory", path.display())]
    NotADirectory {
        /// The path asked for.
        path: PathBuf,
    },
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no room on the device.
    #[error(
        "disk full: can't {action} {} ({source}); what was acknowledged is safe: free some space and run it again",
        path.display()
    )]
    DiskFull {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A call to the operating system failed.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
}

impl LogError {
    /// The stable name of this kind of failure. Programs may match on it: the command line, HTTP and
    /// gRPC show the same ones.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            LogError::OutOfRange { .. } => "offset_out_of_range",
            LogError::Corrupt(_) => "corrupt",
            LogError::Lost { .. } => "lost",
            LogError::InUse { .. } => "in_use",
            LogError::OffsetMismatch { .. } => "offset_mismatch",
            LogError::RecordTooLarge { .. } => "record_too_large",
            LogError::BatchTooLarge { .. } => "batch_too_large",
            LogError::ReservedType { .. } => "reserved_type",
            LogError::EmptyBatch => "empty_batch",
            LogError::GapTooWide { .. } => "gap_too_wide",
            LogError::NoOffsetsLeft { .. } => "no_offsets_left",
            LogError::Busy { .. } => "busy",
            LogError::Failed { .. } => "failed",
            LogError::Panicked => "panicked",
            LogError::Closed => "closed",
            LogError::Damaged { .. } => "damaged",
            LogError::Committed { .. } => "committed",
            LogError::NoSuchLog { .. } => "no_such_log",
            LogError::NoSuchSegment { .. } => "no_such_segment",
            LogError::NotADirectory { .. } => "not_a_directory",
            LogError::Config(_) => "config",
            LogError::DiskFull { .. } => "disk_full",
            LogError::Io { .. } => "io",
        }
    }

    /// Whether a file wasn't there.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, LogError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Wraps a failed call on `path`.
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> LogError {
        let (path, source) = (path.to_path_buf(), Arc::new(source));
        match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => LogError::DiskFull { action, path, source },
            _ => LogError::Io { action, path, source },
        }
    }
}

/// One place in a log whose bytes are not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "segment {segment}, offset {offset}, position {position}: {reason}; the file is {}",
    path.display()
)]
pub struct Corruption {
    /// Base offset of the segment.
    pub segment: Offset,
    /// The offset that should have been there.
    pub offset: Offset,
    /// Where in the store.
    pub position: Position,
    /// What is wrong.
    pub reason: CorruptReason,
    /// The store.
    pub path: PathBuf,
}

/// Why bytes are not believed to be the expected record.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CorruptReason {
    /// The length prefix says more than a record may have.
    #[error("frame length {length} is impossible")]
    BadLength {
        /// What the prefix says.
        length: u64,
    },
    /// The frame does not fit into the store.
    #[error("the frame needs {needed} bytes, but only {available} are there")]
    Truncated {
        /// Length of the frame, or of its length prefix.
        needed: u64,
        /// What is left of the store.
        available: u64,
    },
    /// Zeros where a frame should be.
    #[error("there are only zeros")]
    Zeros,
    /// CRC-32C does not match.
    #[error("checksum mismatch: stored {stored:08x}, computed {computed:08x}")]
    Checksum {
        /// What the frame says.
        stored: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// No checksum where there has to be one.
    #[error("the checksum is missing")]
    NoChecksum,
    /// The payload is not a record, strictly read.
    #[error("malformed record: {0}")]
    Malformed(&'static str),
    /// A sound record, but another one than expected.
    #[error("the record there says offset {found}")]
    WrongOffset {
        /// What it says.
        found: Offset,
    },
    /// Its time is before that of the record before it.
    #[error("timestamp {found} is before that of the record before it, {previous}")]
    TimeWentBack {
        /// Its timestamp in microseconds.
        found: u64,
        /// That of the record before it.
        previous: u64,
    },
    /// The segment ends before the next one starts.
    #[error("records up to, not including, {next} are missing")]
    Missing {
        /// Where the log goes on.
        next: Offset,
    },
    /// The segment holds offsets that an earlier one has already.
    #[error("offsets from here on are in the segment before, too")]
    Overlap,
    /// An index without its store.
    #[error("the store is missing")]
    NoStore,
    /// The record needs more memory than there is.
    #[error("a record of {bytes} bytes needs more memory than there is")]
    NoMemory {
        /// Length of its frame.
        bytes: u64,
    },
}
