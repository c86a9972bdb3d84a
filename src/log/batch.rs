//! Batches: as a caller hands one over, and as one that waits for its turn is kept.

use std::ops::Range;

use super::headers::Header;
use super::offset::Offset;
use super::record::NewRecord;

/// One batch: its records get offsets without a gap, and readers see all of them or none. Only a crash
/// before it's acknowledged can leave some first ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Append<'a> {
    /// The records, at least one.
    pub records: &'a [NewRecord<'a>],
    /// Append only if the first record would get this offset.
    pub expected_offset: Option<Offset>,
    /// Raft term; 0 in a stand-alone log.
    pub term: u64,
}

impl<'a> Append<'a> {
    /// A batch without conditions.
    #[must_use]
    pub const fn new(records: &'a [NewRecord<'a>]) -> Self {
        Append { records, expected_offset: None, term: 0 }
    }

    /// A copy that owns its bytes.
    pub(super) fn to_waiting(self) -> WaitingBatch {
        let mut batch = WaitingBatch {
            bytes: Vec::with_capacity(self.records.iter().map(content_bytes).sum()),
            records: Vec::with_capacity(self.records.len()),
            expected_offset: self.expected_offset,
            term: self.term,
        };
        for record in self.records {
            let value = batch.keep(record.value);
            let key = record.key.map(|key| batch.keep(key));
            batch.records.push(WaitingRecord {
                value,
                key,
                headers: record.headers.to_vec(),
                timestamp_us: record.timestamp_us,
                record_type: record.record_type,
            });
        }
        batch
    }
}

/// What of a record is kept back to back.
fn content_bytes(record: &NewRecord<'_>) -> usize {
    record.value.len() + record.key.map_or(0, <[u8]>::len)
}

/// A batch of another thread, kept until a leader writes it.
#[derive(Debug)]
pub(super) struct WaitingBatch {
    /// Values and keys, back to back.
    bytes: Vec<u8>,
    records: Vec<WaitingRecord>,
    pub(super) expected_offset: Option<Offset>,
    pub(super) term: u64,
}

#[derive(Debug)]
struct WaitingRecord {
    value: Range<usize>,
    key: Option<Range<usize>>,
    headers: Vec<Header>,
    timestamp_us: Option<u64>,
    record_type: u32,
}

impl WaitingBatch {
    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// About how much memory the batch takes while it waits.
    pub(super) fn memory_bytes(&self) -> u64 {
        let headers = self.records.iter().flat_map(|record| &record.headers);
        let headers: usize = headers
            .map(|header| size_of::<Header>() + header.name.len() + header.value.len())
            .sum();
        let records = self.records.len() * size_of::<WaitingRecord>();
        (size_of::<WaitingBatch>() + self.bytes.len() + records + headers) as u64
    }

    pub(super) fn records(&self) -> impl ExactSizeIterator<Item = NewRecord<'_>> + Clone {
        self.records.iter().map(|record| NewRecord {
            value: &self.bytes[record.value.clone()],
            key: record.key.clone().map(|key| &self.bytes[key]),
            headers: &record.headers,
            timestamp_us: record.timestamp_us,
            record_type: record.record_type,
        })
    }
}
