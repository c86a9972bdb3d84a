//! Lines that are printed parse back to what they were, and bad lines are refused with a reason.

use proptest::prelude::*;

use super::*;
use crate::log::{Header, RecordRef, TYPE_LOST};
use crate::text::testing;

fn print(record: &RecordRef<'_>) -> String {
    let mut line = Vec::new();
    write(record, &mut line).expect("a Vec takes all");
    String::from_utf8(line).expect("JSON is UTF-8")
}

fn record<'a>(value: &'a [u8], key: Option<&'a [u8]>) -> RecordRef<'a> {
    RecordRef { timestamp_us: Some(1_795_484_579_123_456), ..testing::record(value, key) }
}

fn parsed(line: &str) -> ParsedRecord {
    parse(line.as_bytes()).expect(line)
}

fn refused(line: &str) -> String {
    parse(line.as_bytes()).expect_err(line)
}

#[test]
fn text_is_readable_and_bytes_are_base64() {
    let time = "2026-11-24T01:42:59.123456Z";
    assert_eq!(
        print(&record(b"hello \"you\"", None)),
        format!("{{\"offset\":5,\"timestamp\":\"{time}\",\"text\":\"hello \\\"you\\\"\"}}\n")
    );
    let binary = RecordRef { term: 2, record_type: 7, ..record(b"\xFF", Some(b"\xFE")) };
    assert_eq!(
        print(&binary),
        format!(
            "{{\"offset\":5,\"timestamp\":\"{time}\",\"term\":2,\"type\":7,\"key\":{{\"value\":\"/g==\"}},\"value\":\"/w==\"}}\n"
        )
    );
    let timeless = RecordRef { timestamp_us: None, ..record(b"", Some(b"")) };
    assert_eq!(print(&timeless), "{\"offset\":5,\"key\":\"\",\"text\":\"\"}\n");
}

#[test]
fn headers_are_a_list_or_an_object() {
    let list =
        parsed(r#"{"text":"x","headers":[{"name":"a","text":"1"},{"name":"a","value":"/w=="}]}"#);
    let header = |name: &str, value: &[u8]| Header { name: name.into(), value: value.into() };
    assert_eq!(list.headers, Some(vec![header("a", b"1"), header("a", b"\xFF")]));
    let object = parsed(r#"{"text":"x","headers":{"b":"2","a":"1"}}"#);
    assert_eq!(object.headers, Some(vec![header("b", b"2"), header("a", b"1")]));
}

#[test]
fn what_the_log_gives_is_ignored_and_the_rest_is_kept() {
    let record = parsed(
        r#" {"offset":9,"term":3,"type":7,"timestamp":12,"key":{"value":"/w=="},"value":"aGk="} "#,
    );
    assert_eq!(record.value, b"hi");
    assert_eq!(record.key.as_deref(), Some(b"\xFF".as_slice()));
    assert_eq!((record.timestamp_us, record.record_type), (Some(12), 7));
    assert_eq!(
        parsed(r#"{"text":"","timestamp":"1970-01-01T00:00:01Z"}"#).timestamp_us,
        Some(1_000_000)
    );
}

#[test]
fn bad_lines_are_refused_with_a_reason() {
    for (line, said) in [
        ("", "empty"),
        (" \t", "empty"),
        ("{", "EOF"),
        ("{} x", "neither"),
        ("[1]", "invalid"),
        ("{}", "neither"),
        (r#"{"value":null}"#, "neither"),
        (r#"{"text":"a","value":"YQ=="}"#, "both"),
        (r#"{"text":"a","text":"b"}"#, "duplicate field `text`"),
        (r#"{"txt":"a"}"#, "unknown field `txt`"),
        (r#"{"text":1}"#, "expected a string"),
        (r#"{"value":"a"}"#, "not base64"),
        (r#"{"value":"YQ"}"#, "not base64"),
        (r#"{"text":"a","key":1}"#, "as the key"),
        (r#"{"text":"a","key":{"value":"!"}}"#, "key: `value` is not base64"),
        (r#"{"text":"a","key":{}}"#, "key: has neither"),
        (r#"{"text":"a","headers":[{"text":"a"}]}"#, "missing field `name`"),
        (r#"{"text":"a","headers":[{"name":"a"}]}"#, "header `a`: has neither"),
        (r#"{"text":"a","headers":{"a":"1","a":"2"}}"#, "comes twice"),
        (r#"{"text":"a","headers":"a"}"#, "as the headers"),
        (r#"{"text":"a","timestamp":-1}"#, "as the timestamp"),
        (r#"{"text":"a","timestamp":"noon"}"#, "not a time"),
        (r#"{"text":"a","type":-1}"#, "invalid value"),
    ] {
        let message = refused(line);
        let expected = if line == "{} x" { "trailing characters" } else { said };
        assert!(message.contains(expected), "{line}: {message}");
        assert!(!message.contains("at line"), "{line}: {message}");
    }
    assert!(refused(&format!(r#"{{"text":"a","type":{TYPE_LOST}}}"#)).contains("reserved"));
    assert!(parse(b"{\"text\":\"\xFF\"}").expect_err("no UTF-8").contains("byte 10"));
}

proptest! {
    #[test]
    fn any_record_goes_out_and_in_without_loss(
        value in proptest::collection::vec(any::<u8>(), 0..40),
        text in ".*",
        key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..4)),
        timestamp_us in proptest::option::of(any::<u64>()),
        record_type in 0..100_u32,
    ) {
        for bytes in [value.as_slice(), text.as_bytes()] {
            let record = RecordRef { timestamp_us, record_type, ..record(bytes, key.as_deref()) };
            let line = parse(print(&record).as_bytes()).expect("what is printed parses");
            prop_assert_eq!(&line.value, bytes);
            prop_assert_eq!(&line.key, &key);
            prop_assert_eq!(line.timestamp_us, timestamp_us);
            prop_assert_eq!(line.record_type, record_type);
            prop_assert_eq!(line.headers, None);
        }
    }
}
