//! What the fuzzer asks of `read`: any template prints or is refused, and any text can be printed;
//! any place leads into the log.

use crate::log::fuzzing::{headers, lend};
use crate::log::{NewRecord, Offset};
use crate::text::format::RecordFormat;
use crate::text::offset_spec::OffsetSpec;
use crate::text::read_range::resolve;
use crate::text::template::Template;
use crate::text::testing::Tens;

/// Takes `bytes` as the value of `read --format`, and prints a record by it.
///
/// # Panics
/// A property doesn't hold.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(format) = RecordFormat::parse(text) {
        // No part of a template prints more than this of the record below.
        const LONGEST_PART: usize = 100;
        let printed = printed(|record, out| format.write(record, b'\n', out));
        assert!(printed.len() <= LONGEST_PART * (text.len() + 1), "more than there is");
    }
    let escaped = text.replace('%', "%%").replace('\\', "\\\\") + "\\c";
    let Ok(template) = Template::parse(&escaped) else { panic!("{escaped:?} is a template") };
    let printed = printed(|record, out| template.write(record, b'\n', out));
    assert_eq!(printed, bytes, "a text prints as it is");
}

fn printed(
    write: impl FnOnce(&crate::log::RecordRef<'_>, &mut Vec<u8>) -> std::io::Result<()>,
) -> Vec<u8> {
    let headers = headers("colour", b"\xFFblue");
    let record = NewRecord {
        key: Some(b"key"),
        headers: &headers,
        timestamp_us: Some(u64::MAX),
        ..NewRecord::new(b"a value\n\0\xFE")
    };
    let mut out = Vec::new();
    let written = lend(&record, Offset(u64::MAX), |lent| write(&lent, &mut out));
    assert!(written.is_some_and(|written| written.is_ok()), "a Vec takes all");
    out
}

/// Looks for a place in a log from 10 up to 20, which has a record a second.
pub(super) fn place(spec: OffsetSpec) {
    let log = Tens { us_apart: 1_000_000 };
    for follow in [false, true] {
        if let Ok(range) = resolve(spec, &log, follow, 30_000_000) {
            assert!((10..=20).contains(&range.from.0), "{spec:?} starts outside of the log");
        }
    }
}
