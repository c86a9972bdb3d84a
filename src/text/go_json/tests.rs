//! What of Go's reading is kept, what is refused, and that any value passes through.

use proptest::prelude::*;

use super::*;

fn value(body: &str) -> Option<Vec<u8>> {
    produce_value(body.as_bytes()).ok().map(Vec::from)
}

fn offset(body: &str) -> Option<u64> {
    consume_offset(body.as_bytes()).ok()
}

#[test]
fn names_match_whatever_their_case() {
    assert_eq!(value(r#"{"RECORD":{"vAlUe":"QUE="}}"#), Some(b"AA".to_vec()));
    for body in
        [r#"{"OFFSET":3}"#, r#"{"off\u017fet":3}"#, r#"{"oFFſEt":3}"#, r#"{"\u006fffset":3}"#]
    {
        assert_eq!(offset(body), Some(3), "{body}");
    }
    assert_eq!(offset(r#"{"0ffset":3}"#), Some(0));
}

#[test]
fn unknown_names_are_passed_over_whatever_they_hold() {
    let body =
        r#"{"x":{"record":[1e999,{"value":5}]},"record":{"x":null,"value":"QUE=","record":[]}}"#;
    assert_eq!(value(body), Some(b"AA".to_vec()));
    assert_eq!(offset(r#"{"record":5,"value":[],"offset":7}"#), Some(7));
    assert_eq!(consume_offset(b"{\"\xff\":\"\xfe\",\"offset\":7}").ok(), Some(7));
    assert_eq!(offset(r#"{"\ud800":"\ud800","offset":7}"#), Some(7));
}

#[test]
fn a_repeated_name_adds_to_what_came_before() {
    assert_eq!(offset(r#"{"offset":1,"OFFSET":2}"#), Some(2));
    assert_eq!(offset(r#"{"offset":1,"offset":null}"#), Some(1));
    for (body, expected) in [
        (r#"{"record":{"value":"QUE="},"record":{"value":"QkI="}}"#, "BB"),
        (r#"{"record":{"value":"QUE="},"record":{"offset":5}}"#, "AA"),
        (r#"{"record":{"value":"QUE="},"record":null}"#, "AA"),
        (r#"{"record":{"value":"QUE=","value":null}}"#, ""),
    ] {
        assert_eq!(value(body), Some(expected.into()), "{body}");
    }
    // A wrong type counts, even if it is replaced later.
    assert_eq!(value(r#"{"record":"x","record":{"value":"QUE="}}"#), None);
}

#[test]
fn null_and_absence_leave_the_zero_value() {
    for body in [r#"{"record":{}}"#, r#"{"record":{"value":null}}"#, r#"{"record":{"value":""}}"#] {
        assert_eq!(value(body), Some(Vec::new()), "{body}");
    }
    assert_eq!(value(r#"{"record":{"offset":null}}"#), Some(Vec::new()));
    assert_eq!(offset("{}"), Some(0));
    assert_eq!(offset(" \t\r\n{ \"offset\" : null } \n"), Some(0));
}

#[test]
fn an_offset_is_an_integer_in_range() {
    assert_eq!(offset(r#"{"offset":18446744073709551615}"#), Some(u64::MAX));
    for bad in [
        "18446744073709551616",
        "-1",
        "-0",
        "1.0",
        "1e0",
        "1.5",
        "01",
        "+1",
        "\"0\"",
        "true",
        "[]",
        "{}",
    ] {
        assert_eq!(offset(&format!("{{\"offset\":{bad}}}")), None, "{bad}");
        assert_eq!(value(&format!("{{\"record\":{{\"offset\":{bad}}}}}")), None, "{bad}");
    }
    assert_eq!(value(r#"{"record":{"value":"QUE=","offset":99}}"#), Some(b"AA".to_vec()));
}

#[test]
fn base64_is_read_as_go_reads_it() {
    for (text, expected) in [
        ("", ""),
        ("YQ==", "a"),
        ("YR==", "a"),
        ("YWJ=", "ab"),
        ("YW\\nJj", "abc"),
        ("\\r\\nYWJj\\r\\n", "abc"),
        ("YQ=\\n=", "a"),
        ("\\u0059Q==", "a"),
        ("Pz8\\/", "???"),
    ] {
        let body = format!("{{\"record\":{{\"value\":\"{text}\"}}}}");
        assert_eq!(value(&body), Some(expected.into()), "{text}");
    }
    for bad in [
        "abc", "YQ", "YQ=", "YQ===", "=", "====", "YQ==YQ==", "-_-_", "!!!!", "YQ ==", "YW\tJj",
        "YWJj*A==",
    ] {
        let body = format!("{{\"record\":{{\"value\":\"{bad}\"}}}}");
        assert_eq!(value(&body), None, "{bad}");
    }
}

#[test]
fn only_one_object_of_the_expected_shape_is_a_body() {
    for bad in [
        "",
        " \n",
        "{",
        "{\"record\":",
        "null",
        "[]",
        "5",
        "true",
        "\"x\"",
        "{}",
        "hello",
        r#"{"record":null}"#,
        r#"{"record":[]}"#,
        r#"{"record":"x"}"#,
        r#"{"record":["QUE="]}"#,
        r#"{"record":{"value":[1,2,3]}}"#,
        r#"{"record":{"value":5}}"#,
        r#"{"record":{"value":{}}}"#,
        r#"{"record":{"value":"QUE="}} trailing"#,
        r#"{"record":{}}{"record":{}}"#,
        r#"{"record":{"value":"QUE="},}"#,
        "{'record':{}}",
        "\u{feff}{\"record\":{}}",
        "{\"record\":{\"value\":\"\u{1}\"}}",
        r#"{"record":{"value":"\x"}}"#,
        r#"{"record":{"value":"\ud800"}}"#,
    ] {
        assert_eq!(value(bad), None, "{bad}");
    }
    for bad in ["", "null", "[]", "[5]", "5", "{\"offset\":1} x", "{\"offset\":1}{}"] {
        assert_eq!(offset(bad), None, "{bad}");
    }
}

#[test]
fn depth_costs_no_stack() {
    const DEPTH: usize = 1_000_000;
    let unknown = format!("{{\"x\":{}{},\"offset\":4}}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    assert_eq!(offset(&unknown), Some(4));
    let known = format!("{{\"record\":{}", "{\"record\":".repeat(DEPTH));
    assert_eq!(value(&known), None);
    assert_eq!(value(&"[".repeat(DEPTH)), None);
}

proptest! {
    #[test]
    fn any_value_passes_through(bytes: Vec<u8>, escape_slashes: bool) {
        let mut text = BASE64.encode(&bytes);
        if escape_slashes {
            text = text.replace('/', "\\/");
        }
        let body = format!("{{\"record\":{{\"value\":\"{text}\"}}}}");
        prop_assert_eq!(value(&body), Some(bytes));
    }

    #[test]
    fn any_offset_passes_through(expected: u64) {
        prop_assert_eq!(offset(&format!("{{\"offset\":{expected}}}")), Some(expected));
    }

    #[test]
    fn any_body_is_read_or_refused(body: Vec<u8>) {
        let _ = (produce_value(&body), consume_offset(&body));
    }

    #[test]
    fn any_near_miss_is_read_or_refused(body in r#"\{?("(record|value|offset|x)":?[\[\{"]?(null|[0-9.e-]{0,3}|[A-Za-z+/=\\nu]{0,6})["\]\}]?,?){0,5}\}{0,3}"#) {
        let _ = (produce_value(body.as_bytes()), consume_offset(body.as_bytes()));
    }
}
