//! Some records of the log in order, read at one go.

use std::mem;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::record::{BYTES_PER_RECORD, Record};
use crate::log::{Header, Log, LogError, Offset, RecordRef, Scan};

/// How much is read at one go, and what happens at damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLimits {
    /// The first offset that isn't wanted any more, if there is one.
    pub end: Option<Offset>,
    /// Most records; at least 1.
    pub max_records: usize,
    /// Most bytes of values, keys and headers; a single larger record still comes.
    pub max_bytes: usize,
    /// Whether damaged records are left out, and named in [`Chunk::missing`], instead of being an error.
    pub skips_corrupt: bool,
}

/// Records in the order of their offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The records. There may be none though more follow, where all of a stretch is missing.
    pub records: Vec<Record>,
    /// The offsets among them that can't be read any more.
    pub missing: Vec<Missing>,
    /// Where to go on reading.
    pub next: Offset,
}

/// Records that can't be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Their offsets.
    pub offsets: Range<Offset>,
    /// Why, for people.
    pub reason: String,
    /// Whether a repair gave them up; otherwise their bytes are damaged.
    pub is_lost: bool,
}

/// Reads a chunk from `from` on; an empty one at the end of the log.
///
/// Damage behind the first record ends the chunk before it, so that what is intact comes out first.
pub(super) fn read(log: &Log, from: Offset, limits: &ScanLimits) -> Result<Chunk, LogError> {
    let mut scan = log.scan(from)?;
    let mut reading = Reading::new(limits);
    while reading.has_room() && limits.end.is_none_or(|end| scan.position() < end) {
        let wanted = |record: &RecordRef<'_>| limits.end.is_none_or(|end| record.offset < end);
        match scan.next_record() {
            None => break,
            Some(Ok(record)) if !wanted(&record) => {
                reading.next = limits.end;
                break;
            }
            Some(Ok(record)) if !reading.fits(&record) => {
                reading.next = Some(record.offset);
                break;
            }
            Some(Ok(record)) => reading.take(&record),
            Some(Err(_)) if !reading.taken.is_empty() => break,
            Some(Err(LogError::Corrupt(corruption))) if limits.skips_corrupt => {
                let offsets = scan.skip_corrupt()?;
                if offsets.is_empty() {
                    return Err(LogError::Corrupt(corruption));
                }
                reading.miss(offsets, &corruption.to_string(), false);
            }
            Some(Err(error)) => return Err(error),
        }
    }
    Ok(reading.finish(&mut scan))
}

/// A chunk in the making: the bytes of all its records lie in one buffer, which they share at the end.
struct Reading<'a> {
    limits: &'a ScanLimits,
    buffer: BytesMut,
    /// What the records taken hold in memory, headers included.
    n_bytes: usize,
    taken: Vec<Taken>,
    missing: Vec<Missing>,
    /// Where to go on, if that isn't where the scan stands.
    next: Option<Offset>,
}

/// A record whose bytes are in the buffer.
struct Taken {
    record: Record,
    value_bytes: usize,
    key_bytes: Option<usize>,
}

impl<'a> Reading<'a> {
    fn new(limits: &'a ScanLimits) -> Reading<'a> {
        let (buffer, taken, missing) = (BytesMut::new(), Vec::new(), Vec::new());
        Reading { limits, buffer, n_bytes: 0, taken, missing, next: None }
    }

    fn has_room(&self) -> bool {
        self.taken.len() < self.limits.max_records.max(1)
            && self.missing.len() < MAX_MISSING
            && self.n_bytes < self.limits.max_bytes.max(1)
    }

    fn fits(&self, record: &RecordRef<'_>) -> bool {
        self.taken.is_empty() || self.n_bytes + memory_bytes(record) <= self.limits.max_bytes
    }

    fn take(&mut self, record: &RecordRef<'_>) {
        if self.taken.is_empty() {
            let n_expected = (record.frame_bytes as usize).saturating_mul(self.limits.max_records);
            self.buffer.reserve(n_expected.min(self.limits.max_bytes));
        }
        self.n_bytes += memory_bytes(record);
        self.buffer.extend_from_slice(record.value);
        self.buffer.extend_from_slice(record.key.unwrap_or_default());
        let header =
            |(name, value): (&str, &[u8])| Header { name: name.into(), value: value.into() };
        self.taken.push(Taken {
            value_bytes: record.value.len(),
            key_bytes: record.key.map(<[u8]>::len),
            record: Record {
                offset: record.offset,
                value: Bytes::new(),
                key: None,
                headers: record.headers.iter().map(header).collect(),
                timestamp_us: record.timestamp_us,
                term: record.term,
                record_type: record.record_type,
            },
        });
    }

    fn finish(mut self, scan: &mut Scan) -> Chunk {
        let mut bytes = mem::take(&mut self.buffer).freeze();
        let own = |taken: Taken| {
            let Taken { mut record, value_bytes, key_bytes } = taken;
            record.value = bytes.split_to(value_bytes);
            record.key = key_bytes.map(|n_bytes| bytes.split_to(n_bytes));
            record
        };
        let records = mem::take(&mut self.taken).into_iter().map(own).collect();
        let next = self.next.unwrap_or(scan.position());
        for offsets in scan.take_lost() {
            let offsets = offsets.start..offsets.end.min(next);
            self.miss(offsets, "lost to damage and given up by a repair", true);
        }
        self.missing.sort_by_key(|missing| missing.offsets.start);
        Chunk { records, missing: self.missing, next }
    }

    /// Notes what of a range of missing records was asked for.
    fn miss(&mut self, offsets: Range<Offset>, reason: &str, is_lost: bool) {
        let end = self.limits.end.map_or(offsets.end, |end| end.min(offsets.end));
        if offsets.start < end {
            let (offsets, reason) = (offsets.start..end, reason.to_owned());
            self.missing.push(Missing { offsets, reason, is_lost });
        }
    }
}

/// What a record holds in memory, about.
fn memory_bytes(record: &RecordRef<'_>) -> usize {
    let n_headers = record.headers.iter().count();
    record.frame_bytes as usize + BYTES_PER_RECORD as usize + n_headers * size_of::<Header>()
}

/// Most stretches of missing records that one chunk names.
const MAX_MISSING: usize = 1000;
