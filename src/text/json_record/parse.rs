//! From a line to a record. Strict: an unknown field, one that comes twice, or one of another type
//! is an error, since to guess would lose what the user meant.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::log::{Header, TYPE_DATA, TYPE_LOST};
use crate::text::time::parse_rfc3339;

/// What a line says. `offset` and `term` are the log's to give, so they aren't kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ParsedRecord {
    pub(crate) value: Vec<u8>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) headers: Option<Vec<Header>>,
    pub(crate) timestamp_us: Option<u64>,
    pub(crate) record_type: u32,
}

/// Reads one line.
pub(crate) fn parse(line: &[u8]) -> Result<ParsedRecord, String> {
    let text = std::str::from_utf8(line)
        .map_err(|error| format!("not UTF-8 at byte {}, so not JSON", error.valid_up_to() + 1))?;
    if text.trim_ascii().is_empty() {
        return Err("the line is empty, which is no JSON object".into());
    }
    let line: Line = serde_json::from_str(text).map_err(|error| without_line_number(&error))?;
    line.into_record()
}

/// Each line is a document of its own, so `serde_json`'s line number always is 1.
fn without_line_number(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
    let column = error.column();
    match error.classify() {
        Category::Data => format!("{message} (column {column})"),
        Category::Syntax | Category::Eof | Category::Io => {
            format!("malformed JSON, {message} (column {column})")
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    text: Option<String>,
    value: Option<String>,
    key: Option<Key>,
    headers: Option<HeaderList>,
    timestamp: Option<Timestamp>,
    #[serde(rename = "type", default = "data")]
    record_type: u32,
    #[serde(rename = "offset")]
    _offset: Option<IgnoredAny>,
    #[serde(rename = "term")]
    _term: Option<IgnoredAny>,
}

impl Line {
    pub(super) fn into_record(self) -> Result<ParsedRecord, String> {
        let value = bytes_of(self.text, self.value)?;
        if self.record_type == TYPE_LOST {
            return Err(format!("type {TYPE_LOST} is reserved for records lost to damage"));
        }
        Ok(ParsedRecord {
            value,
            key: self.key.map(|key| key.0),
            headers: self.headers.map(|headers| headers.0),
            timestamp_us: self.timestamp.map(|timestamp| timestamp.0),
            record_type: self.record_type,
        })
    }
}

const fn data() -> u32 {
    TYPE_DATA
}

/// Bytes are in exactly one of `text` and `value`, so that a misspelt line isn't an empty record.
fn bytes_of(text: Option<String>, value: Option<String>) -> Result<Vec<u8>, String> {
    match (text, value) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(value)) => STANDARD
            .decode(&value)
            .map_err(|error| format!("`value` is not base64 ({error}); plain text goes in `text`")),
        (Some(_), Some(_)) => Err("has both `text` and `value`: use one".into()),
        (None, None) => Err("has neither `text` nor `value` (base64)".into()),
    }
}

/// A string, or `{"value": base64}`.
struct Key(Vec<u8>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyObject {
    text: Option<String>,
    value: Option<String>,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or {\"value\": base64} as the key")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key, E> {
                Ok(Key(text.into()))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Key, M::Error> {
                let deserializer = serde::de::value::MapAccessDeserializer::new(map);
                let key = KeyObject::deserialize(deserializer)?;
                bytes_of(key.text, key.value)
                    .map(Key)
                    .map_err(|message| M::Error::custom(format_args!("key: {message}")))
            }
        }
        deserializer.deserialize_any(KeyVisitor)
    }
}

/// A list of `{"name", "text" | "value"}`, or an object of strings.
struct HeaderList(Vec<Header>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderObject {
    name: String,
    text: Option<String>,
    value: Option<String>,
}

impl<'de> Deserialize<'de> for HeaderList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HeaderList, D::Error> {
        struct HeaderListVisitor;
        impl<'de> Visitor<'de> for HeaderListVisitor {
            type Value = HeaderList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of {\"name\", \"text\"} or an object of strings as the headers")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<HeaderList, S::Error> {
                let mut headers = Vec::new();
                while let Some(HeaderObject { name, text, value }) = list.next_element()? {
                    let value = bytes_of(text, value).map_err(|message| {
                        S::Error::custom(format_args!("header `{name}`: {message}"))
                    })?;
                    headers.push(Header { name, value });
                }
                Ok(HeaderList(headers))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<HeaderList, M::Error> {
                let mut headers: Vec<Header> = Vec::new();
                while let Some((name, text)) = map.next_entry::<String, String>()? {
                    if headers.iter().any(|header| header.name == name) {
                        let message = "comes twice in an object; a list may repeat names";
                        return Err(M::Error::custom(format_args!("header `{name}` {message}")));
                    }
                    headers.push(Header { name, value: text.into_bytes() });
                }
                Ok(HeaderList(headers))
            }
        }
        deserializer.deserialize_any(HeaderListVisitor)
    }
}

/// RFC 3339, or Unix microseconds.
struct Timestamp(u64);

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        struct TimestampVisitor;
        impl Visitor<'_> for TimestampVisitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 string or Unix microseconds as the timestamp")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
                parse_rfc3339(text)
                    .map(Timestamp)
                    .map_err(|message| E::custom(format_args!("timestamp: {message}")))
            }

            fn visit_u64<E: Error>(self, micros: u64) -> Result<Timestamp, E> {
                Ok(Timestamp(micros))
            }
        }
        deserializer.deserialize_any(TimestampVisitor)
    }
}
