//! Records as requests own them: their bytes are shared, not copied, on the way through the process.

use bytes::Bytes;

use crate::log::{self, Header, Headers, Offset, Position, RecordRef};

/// What a waiting record costs beside its bytes, so that empty records are bounded, too.
pub(super) const BYTES_PER_RECORD: u64 = 64;

/// A record to be appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// The record itself, any bytes, also none.
    pub value: Bytes,
    /// An optional key; an empty key is not the same as no key.
    pub key: Option<Bytes>,
    /// Headers in the order to keep.
    pub headers: Vec<Header>,
    /// Unix microseconds; `None` takes the time of the append.
    pub timestamp_us: Option<u64>,
    /// 0 unless a consensus layer says otherwise.
    pub record_type: u32,
}

impl NewRecord {
    /// A record with a value and nothing else.
    #[must_use]
    pub fn new(value: impl Into<Bytes>) -> NewRecord {
        NewRecord { value: value.into(), ..NewRecord::default() }
    }

    /// The same record as the log takes it.
    pub(super) fn borrowed(&self) -> log::NewRecord<'_> {
        log::NewRecord {
            key: self.key.as_deref(),
            headers: &self.headers,
            timestamp_us: self.timestamp_us,
            record_type: self.record_type,
            value: &self.value,
        }
    }

    /// Value, key and headers together: what a log's limit on records is about.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.borrowed().content_bytes()
    }

    /// How large it is.
    #[must_use]
    pub fn size(&self) -> BatchSize {
        let content_bytes = self.content_bytes();
        let headers_bytes = (self.headers.len() * size_of::<Header>()) as u64;
        let memory_bytes = content_bytes + BYTES_PER_RECORD + headers_bytes;
        BatchSize { content_bytes, memory_bytes }
    }
}

/// How large records to be appended are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchSize {
    /// Values, keys and headers.
    pub content_bytes: u64,
    /// About what it takes in memory.
    pub memory_bytes: u64,
}

/// Records that are appended together: readers see all of them or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The records, in order; at least one.
    pub records: Vec<NewRecord>,
    /// Append only if the first record would get this offset.
    pub expected_offset: Option<Offset>,
}

impl Batch {
    /// A batch of one record.
    #[must_use]
    pub fn of(record: NewRecord) -> Batch {
        Batch { records: vec![record], expected_offset: None }
    }

    /// How large it is.
    #[must_use]
    pub fn size(&self) -> BatchSize {
        let mut all = BatchSize::default();
        for BatchSize { content_bytes, memory_bytes } in self.records.iter().map(NewRecord::size) {
            all.content_bytes += content_bytes;
            all.memory_bytes += memory_bytes;
        }
        all
    }
}

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its offset.
    pub offset: Offset,
    /// The record itself.
    pub value: Bytes,
    /// The key, if there is one.
    pub key: Option<Bytes>,
    /// The headers, in order.
    pub headers: Vec<Header>,
    /// Append time in Unix microseconds, if the writer knew of timestamps.
    pub timestamp_us: Option<u64>,
    /// The Raft term under which it was appended; 0 in a stand-alone log.
    pub term: u64,
    /// The type of the record; 0 is data.
    pub record_type: u32,
}

impl Record {
    /// About what it takes in memory.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|header| header.name.len() + header.value.len() + size_of::<Header>())
            .sum();
        let key = self.key.as_ref().map_or(0, Bytes::len);
        self.value.len() + key + headers + BYTES_PER_RECORD as usize
    }

    /// Value, key and headers together.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        let headers = self.headers.iter().map(|header| header.name.len() + header.value.len());
        let key = self.key.as_ref().map_or(0, Bytes::len);
        (self.value.len() + key + headers.sum::<usize>()) as u64
    }

    /// The same record as one that lies in a log, though without a place there.
    #[must_use]
    pub fn borrowed(&self) -> RecordRef<'_> {
        RecordRef {
            value: &self.value,
            offset: self.offset,
            term: self.term,
            record_type: self.record_type,
            timestamp_us: self.timestamp_us,
            key: self.key.as_deref(),
            headers: Headers::listed(&self.headers),
            unsynced: 0,
            checksum: None,
            segment: Offset(0),
            position: Position(0),
            frame_bytes: 0,
        }
    }
}

impl From<log::Record> for Record {
    fn from(record: log::Record) -> Record {
        Record {
            offset: record.offset,
            value: record.value.into(),
            key: record.key.map(Bytes::from),
            headers: record.headers,
            timestamp_us: record.timestamp_us,
            term: record.term,
            record_type: record.record_type,
        }
    }
}
