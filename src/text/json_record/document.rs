//! Records in one JSON document, `{"records":[…]}`: each as strict as a line.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use super::parse::{Line, ParsedRecord};

/// The most records that a document gives. Small ones take more memory than the bytes they come in.
pub(crate) const MAX_DOCUMENT_RECORDS: usize = 100_000;

/// Reads a document; `None` if it has more than [`MAX_DOCUMENT_RECORDS`]. A message says which record it
/// is about, counted from 1, and where that is.
pub(crate) fn parse_document(document: &[u8]) -> Result<Option<Vec<ParsedRecord>>, String> {
    let parsed: Result<Document, _> = serde_json::from_slice(document);
    parsed.map(|document| document.records.0).map_err(|error| error.to_string())
}

/// `next_offset` is where a page of records goes on: it may stay when a page is appended elsewhere.
/// What says that records are `missing` may not, so that no copy has a hole that nobody noticed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    records: Records,
    #[serde(rename = "next_offset")]
    _next_offset: Option<IgnoredAny>,
}

struct Records(Option<Vec<ParsedRecord>>);

impl<'de> Deserialize<'de> for Records {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Records, D::Error> {
        struct RecordsVisitor;
        impl<'de> Visitor<'de> for RecordsVisitor {
            type Value = Records;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of records")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Records, S::Error> {
                let mut records = Vec::new();
                loop {
                    let number = records.len() + 1;
                    let in_record = |error: String| format!("record {number}: {error}");
                    let line: Option<Line> = list
                        .next_element()
                        .map_err(|error| S::Error::custom(in_record(error.to_string())))?;
                    let Some(line) = line else { return Ok(Records(Some(records))) };
                    if records.len() == MAX_DOCUMENT_RECORDS {
                        while list.next_element::<IgnoredAny>()?.is_some() {}
                        return Ok(Records(None));
                    }
                    let record = line.into_record();
                    records.push(record.map_err(|error| S::Error::custom(in_record(error)))?);
                }
            }
        }
        deserializer.deserialize_seq(RecordsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(document: &str) -> String {
        parse_document(document.as_bytes()).expect_err(document)
    }

    #[test]
    fn a_page_is_a_document() {
        let page = r#"{"records":[{"offset":7,"text":"a"},{"value":"/w=="}],"next_offset":9}"#;
        let records = parse_document(page.as_bytes()).expect(page).expect("few");
        let values: Vec<_> = records.into_iter().map(|record| record.value).collect();
        assert_eq!(values, [b"a".to_vec(), b"\xFF".to_vec()]);
        assert_eq!(parse_document(br#"{"records":[]}"#), Ok(Some(Vec::new())));
    }

    #[test]
    fn too_many_records_are_not_kept() {
        let list = |n: usize| format!("{{\"records\":[{}]}}", vec!["{\"text\":\"\"}"; n].join(","));
        let most = parse_document(list(MAX_DOCUMENT_RECORDS).as_bytes()).expect("a document");
        assert_eq!(most.map(|records| records.len()), Some(MAX_DOCUMENT_RECORDS));
        let more = parse_document(list(MAX_DOCUMENT_RECORDS + 7).as_bytes());
        assert_eq!(more, Ok(None));
    }

    #[test]
    fn a_message_names_the_record_and_its_place() {
        for (document, said) in [
            ("{\"records\":[{\"text\":\"a\"},\n{}]}", "record 2: has neither"),
            ("{\"records\":[{\"text\":\"a\"},\n{}]}", "at line 2 column 3"),
            ("{\"records\":[{\"txt\":\"a\"}]}", "record 1: unknown field `txt`"),
            ("{\"records\":[{\"text\":\"a\"}", "EOF"),
            ("{\"records\":{}}", "a list of records"),
            ("{}", "missing field `records`"),
            ("{\"records\":[],\"missing\":[]}", "unknown field `missing`"),
            ("[]", "invalid"),
            ("", "EOF"),
            ("{\"records\":[]} x", "trailing"),
        ] {
            let message = refused(document);
            assert!(message.contains(said), "{document}: {message}");
        }
    }
}
