//! A directory, beside a writer or without one. What was appended is what its stores have grown by.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::sample::{Counted, Health, Sample};
use crate::cli::failure::Failure;
use crate::cli::info::state;
use crate::cli::output::counted;
use crate::log::{LogReader, Offset, SegmentInfo};
use crate::service::DiskUse;

/// A log that is looked at again and again.
pub(super) struct DirectorySource {
    log: LogReader,
    dir: PathBuf,
    growth: Growth,
}

impl DirectorySource {
    pub(super) fn open(dir: &Path) -> Result<DirectorySource, Failure> {
        let log = LogReader::open(dir).map_err(|error| Failure::from(&error))?;
        let growth = Growth::of(&log.segments());
        Ok(DirectorySource { log, dir: dir.to_path_buf(), growth })
    }

    pub(super) fn sample(&mut self) -> Result<Sample, Failure> {
        let log = &self.log;
        log.refresh().map_err(|error| Failure::from(&error))?;
        let segments = log.segments();
        self.growth.grow(&segments);
        let next = log.next_offset().0;
        Ok(Sample {
            at: Instant::now(),
            health: health(log),
            lowest: log.lowest_offset().0,
            next,
            committed: None,
            n_segments: segments.len() as u64,
            bytes: log.size_bytes(),
            appended: Counted { records: next, bytes: Some(self.growth.bytes) },
            disk: DiskUse::measure(&self.dir).ok().map(Into::into),
            server: None,
        })
    }
}

fn health(log: &LogReader) -> Health {
    let recovery = log.recovery();
    let word = state(&recovery, log.has_writer());
    let n_damaged = recovery.damage.len() as u64 + recovery.damage_untold;
    let detail = match word {
        "damaged" => {
            let places = counted(n_damaged, "place");
            Some(format!("in {places}; `proglog verify` lists them"))
        }
        "needs_recovery" => Some("the next append does it".to_owned()),
        "open" => Some("a writer is at work".to_owned()),
        _ => Some("no writer".to_owned()),
    };
    Health { word, detail, is_good: word != "damaged" }
}

/// How much the stores have grown. What is removed takes nothing away.
#[derive(Debug, Default)]
struct Growth {
    bytes: u64,
    stores: HashMap<Offset, u64>,
}

impl Growth {
    fn of(segments: &[SegmentInfo]) -> Growth {
        let stores = segments.iter().map(|segment| (segment.base_offset, segment.store_bytes));
        Growth { bytes: 0, stores: stores.collect() }
    }

    fn grow(&mut self, segments: &[SegmentInfo]) {
        let grown = |segment: &SegmentInfo| {
            let before = self.stores.get(&segment.base_offset).copied().unwrap_or(0);
            segment.store_bytes.saturating_sub(before)
        };
        let bytes = self.bytes + segments.iter().map(grown).sum::<u64>();
        *self = Growth { bytes, ..Growth::of(segments) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Append, Log, LogConfig, NewRecord};

    fn segment(base: u64, store_bytes: u64) -> SegmentInfo {
        let offset = Offset(base);
        SegmentInfo { base_offset: offset, next_offset: offset, store_bytes, index_bytes: 0 }
    }

    #[test]
    fn old_segments_that_go_take_nothing_away() {
        let mut growth = Growth::of(&[segment(0, 100), segment(5, 10)]);
        growth.grow(&[segment(0, 100), segment(5, 30)]);
        assert_eq!(growth.bytes, 20);
        growth.grow(&[segment(5, 50), segment(9, 7)]);
        assert_eq!(growth.bytes, 47);
        growth.grow(&[segment(5, 20)]);
        assert_eq!(growth.bytes, 47, "what was undone is no growth");
    }

    #[test]
    fn a_writer_is_watched_without_its_lock() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = Log::open(dir.path(), LogConfig::default()).expect("a log");
        let mut source = DirectorySource::open(dir.path()).expect("beside it");
        let before = source.sample().expect("a look");
        assert_eq!((before.next, before.health.word), (0, "open"));
        log.append(&Append::new(&[NewRecord::new(b"hello"), NewRecord::new(b"you")])).expect("it");
        let after = source.sample().expect("a look");
        assert_eq!((after.next, after.appended.records), (2, 2));
        assert!(after.appended.bytes > before.appended.bytes, "{after:?}");
        drop(log);
        assert_eq!(source.sample().expect("a look").health.word, "clean");
    }
}
