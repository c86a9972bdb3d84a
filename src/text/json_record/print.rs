//! From a record to its line.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::log::{Headers, RecordRef, TYPE_DATA};
use crate::text::time::format_rfc3339;

/// Writes one record as one line.
pub(crate) fn write(record: &RecordRef<'_>, out: &mut impl Write) -> io::Result<()> {
    write_object(record, out)?;
    out.write_all(b"\n")
}

/// Writes one record as an object, without the end of a line.
pub(crate) fn write_object(record: &RecordRef<'_>, out: &mut impl Write) -> io::Result<()> {
    Ok(serde_json::to_writer(out, &Line(record))?)
}

struct Line<'a>(&'a RecordRef<'a>);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("offset", &record.offset.0)?;
        if let Some(micros) = record.timestamp_us {
            match format_rfc3339(micros) {
                Some(time) => map.serialize_entry("timestamp", &time)?,
                None => map.serialize_entry("timestamp", &micros)?,
            }
        }
        if record.term != 0 {
            map.serialize_entry("term", &record.term)?;
        }
        if record.record_type != TYPE_DATA {
            map.serialize_entry("type", &record.record_type)?;
        }
        if let Some(key) = record.key {
            match std::str::from_utf8(key) {
                Ok(text) => map.serialize_entry("key", text)?,
                Err(_) => map.serialize_entry("key", &Bytes { name: None, bytes: key })?,
            }
        }
        if !record.headers.is_empty() {
            map.serialize_entry("headers", &HeaderList(record.headers))?;
        }
        entry_of_bytes(&mut map, record.value)?;
        map.end()
    }
}

struct HeaderList<'a>(Headers<'a>);

impl Serialize for HeaderList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for (name, bytes) in self.0.iter() {
            list.serialize_element(&Bytes { name: Some(name), bytes })?;
        }
        list.end()
    }
}

/// `{"name":…,"text":…}`, or `value` with base64; a key goes without a name.
struct Bytes<'a> {
    name: Option<&'a str>,
    bytes: &'a [u8],
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(name) = self.name {
            map.serialize_entry("name", name)?;
        }
        entry_of_bytes(&mut map, self.bytes)?;
        map.end()
    }
}

fn entry_of_bytes<M: SerializeMap>(map: &mut M, bytes: &[u8]) -> Result<(), M::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => map.serialize_entry("text", text),
        Err(_) => map.serialize_entry("value", &STANDARD.encode(bytes)),
    }
}
