//! One record's bytes: length prefix, protobuf payload, checksum.
//!
//! `docs/format.md`, "Store", is the law. Encoding is canonical: fields ascend, zero values are left
//! out, numbers take as few bytes as they can. Decoding accepts nothing else, so that a damaged
//! frame of ours can't pass as one of the Go original, which had no checksum.
//!
//! Invariant: bytes that [`decode`] accepts are the bytes that some writer produced, up to the
//! strength of CRC-32C where a checksum is there.

use super::checksum;
use super::error::CorruptReason;
use super::headers::{self, Headers};
use super::offset::{Offset, Position};
use super::plant::{Plant, is_planted};
use super::protobuf::{Fields, bytes_field_len, put_bytes, put_number, varint_len};
use super::record::{NewRecord, RecordRef};

/// Bytes of the length prefix.
pub(super) const PREFIX_BYTES: u64 = 8;

/// Bytes of the checksum's value, at the end of a payload.
const CHECKSUM_BYTES: usize = 4;

/// The shortest frame of ours: prefix, timestamp, checksum.
pub(super) const MIN_FRAME_BYTES: u64 = 8 + 9 + 5;

/// Room for the fields beside value, key and headers: their tags and numbers, at their longest.
pub(super) const MAX_OVERHEAD_BYTES: u64 = 128;

/// The longest payload that any writer can have produced.
pub(super) const MAX_PAYLOAD_BYTES: u64 =
    super::config::MAX_RECORD_BYTES_LIMIT + MAX_OVERHEAD_BYTES;

const TAG_VALUE: u8 = 0x0A;
const TAG_OFFSET: u8 = 0x10;
const TAG_TERM: u8 = 0x18;
const TAG_TYPE: u8 = 0x20;
const TAG_TIMESTAMP: u8 = 0x29;
const TAG_UNSYNCED: u8 = 0x30;
const TAG_KEY: u8 = 0x3A;
const TAG_HEADER: u8 = 0x42;
pub(super) const TAG_CRC: u8 = 0x7D;

/// What the log adds to a record when it writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) offset: Offset,
    pub(super) term: u64,
    pub(super) timestamp_us: u64,
    pub(super) unsynced: u32,
}

/// How many bytes of the record limit a record takes: value, key and encoded headers.
pub(super) fn record_bytes(record: &NewRecord<'_>) -> u64 {
    let headers: usize =
        record.headers.iter().map(|header| bytes_field_len(headers::encoded_len(header))).sum();
    (record.value.len() + record.key.map_or(0, <[u8]>::len) + headers) as u64
}

/// Appends the frame of `record` to `buffer`.
pub(super) fn encode(buffer: &mut Vec<u8>, record: &NewRecord<'_>, stamp: &Stamp) {
    let start = buffer.len();
    buffer.reserve((PREFIX_BYTES + record_bytes(record) + MAX_OVERHEAD_BYTES) as usize);
    buffer.extend_from_slice(&[0; PREFIX_BYTES as usize]);
    put_content(buffer, record, stamp.offset, stamp.term);
    buffer.push(TAG_TIMESTAMP);
    buffer.extend_from_slice(&stamp.timestamp_us.to_le_bytes());
    put_number(buffer, TAG_UNSYNCED, u64::from(stamp.unsynced));
    if let Some(key) = record.key {
        put_bytes(buffer, TAG_KEY, key);
    }
    for header in record.headers {
        headers::encode(buffer, TAG_HEADER, header);
    }
    buffer.push(TAG_CRC);
    put_prefix(&mut buffer[start..], CHECKSUM_BYTES);
    let checksum = checksum::of(&buffer[start..]);
    buffer.extend_from_slice(&checksum.to_le_bytes());
}

/// The fields that the Go original has, too.
#[inline]
fn put_content(buffer: &mut Vec<u8>, record: &NewRecord<'_>, offset: Offset, term: u64) {
    if !record.value.is_empty() {
        put_bytes(buffer, TAG_VALUE, record.value);
    }
    put_number(buffer, TAG_OFFSET, offset.0);
    put_number(buffer, TAG_TERM, term);
    put_number(buffer, TAG_TYPE, u64::from(record.record_type));
}

/// Puts the length of the payload in front of it, which lacks `n_missing` bytes.
#[inline]
fn put_prefix(frame: &mut [u8], n_missing: usize) {
    let payload_len = frame.len() + n_missing - PREFIX_BYTES as usize;
    frame[..PREFIX_BYTES as usize].copy_from_slice(&(payload_len as u64).to_be_bytes());
}

/// Appends the frame that the Go original would have written.
pub(super) fn encode_unchecksummed(
    buffer: &mut Vec<u8>,
    record: &NewRecord<'_>,
    offset: Offset,
    term: u64,
) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; PREFIX_BYTES as usize]);
    put_content(buffer, record, offset, term);
    put_prefix(&mut buffer[start..], 0);
}

