//! What a log can be told: sizes, durability, and who decides what is committed.

use std::time::Duration;

use thiserror::Error;

use super::observer::ObserverHandle;
use super::offset::Offset;

/// The greatest value of `max_record_bytes` that a log accepts: 1 GiB - 1 KiB.
pub const MAX_RECORD_BYTES_LIMIT: u64 = (1 << 30) - 1024;

/// Default of [`LogConfig::max_record_bytes`]: 4 MiB.
pub const DEFAULT_MAX_RECORD_BYTES: u64 = 4 << 20;

/// Default of [`LogConfig::segment_bytes`]: 1 GiB.
pub const DEFAULT_SEGMENT_BYTES: u64 = 1 << 30;

/// Default of [`LogConfig::max_waiting_bytes`]: 8 MiB.
pub const DEFAULT_MAX_WAITING_BYTES: u64 = 8 << 20;

/// When appended records are forced to the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before an append is acknowledged: it survives a power cut.
    #[default]
    Always,
    /// At least this often, in the background. An acknowledged append survives the process being
    /// killed; a power cut may take what was appended since the last sync.
    Interval(Duration),
    /// When a segment is sealed and at close. An acknowledged append survives the process being
    /// killed; a power cut may take what the system had not yet written.
    Never,
}

/// What an acknowledged append survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: the record is on the device.
    Fsync,
    /// The death of the process: the operating system has the record.
    Os,
}

impl Durability {
    /// `fsync` or `os`, as shown to users.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Durability::Fsync => "fsync",
            Durability::Os => "os",
        }
    }
}

impl SyncPolicy {
    /// What an append under this policy survives once it is acknowledged.
    #[must_use]
    pub const fn durability(self) -> Durability {
        match self {
            SyncPolicy::Always => Durability::Fsync,
            SyncPolicy::Interval(_) | SyncPolicy::Never => Durability::Os,
        }
    }
}

/// Who says that a record can never be undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitPolicy {
    /// The append itself: a stand-alone log.
    #[default]
    OnAppend,
    /// A consensus layer, by [`Log::commit`](super::Log::commit). Until then
    /// [`Log::truncate_after`](super::Log::truncate_after) may undo the newest records.
    Explicit,
}

/// How a log is opened. `LogConfig::default()` is a stand-alone log that syncs each append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A segment is sealed before the append that would take its store past this many bytes.
    /// Default 1 GiB, at least 1 KiB. A single larger batch still goes into one segment.
    pub segment_bytes: u64,
    /// Longest value, with key and headers, that an append accepts, in bytes. Default 4 MiB, at
    /// most [`MAX_RECORD_BYTES_LIMIT`]. Reading is not bound by it.
    pub max_record_bytes: u64,
    /// When appends are synced. Default [`SyncPolicy::Always`].
    pub sync: SyncPolicy,
    /// Offset of the first record of a log that is created. Default 0.
    pub initial_offset: Offset,
    /// How many bytes of appends may wait for their turn before further ones block. Default 8 MiB.
    pub max_waiting_bytes: u64,
    /// Who commits. Default [`CommitPolicy::OnAppend`].
    pub commit: CommitPolicy,
    /// Who is told what the log does. Default nobody.
    pub observer: Option<ObserverHandle>,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            segment_bytes: DEFAULT_SEGMENT_BYTES,
            max_record_bytes: DEFAULT_MAX_RECORD_BYTES,
            sync: SyncPolicy::default(),
            initial_offset: Offset(0),
            max_waiting_bytes: DEFAULT_MAX_WAITING_BYTES,
            commit: CommitPolicy::default(),
            observer: None,
        }
    }
}

/// A configuration that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// See [`LogConfig::segment_bytes`].
    #[error("segment size of {bytes} bytes is too small: use at least {min}")]
    SegmentTooSmall {
        /// What was asked for.
        bytes: u64,
        /// The least that works.
        min: u64,
    },
    /// See [`LogConfig::max_record_bytes`].
    #[error("record limit of {bytes} bytes is out of range: use 1 to {max}")]
    RecordLimit {
        /// What was asked for.
        bytes: u64,
        /// The most that works.
        max: u64,
    },
    /// An interval of nothing is `Always`.
    #[error("sync interval is zero: use `always`, or an interval such as 1s")]
    ZeroInterval,
}

impl LogConfig {
    const MIN_SEGMENT_BYTES: u64 = 1024;

    /// Refuses values that cannot work; never changes one.
    ///
    /// # Errors
    /// The first value that is out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.segment_bytes < Self::MIN_SEGMENT_BYTES {
            let (bytes, min) = (self.segment_bytes, Self::MIN_SEGMENT_BYTES);
            return Err(ConfigError::SegmentTooSmall { bytes, min });
        }
        if self.max_record_bytes == 0 || self.max_record_bytes > MAX_RECORD_BYTES_LIMIT {
            let (bytes, max) = (self.max_record_bytes, MAX_RECORD_BYTES_LIMIT);
            return Err(ConfigError::RecordLimit { bytes, max });
        }
        if self.sync == SyncPolicy::Interval(Duration::ZERO) {
            return Err(ConfigError::ZeroInterval);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_limits_are_refused() {
        assert_eq!(LogConfig::default().validate(), Ok(()));
        let config = LogConfig { segment_bytes: 1023, ..LogConfig::default() };
        assert!(matches!(config.validate(), Err(ConfigError::SegmentTooSmall { bytes: 1023, .. })));
        for bytes in [0, MAX_RECORD_BYTES_LIMIT + 1] {
            let config = LogConfig { max_record_bytes: bytes, ..LogConfig::default() };
            assert!(matches!(config.validate(), Err(ConfigError::RecordLimit { .. })));
        }
    }
}
