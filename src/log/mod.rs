//! The log: bytes on disk, in a directory of segments. Synchronous; knows no network.
//!
//! A [`Log`] is the one writer of a directory; any number of threads append to it and read from it.
//! A [`LogReader`] reads beside a writer in another process. `docs/format.md` is the law for the bytes.
//!
//! Invariants
//! - Offsets are dense: a log holds every offset from its lowest up to its next one.
//! - A record is returned only if its frame is whole, its checksum holds and its offset is the one asked for.
//! - A record is visible only once it has the durability of the log's [`SyncPolicy`].
//! - What was acknowledged is removed by [`Log::truncate_before`], [`Log::truncate_after`] and
//!   [`repair`] with consent, and by nothing else.
//! - Only `fs.rs` calls the file system, and only `mmap.rs` holds unsafe code.

mod background_sync;
mod batch;
mod check;
mod checksum;
mod config;
mod damage;
mod dir;
mod dump;
mod ends;
mod error;
mod examine;
mod examined;
mod finding;
mod frame;
mod frame_reader;
mod frame_run;
pub mod fs;
#[cfg(any(all(test, feature = "text"), feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gate;
mod group;
mod group_commit;
mod headers;
mod index;
#[allow(clippy::module_inception, reason = "the log is what this layer is named for")]
mod log;
mod mmap;
mod observer;
mod offset;
mod plant;
mod protobuf;
mod quarantine;
mod read_ahead;
mod reader;
mod record;
mod recover;
mod repair;
mod rewrite;
mod scan;
mod segment;
mod sync;
mod verify;
mod view;
mod walk;
mod walker;
mod window;
mod writer;

pub use batch::Append;
pub use config::{
    CommitPolicy, ConfigError, DEFAULT_MAX_RECORD_BYTES, DEFAULT_MAX_WAITING_BYTES,
    DEFAULT_SEGMENT_BYTES, Durability, LogConfig, MAX_RECORD_BYTES_LIMIT, SyncPolicy,
};
pub use dump::{DumpedEntry, EntryState, dump_index};
pub use ends::{Checksums, Ends};
pub use error::{CorruptReason, Corruption, LogError};
pub use examined::TornTail;
pub use finding::{Finding, FindingKind};
pub use headers::{Header, Headers};
pub use log::Log;
pub use observer::{Commit, Observer, ObserverHandle, RecoveryProgress};
pub use offset::{Offset, Position, RelativeOffset};
pub use reader::LogReader;
pub use record::{NewRecord, Record, RecordRef, TYPE_DATA, TYPE_LOST};
pub use recover::Recovery;
pub use repair::{Consent, Plan, RepairStep, Repaired, plan_repair, repair, repair_on};
pub use scan::Scan;
pub use verify::{Report, Verdict, verify, verify_on};
pub use view::SegmentInfo;
pub use writer::Appended;