/// Reads a length prefix: the length of the whole frame, prefix included.
///
/// # Errors
/// The length is more than any writer can have produced.
#[inline]
pub(super) fn frame_len(prefix: [u8; 8]) -> Result<u64, CorruptReason> {
    let length = u64::from_be_bytes(prefix);
    if length > MAX_PAYLOAD_BYTES {
        return Err(CorruptReason::BadLength { length });
    }
    Ok(PREFIX_BYTES + length)
}

/// Whether the length prefix of `frame` says that it is `n_bytes` long, prefix included.
pub(super) fn has_length(frame: &[u8], n_bytes: u64) -> bool {
    frame.first_chunk().is_some_and(|prefix| frame_len(*prefix) == Ok(n_bytes))
}

/// Decodes and checks one whole frame, prefix included. `segment` and `position` are left at 0.
///
/// Whether the offset is the expected one is for the caller to say.
///
/// # Errors
/// Why the bytes are not a record.
#[inline]
pub(super) fn decode(frame: &[u8]) -> Result<RecordRef<'_>, CorruptReason> {
    let payload = frame
        .get(PREFIX_BYTES as usize..)
        .ok_or(CorruptReason::Truncated { needed: PREFIX_BYTES, available: frame.len() as u64 })?;
    let mut record = match parse(payload) {
        Ok(record) => record,
        // A payload that ends like one of ours is better reported as a wrong checksum, which is what
        // a flipped bit is, than by where the parser happened to stumble.
        Err(reason) => return Err(checksum_mismatch(frame).unwrap_or(reason)),
    };
    match record.checksum {
        Some(_) => {
            if let Some(mismatch) = checksum_mismatch(frame) {
                return Err(mismatch);
            }
        }
        None if record.timestamp_us.is_some() || record.unsynced != 0 || record.key.is_some() => {
            return Err(CorruptReason::NoChecksum);
        }
        None if !record.headers.is_empty() || hides_a_checksum(frame) => {
            return Err(CorruptReason::NoChecksum);
        }
        None => {}
    }
    record.frame_bytes = frame.len() as u64;
    Ok(record)
}

/// That the checksum at the end of the frame isn't that of the bytes before it.
#[inline]
fn checksum_mismatch(frame: &[u8]) -> Option<CorruptReason> {
    let (covered, stored) = split_checksum(frame)?;
    let computed = checksum::of(covered);
    let differs = computed != stored && !is_planted(Plant::Checksum);
    differs.then_some(CorruptReason::Checksum { stored, computed })
}

/// The bytes that a checksum covers and the checksum, if the frame ends in one.
#[inline]
fn split_checksum(frame: &[u8]) -> Option<(&[u8], u32)> {
    let (covered, stored) = frame.split_last_chunk::<4>()?;
    if covered.len() <= PREFIX_BYTES as usize || covered.last() != Some(&TAG_CRC) {
        return None;
    }
    Some((covered, u32::from_le_bytes(*stored)))
}

/// Whether a payload that parses without a checksum is one of ours with a flipped bit in the length
/// of its value, which then swallows all other fields.
///
/// That can look like a record of the Go original only at offset 0, where the offset field is left
/// out. Undoing each possible flip shows whether a checksum then holds.
fn hides_a_checksum(frame: &[u8]) -> bool {
    let Some((covered, stored)) = split_checksum(frame) else { return false };
    let first_length_byte = PREFIX_BYTES as usize + 1;
    let last_length_byte = (first_length_byte + 5).min(covered.len());
    let mut candidate = covered.to_vec();
    (first_length_byte..last_length_byte).any(|at| {
        (0..8).any(|bit| {
            candidate[at] ^= 1 << bit;
            let holds = checksum::of(&candidate) == stored;
            candidate[at] ^= 1 << bit;
            holds
        })
    })
}

/// Reads the fields of a payload, strictly: each at most once, in their order. Does not compare the
/// checksum.
#[inline]
fn parse(payload: &[u8]) -> Result<RecordRef<'_>, CorruptReason> {
    let mut record = empty_record();
    let mut fields = Fields { rest: payload };
    if fields.take_tag(TAG_VALUE) {
        record.value = fields.bytes_not_empty()?;
    }
    if fields.take_tag(TAG_OFFSET) {
        record.offset = Offset(fields.number_not_zero()?);
    }
    if fields.take_tag(TAG_TERM) {
        record.term = fields.number_not_zero()?;
    }
    if fields.take_tag(TAG_TYPE) {
        record.record_type = fields.number_32()?;
    }
    if fields.take_tag(TAG_TIMESTAMP) {
        record.timestamp_us = Some(u64::from_le_bytes(fields.fixed()?));
    }
    if fields.take_tag(TAG_UNSYNCED) {
        record.unsynced = fields.number_32()?;
    }
    if fields.take_tag(TAG_KEY) {
        record.key = Some(fields.bytes()?);
    }
    record.headers = parse_headers(&mut fields)?;
    if fields.take_tag(TAG_CRC) {
        record.checksum = Some(u32::from_le_bytes(fields.fixed()?));
    }
    match fields.rest.first() {
        None => Ok(record),
        Some(tag) => Err(why_not_a_field(*tag, record.checksum.is_some())),
    }
}

