//! What tests and the fuzzer ask of text: a record to print, and a log to find places in.

use super::read_range::Extent;
use crate::log::{Headers, LogError, Offset, Position, RecordRef};

/// A log from offset 10 up to 20, each so many microseconds after the one before it.
pub(super) struct Tens {
    pub(super) us_apart: u64,
}

impl Extent for Tens {
    fn lowest(&self) -> Offset {
        Offset(10)
    }

    fn next(&self) -> Offset {
        Offset(20)
    }

    fn at_time(&self, timestamp_us: u64) -> Result<Offset, LogError> {
        Ok(Offset((timestamp_us / self.us_apart).clamp(10, 20)))
    }
}

/// Offset 5, one second after 1970, at position 120.
pub(super) fn record<'a>(value: &'a [u8], key: Option<&'a [u8]>) -> RecordRef<'a> {
    RecordRef {
        value,
        key,
        offset: Offset(5),
        term: 0,
        record_type: 0,
        timestamp_us: Some(1_000_000),
        headers: Headers::default(),
        unsynced: 0,
        checksum: None,
        segment: Offset(0),
        position: Position(120),
        frame_bytes: 0,
    }
}
