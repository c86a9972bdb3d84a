//! A chunk as text: its records as lines, and what is missing where it would have been.

use serde::Serialize;

use crate::service::{Chunk, Missing, Record, ServiceError};
use crate::text::json_record;

/// What stands at a place of the log.
pub(super) enum Entry<'a> {
    Record(&'a Record),
    Missing(&'a Missing),
}

/// Both kinds of entries, by their offsets.
pub(super) fn in_order(chunk: &Chunk) -> impl Iterator<Item = Entry<'_>> {
    let mut missing = chunk.missing.iter().peekable();
    let mut records = chunk.records.iter().peekable();
    std::iter::from_fn(move || {
        let next = records.peek().map(|record| record.offset);
        let is_before = |missing: &&Missing| next.is_none_or(|next| missing.offsets.start < next);
        let gap = missing.next_if(is_before);
        gap.map(Entry::Missing).or_else(|| records.next().map(Entry::Record))
    })
}

/// How much text a chunk makes, roughly; in base64 it is a third more.
pub(super) fn text_bytes(chunk: &Chunk) -> usize {
    chunk.records.iter().map(|record| record.value.len() + 96).sum()
}

/// What a chunk and its text take, roughly: text is as long as what it is of, or a third longer in
/// base64, and both are there for a while.
pub(super) fn answer_bytes(chunk: &Chunk) -> usize {
    2 * chunk.records.iter().map(Record::memory_bytes).sum::<usize>()
}

/// Writes a record as a JSON object.
pub(super) fn write_record(record: &Record, out: &mut Vec<u8>) -> Result<(), ServiceError> {
    json_record::write_object(&record.borrowed(), out)
        .map_err(|error| ServiceError::Internal { message: error.to_string() })
}

/// Writes what is missing as a JSON object: not a record, so that nobody takes it for one.
pub(super) fn write_missing(missing: &Missing, out: &mut Vec<u8>) -> Result<(), ServiceError> {
    let object = MissingObject {
        first_offset: missing.offsets.start.0,
        end_offset: missing.offsets.end.0,
        reason: &missing.reason,
        lost: missing.is_lost,
    };
    serde_json::to_writer(out, &object)
        .map_err(|error| ServiceError::Internal { message: error.to_string() })
}

#[derive(Serialize)]
struct MissingObject<'a> {
    first_offset: u64,
    end_offset: u64,
    reason: &'a str,
    lost: bool,
}