/// Takes the run of header fields.
#[inline]
fn parse_headers<'a>(fields: &mut Fields<'a>) -> Result<Headers<'a>, CorruptReason> {
    let run = fields.rest;
    while fields.take_tag(TAG_HEADER) {
        headers::check(fields.bytes()?)?;
    }
    Ok(Headers::encoded(&run[..run.len() - fields.rest.len()]))
}

/// Why `tag` can't stand where it does.
#[cold]
fn why_not_a_field(tag: u8, is_behind_checksum: bool) -> CorruptReason {
    const KNOWN: [u8; 9] = [
        TAG_VALUE,
        TAG_OFFSET,
        TAG_TERM,
        TAG_TYPE,
        TAG_TIMESTAMP,
        TAG_UNSYNCED,
        TAG_KEY,
        TAG_HEADER,
        TAG_CRC,
    ];
    CorruptReason::Malformed(match tag {
        _ if is_behind_checksum => "bytes behind the checksum",
        tag if KNOWN.contains(&tag) => "fields out of order",
        _ => "unknown field",
    })
}

#[inline]
fn empty_record<'a>() -> RecordRef<'a> {
    RecordRef {
        value: &[],
        offset: Offset(0),
        term: 0,
        record_type: 0,
        timestamp_us: None,
        key: None,
        headers: Headers::encoded(&[]),
        unsynced: 0,
        checksum: None,
        segment: Offset(0),
        position: Position(0),
        frame_bytes: 0,
    }
}

/// Bytes at the start of a frame that [`may_start_with`] looks at: the prefix and the first tag.
pub(super) const HEAD_BYTES: usize = PREFIX_BYTES as usize + 1;

/// Whether `head`, [`HEAD_BYTES`] long, can be the start of a frame. Quick to say no.
pub(super) fn may_start_with(head: &[u8]) -> bool {
    let Some((prefix, rest)) = head.split_first_chunk::<8>() else { return false };
    let length = u64::from_be_bytes(*prefix);
    if !(2..=MAX_PAYLOAD_BYTES).contains(&length) {
        return false;
    }
    matches!(
        rest.first(),
        Some(
            &(TAG_VALUE | TAG_OFFSET | TAG_TERM | TAG_TYPE | TAG_TIMESTAMP | TAG_KEY | TAG_HEADER)
        )
    )
}

/// Whether a frame with this length prefix is short enough to be a mark for a lost record, which has
/// numbers only.
#[inline]
pub(super) fn may_be_mark(prefix: &[u8]) -> bool {
    const LONGEST_MARK_PAYLOAD: u64 = 11 + 11 + 6 + 9 + 6 + 5;
    prefix.first_chunk().is_some_and(|prefix| u64::from_be_bytes(*prefix) <= LONGEST_MARK_PAYLOAD)
}

/// Where the value of the frame that starts with `head` ends, counted from the start of the frame,
/// if the frame's length and the value's don't contradict each other.
pub(super) fn end_of_value(head: &[u8]) -> Option<u64> {
    let (prefix, payload) = head.split_first_chunk::<8>()?;
    let frame_len = frame_len(*prefix).ok()?;
    let (&TAG_VALUE, rest) = payload.split_first()? else { return None };
    let value_len = Fields { rest }.varint().ok()?;
    let end = (PREFIX_BYTES + 1 + varint_len(value_len) as u64).checked_add(value_len)?;
    (end <= frame_len).then_some(end)
}

/// The most that the fields behind the value take in a frame of the Go original: offset and term up
/// to 11 bytes each, the type up to 6.
pub(super) const MAX_UNCHECKSUMMED_TAIL_BYTES: u64 = 11 + 11 + 6;

/// Whether `tail`, the fields behind a value, is what the Go original writes there.
pub(super) fn is_unchecksummed_tail(tail: &[u8]) -> bool {
    parse(tail).is_ok_and(|record| {
        let is_ours = record.timestamp_us.is_some() || record.checksum.is_some();
        !is_ours && record.value.is_empty() && record.key.is_none() && record.headers.is_empty()
    })
}

#[cfg(test)]
mod tests;
