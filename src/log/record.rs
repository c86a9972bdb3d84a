//! What a caller appends and what a reader gets back.

use super::headers::{Header, Headers};
use super::offset::{Offset, Position};

/// The record type of ordinary data. The Go original's Raft log uses others.
pub const TYPE_DATA: u32 = 0;

/// The record type `repair` writes in place of a record that was lost, so that offsets stay dense.
///
/// Such a record has no value. Reading it by offset answers [`LogError::Lost`](super::LogError::Lost),
/// and a scan passes over it.
pub const TYPE_LOST: u32 = 0x4C4F_5354;

/// A record to be appended. Everything is borrowed: the log copies it once, into its write buffer.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewRecord<'a> {
    /// The record itself, any bytes, also none.
    pub value: &'a [u8],
    /// An optional key; an empty key is not the same as no key.
    pub key: Option<&'a [u8]>,
    /// Headers in the order to keep.
    pub headers: &'a [Header],
    /// Unix microseconds; `None` takes the time of the append. It is raised to the timestamp of the
    /// record before if it is less, since timestamps never go back.
    pub timestamp_us: Option<u64>,
    /// [`TYPE_DATA`] unless a consensus layer says otherwise.
    pub record_type: u32,
}

impl<'a> NewRecord<'a> {
    /// A record with a value and nothing else.
    #[must_use]
    pub const fn new(value: &'a [u8]) -> Self {
        NewRecord { value, key: None, headers: &[], timestamp_us: None, record_type: TYPE_DATA }
    }

    /// Value, key and encoded headers together, in bytes: what the limit on records is about.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        super::frame::record_bytes(self)
    }
}

/// A record in the log, with its bytes its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The record itself.
    pub value: Vec<u8>,
    /// Its offset.
    pub offset: Offset,
    /// The Raft term under which it was appended; 0 in a stand-alone log.
    pub term: u64,
    /// [`TYPE_DATA`], or a type of the consensus layer that wrote it.
    pub record_type: u32,
    /// Append time in Unix microseconds; `None` for records of the Go original, which had none.
    pub timestamp_us: Option<u64>,
    /// The key, if there is one.
    pub key: Option<Vec<u8>>,
    /// The headers, in order.
    pub headers: Vec<Header>,
}

/// A record as it lies in a read buffer: valid, checked, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    /// The record itself.
    pub value: &'a [u8],
    /// Its offset.
    pub offset: Offset,
    /// The Raft term under which it was appended.
    pub term: u64,
    /// [`TYPE_DATA`], or another type.
    pub record_type: u32,
    /// Append time in Unix microseconds, if the writer knew of timestamps.
    pub timestamp_us: Option<u64>,
    /// The key, if there is one.
    pub key: Option<&'a [u8]>,
    /// The headers, still encoded.
    pub headers: Headers<'a>,
    /// How many records right before this one were not known to be on the device when it was written.
    pub unsynced: u32,
    /// The CRC-32C of the frame; `None` for records of the Go original, which had none.
    pub checksum: Option<u32>,
    /// Base offset of the segment.
    pub segment: Offset,
    /// Where its frame starts in the store.
    pub position: Position,
    /// Length of its frame in bytes, length prefix included.
    pub frame_bytes: u64,
}

impl RecordRef<'_> {
    /// A copy that owns its bytes.
    #[must_use]
    pub fn to_record(&self) -> Record {
        Record {
            value: self.value.to_vec(),
            offset: self.offset,
            term: self.term,
            record_type: self.record_type,
            timestamp_us: self.timestamp_us,
            key: self.key.map(<[u8]>::to_vec),
            headers: self
                .headers
                .iter()
                .map(|(name, value)| Header { name: name.to_owned(), value: value.to_vec() })
                .collect(),
        }
    }
}
