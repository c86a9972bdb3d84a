//! A record to print.

use crate::log::{Headers, Offset, Position, RecordRef};

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
