//! Bugs planted on purpose, so that the tests can be shown to catch them; `.ci/plants` does.
//!
//! Only a build with the feature `plants` has them, and of those only the one that `PROGLOG_PLANT`
//! names. In every other build [`is_planted`] is `false` before the program runs, and nothing of it is
//! left.

use super::offset::Offset;
use super::segment::Segment;
use super::view::View;

/// What can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plant {
    /// An append is acknowledged before its bytes are synced.
    DataSync,
    /// The names of new segments aren't synced.
    DirectorySync,
    /// A checksum is computed, and whatever it says is fine.
    Checksum,
    /// Whatever record an index leads to is taken for the one that was asked for.
    Index,
    /// Opening leaves what a crash left behind the last record.
    TornTail,
    /// Half of a batch can be seen before the rest.
    HalfBatch,
    /// What is loaded from a mapped index is counted as if there were only one thread.
    #[cfg(feature = "plants")]
    DataRace,
}

/// Whether the program is to have this bug.
#[cfg(feature = "plants")]
pub(super) fn is_planted(plant: Plant) -> bool {
    use std::sync::LazyLock;
    static PLANTED: LazyLock<Option<Plant>> = LazyLock::new(from_environment);
    *PLANTED == Some(plant)
}

/// Whether the program is to have this bug: it isn't.
#[cfg(not(feature = "plants"))]
pub(super) const fn is_planted(_: Plant) -> bool {
    false
}

/// A name that is none ends the process: it would let a test pass that is meant to fail.
#[cfg(feature = "plants")]
fn from_environment() -> Option<Plant> {
    let name = std::env::var("PROGLOG_PLANT").ok()?;
    Some(match name.as_str() {
        "data-sync" => Plant::DataSync,
        "directory-sync" => Plant::DirectorySync,
        "checksum" => Plant::Checksum,
        "index" => Plant::Index,
        "torn-tail" => Plant::TornTail,
        "half-batch" => Plant::HalfBatch,
        "data-race" => Plant::DataRace,
        _ => panic!("PROGLOG_PLANT={name} is no bug that can be planted"),
    })
}

/// Planted as [`Plant::HalfBatch`]: lets readers see half of what was just written, for a moment.
/// `positions` are those of its frames, the first of which is record `first` of the segment.
pub(super) fn show_half(view: &View, segment: &Segment, first: u64, positions: &[u64]) {
    let n_shown = positions.len() / 2;
    if is_planted(Plant::HalfBatch) && n_shown > 0 {
        let n_records = first + n_shown as u64;
        segment.publish(super::segment::Extent { n_records, end: positions[n_shown] });
        view.set_next(Offset(segment.base.0 + n_records));
        std::thread::yield_now();
    }
}
