//! What a check can find, in words for people and names for programs.

use super::offset::{Offset, Position};

/// One thing that isn't as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// Base offset of the segment; for a stray file that of the first segment.
    pub segment: Offset,
    /// The offset concerned, or the first of them.
    pub offset: Offset,
    /// Where in the store.
    pub position: Position,
    /// What is wrong, and in which file, for people.
    pub message: String,
}

/// The kinds of [`Finding`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// A record's bytes aren't what was written.
    CorruptRecord,
    /// Offsets between two segments aren't there.
    MissingRecords,
    /// Two segments have the same offsets.
    Overlap,
    /// An index has no store.
    MissingStore,
    /// A record is older than the one before it.
    TimeWentBack,
    /// A record says more of its batch than can be.
    ImpossibleBatch,
    /// Bytes behind the last record, which were never acknowledged.
    TornTail,
    /// The index doesn't say what the store says, or the segment wasn't closed.
    StaleIndex,
    /// A store has no index.
    MissingIndex,
    /// An empty segment that a crash left.
    EmptyLeftover,
    /// A file that isn't the log's.
    StrayFile,
}

impl FindingKind {
    /// The name in machine-readable output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FindingKind::CorruptRecord => "corrupt_record",
            FindingKind::MissingRecords => "missing_records",
            FindingKind::Overlap => "overlap",
            FindingKind::MissingStore => "missing_store",
            FindingKind::TimeWentBack => "time_went_back",
            FindingKind::ImpossibleBatch => "impossible_batch",
            FindingKind::TornTail => "torn_tail",
            FindingKind::StaleIndex => "stale_index",
            FindingKind::MissingIndex => "missing_index",
            FindingKind::EmptyLeftover => "empty_leftover",
            FindingKind::StrayFile => "stray_file",
        }
    }

    /// Whether data is damaged; if not, the next open for writing or a `repair` mends it without loss.
    #[must_use]
    pub fn is_damage(self) -> bool {
        match self {
            FindingKind::CorruptRecord
            | FindingKind::MissingRecords
            | FindingKind::Overlap
            | FindingKind::MissingStore
            | FindingKind::TimeWentBack
            | FindingKind::ImpossibleBatch => true,
            FindingKind::TornTail
            | FindingKind::StaleIndex
            | FindingKind::MissingIndex
            | FindingKind::EmptyLeftover
            | FindingKind::StrayFile => false,
        }
    }
}
