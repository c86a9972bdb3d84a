//! What the fuzzer asks of frames, and frames made to measure for those who ask more.

use super::error::CorruptReason;
use super::frame::{self, PREFIX_BYTES, Stamp};
use super::headers::Header;
use super::offset::Offset;
use super::record::{NewRecord, Record, RecordRef, TYPE_LOST};

/// Takes `bytes` as a whole frame, as a payload of the Go original, and as one of ours whose
/// checksum holds: whatever decodes has to be what a writer would have written.
///
/// # Panics
/// A property doesn't hold.
pub fn frame(bytes: &[u8]) {
    check(bytes);
    check(&with_prefix(bytes));
    let sealed = sealed(bytes);
    check(&sealed);
    let is_ours =
        |record: &RecordRef<'_>| record.checksum.is_some() && record.timestamp_us.is_some();
    if frame::decode(&sealed).as_ref().is_ok_and(is_ours) {
        no_flipped_bit_passes(&sealed);
    }
}

fn with_prefix(payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u64).to_be_bytes().to_vec();
    frame.extend_from_slice(payload);
    frame
}

/// A frame of ours around these fields, so that the fuzzer needn't guess checksums.
fn sealed(fields: &[u8]) -> Vec<u8> {
    let mut frame = with_prefix(&[fields, &[0x7D, 0, 0, 0, 0]].concat());
    let covered = frame.len() - 4;
    let checksum = super::checksum::of(&frame[..covered]);
    frame[covered..].copy_from_slice(&checksum.to_le_bytes());
    frame
}

fn check(bytes: &[u8]) {
    let Ok(record) = frame::decode(bytes) else { return };
    assert_eq!(record.frame_bytes, bytes.len() as u64, "a frame's length");
    // The length prefix is for the reader of the store to compare.
    if !frame::has_length(bytes, bytes.len() as u64) {
        return;
    }
    let again = match (record.checksum, record.timestamp_us) {
        (Some(_), Some(timestamp_us)) => encoded(&record, timestamp_us),
        // A checksum that holds and no timestamp: only a forger's, and no harm.
        (Some(_), None) => return,
        (None, _) => encoded_unchecksummed(&record),
    };
    assert_eq!(again, bytes, "what decodes is what encodes");
    a_search_finds(bytes, &record);
}

fn encoded(record: &RecordRef<'_>, timestamp_us: u64) -> Vec<u8> {
    let (owned, mut buffer) = (record.to_record(), Vec::new());
    let stamp =
        Stamp { offset: record.offset, term: record.term, timestamp_us, unsynced: record.unsynced };
    let new = as_new(&owned);
    frame::encode(&mut buffer, &new, &stamp);
    let limit = frame::record_bytes(&new) + frame::MAX_OVERHEAD_BYTES;
    assert!((buffer.len() as u64 - PREFIX_BYTES) <= limit, "more overhead than allowed for");
    assert!(buffer.len() as u64 >= frame::MIN_FRAME_BYTES, "shorter than the shortest");
    buffer
}

fn encoded_unchecksummed(record: &RecordRef<'_>) -> Vec<u8> {
    let (owned, mut buffer) = (record.to_record(), Vec::new());
    frame::encode_unchecksummed(&mut buffer, &as_new(&owned), record.offset, record.term);
    buffer
}

fn as_new(record: &Record) -> NewRecord<'_> {
    NewRecord {
        value: &record.value,
        key: record.key.as_deref(),
        headers: &record.headers,
        timestamp_us: record.timestamp_us,
        record_type: record.record_type,
    }
}

