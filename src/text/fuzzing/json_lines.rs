//! What the fuzzer asks of `append`'s input: it's cut into lines without loss, and each record that
//! is understood comes back from its printed line.

use bytes::Bytes;

use crate::log::Offset;
use crate::log::fuzzing::lend;
use crate::text::decode::{InputFormat, PendingRecord, Place};
use crate::text::json_record;
use crate::text::pieces::{BlockReader, pieces};

/// Takes `bytes` as the standard input of `append --format json` (and of `--format base64`).
///
/// # Panics
/// A property doesn't hold.
pub fn json_lines(bytes: &[u8]) {
    let delimiter = InputFormat::Json.delimiter(None);
    let mut reader = BlockReader::new(bytes, delimiter, InputFormat::Json.max_piece_bytes(1 << 20));
    let mut lines = Vec::new();
    while let Ok(Some(block)) = reader.next_block() {
        lines.extend(pieces(&block, delimiter));
    }
    let mut joined: Vec<u8> = lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
    if !bytes.ends_with(b"\n") {
        joined.pop();
    }
    assert_eq!(joined, bytes, "lines are what they were cut from");
    for line in lines {
        let _ = InputFormat::Base64.decode(line.clone(), Place::default(), None);
        if let Some(record) = decoded(line) {
            comes_back(&record);
        }
    }
}

fn decoded(line: Bytes) -> Option<PendingRecord> {
    match InputFormat::Json.decode(line, Place::default(), None) {
        Ok(record) => Some(record),
        Err(message) => {
            assert!(!message.is_empty(), "no reason given");
            None
        }
    }
}

fn comes_back(record: &PendingRecord) {
    let mut line = Vec::new();
    let new = record.as_new_record(&[]);
    let printed = lend(&new, Offset(5), |lent| json_record::write(&lent, &mut line));
    assert!(printed.is_some_and(|printed| printed.is_ok()), "what is appended can be printed");
    assert_eq!(line.pop(), Some(b'\n'), "a line has an end");
    assert!(!line.contains(&b'\n'), "a record is one line");
    let Some(again) = decoded(line.into()) else { panic!("what is printed is understood") };
    let fields = |record: &PendingRecord| {
        let headers = record.headers.clone().unwrap_or_default();
        let (value, key) = (record.value.clone(), record.key.clone());
        (value, key, headers, record.timestamp_us, record.record_type)
    };
    assert_eq!(fields(&again), fields(record), "a record comes back as it was");
}