/// The quick tests, by which a search passes over bytes, never pass over a sound frame.
fn a_search_finds(bytes: &[u8], record: &RecordRef<'_>) {
    if let Some(head) = bytes.get(..frame::HEAD_BYTES) {
        assert!(frame::may_start_with(head), "a search would miss it");
    }
    let end_of_value = frame::end_of_value(bytes);
    if record.value.is_empty() {
        assert_eq!(end_of_value, None, "there is no value");
    } else {
        let end = end_of_value.and_then(|end| usize::try_from(end).ok()).unwrap_or(0);
        assert!(bytes[..end].ends_with(record.value), "a value's end");
        if record.checksum.is_none() {
            assert!(frame::is_unchecksummed_tail(&bytes[end..]), "a tail of the Go original");
        }
    }
    let is_mark = record.record_type == TYPE_LOST
        && record.value.is_empty()
        && record.key.is_none()
        && record.headers.is_empty();
    if is_mark && let Some(prefix) = bytes.get(..PREFIX_BYTES as usize) {
        assert!(frame::may_be_mark(prefix), "a mark would be missed");
    }
}

/// Some 64 of the frame's bits, spread evenly.
fn no_flipped_bit_passes(sealed: &[u8]) {
    let n_bits = sealed.len() * 8;
    let mut flipped = sealed.to_vec();
    for bit in (0..n_bits).step_by((n_bits / 64).max(1)) {
        flipped[bit / 8] ^= 1 << (bit % 8);
        let decoded = frame::decode(&flipped);
        assert!(decoded.is_err(), "bit {bit} of {} is not missed", sealed.len());
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Lends `record` as if it had been read at `offset` of a log.
pub(crate) fn lend<T>(
    record: &NewRecord<'_>,
    offset: Offset,
    take: impl FnOnce(RecordRef<'_>) -> T,
) -> Option<T> {
    let timestamp_us = record.timestamp_us.unwrap_or(0);
    let stamp = Stamp { offset, term: 0, timestamp_us, unsynced: 0 };
    let mut buffer = Vec::new();
    frame::encode(&mut buffer, record, &stamp);
    let lent = frame::decode(&buffer).ok()?;
    Some(take(RecordRef { timestamp_us: record.timestamp_us, ..lent }))
}

/// Appends a frame of ours, or without `unsynced` one of the Go original.
pub(crate) fn put_frame(
    store: &mut Vec<u8>,
    record: &NewRecord<'_>,
    offset: Offset,
    unsynced: Option<u32>,
) {
    let timestamp_us = record.timestamp_us.unwrap_or(0);
    match unsynced {
        Some(unsynced) => {
            frame::encode(store, record, &Stamp { offset, term: 0, timestamp_us, unsynced });
        }
        None => frame::encode_unchecksummed(store, record, offset, 0),
    }
}

/// The records with a checksum that stand one behind the other from the start of a store on, the
/// first at `base`.
pub(crate) fn checksummed_beginning(store: &[u8], base: Offset) -> Vec<Record> {
    let (mut records, mut position, mut expected): (Vec<Record>, usize, _) = (vec![], 0, base);
    while let Some(record) = checksummed_at(&store[position..]) {
        if record.offset != expected {
            break;
        }
        position += record.frame_bytes as usize;
        expected = expected.next();
        records.push(record.to_record());
    }
    records
}

/// Up to where records were on the device, as the intact one of ours at the start of `bytes` says.
pub(crate) fn vouched_by(bytes: &[u8]) -> Option<Offset> {
    let record = checksummed_at(bytes)?;
    Some(Offset(record.offset.0.saturating_sub(u64::from(record.unsynced))))
}

fn checksummed_at(bytes: &[u8]) -> Option<RecordRef<'_>> {
    let n_bytes = frame::frame_len(*bytes.first_chunk()?).ok()?;
    let frame = bytes.get(..usize::try_from(n_bytes).ok()?)?;
    let record: Result<_, CorruptReason> = frame::decode(frame);
    record.ok().filter(|record| record.checksum.is_some())
}

/// Headers for a frame made to measure.
pub(crate) fn headers(name: &str, value: &[u8]) -> Vec<Header> {
    vec![Header { name: name.to_owned(), value: value.to_vec() }]
}
