//! From a piece of an input to the record it stands for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::pieces::Delimiter;
use crate::log::{Header, NewRecord, TYPE_DATA};
use crate::text::json_record;

/// How inputs are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "program", derive(clap::ValueEnum))]
pub(crate) enum InputFormat {
    /// Each line is a record.
    #[default]
    Line,
    /// Each line is a JSON object: {"text": ...} or {"value": base64}; key, headers, timestamp.
    Json,
    /// Each input as a whole is one record.
    Raw,
    /// Each line is a record in base64.
    Base64,
}

/// A record that waits to be appended, and where it came from.
#[derive(Debug)]
pub(crate) struct PendingRecord {
    pub(crate) value: Bytes,
    pub(crate) key: Option<Bytes>,
    /// `None` takes the headers of the command line.
    pub(crate) headers: Option<Vec<Header>>,
    pub(crate) timestamp_us: Option<u64>,
    pub(crate) record_type: u32,
    pub(crate) place: Place,
}

/// Where a record came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the input, from 0.
    pub(crate) input: usize,
    /// Number of the line in it, from 1.
    pub(crate) line: u64,
}

impl PendingRecord {
    /// What it adds to the size of a batch.
    pub(crate) fn bytes(&self) -> u64 {
        let headers = self.headers.iter().flatten();
        let header_bytes: usize =
            headers.map(|header| header.name.len() + header.value.len()).sum();
        (self.value.len() + self.key.as_ref().map_or(0, Bytes::len) + header_bytes) as u64
    }

    pub(crate) fn as_new_record<'a>(&'a self, default_headers: &'a [Header]) -> NewRecord<'a> {
        NewRecord {
            value: &self.value,
            key: self.key.as_deref(),
            headers: self.headers.as_deref().unwrap_or(default_headers),
            timestamp_us: self.timestamp_us,
            record_type: self.record_type,
        }
    }
}

impl InputFormat {
    /// What parts records of this format; `chosen` is the user's, for lines.
    pub(crate) fn delimiter(self, chosen: Option<u8>) -> Delimiter {
        match self {
            InputFormat::Raw => Delimiter::None,
            InputFormat::Line => Delimiter::Byte(chosen.unwrap_or(b'\n')),
            InputFormat::Json | InputFormat::Base64 => Delimiter::Byte(b'\n'),
        }
    }

    /// How long a piece can be whose record is within `max_record_bytes`.
    pub(crate) fn max_piece_bytes(self, max_record_bytes: u64) -> usize {
        let bytes = match self {
            InputFormat::Line | InputFormat::Raw => max_record_bytes,
            InputFormat::Base64 => max_record_bytes.div_ceil(3).saturating_mul(4).saturating_add(1),
            // An escape takes six bytes for one; the names of fields come on top.
            InputFormat::Json => max_record_bytes.saturating_mul(6).saturating_add(64 * 1024),
        };
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Reads one piece. `key` is what a record gets that has none of its own.
    pub(crate) fn decode(
        self,
        piece: Bytes,
        place: Place,
        key: Option<&Bytes>,
    ) -> Result<PendingRecord, String> {
        let value = match self {
            InputFormat::Line | InputFormat::Raw => piece,
            InputFormat::Base64 => decode_base64(&piece)?,
            InputFormat::Json => return decode_json(&piece, place, key),
        };
        let (key, record_type) = (key.cloned(), TYPE_DATA);
        Ok(PendingRecord { value, key, headers: None, timestamp_us: None, record_type, place })
    }
}

fn decode_base64(piece: &Bytes) -> Result<Bytes, String> {
    let text = piece.strip_suffix(b"\r").unwrap_or(piece);
    STANDARD
        .decode(text)
        .map(Bytes::from)
        .map_err(|error| format!("not base64: {}", error.to_string().trim_end_matches('.')))
}

fn decode_json(piece: &Bytes, place: Place, key: Option<&Bytes>) -> Result<PendingRecord, String> {
    let record = json_record::parse(piece)?;
    Ok(PendingRecord {
        value: record.value.into(),
        key: record.key.map(Bytes::from).or_else(|| key.cloned()),
        headers: record.headers,
        timestamp_us: record.timestamp_us,
        record_type: record.record_type,
        place,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(format: InputFormat, piece: &'static str) -> Result<PendingRecord, String> {
        let key = Bytes::from_static(b"default");
        format.decode(Bytes::from_static(piece.as_bytes()), Place { input: 0, line: 3 }, Some(&key))
    }

    #[test]
    fn lines_are_taken_as_they_are() {
        let record = decode(InputFormat::Line, " a\r").expect("a record");
        assert_eq!(record.value, " a\r");
        assert_eq!(record.key.expect("a key"), "default");
        assert_eq!(record.place.line, 3);
    }

    #[test]
    fn base64_is_strict_but_for_a_line_end() {
        assert_eq!(decode(InputFormat::Base64, "aGk=\r").expect("a record").value, "hi");
        assert_eq!(decode(InputFormat::Base64, "").expect("a record").value, "");
        for bad in ["aGk", "a Gk=", "ä", "aGl="] {
            let message = decode(InputFormat::Base64, bad).expect_err(bad);
            assert!(message.starts_with("not base64: "), "{message}");
        }
    }

    #[test]
    fn json_has_its_own_key_and_headers_or_takes_those_of_the_command_line() {
        let own = decode(InputFormat::Json, r#"{"text":"a","key":"own","headers":[]}"#);
        let own = own.expect("a record");
        assert_eq!(own.key.as_deref(), Some(b"own".as_slice()));
        let default = [Header { name: "a".into(), value: vec![] }];
        assert!(own.as_new_record(&default).headers.is_empty());
        let none = decode(InputFormat::Json, r#"{"text":"a"}"#).expect("a record");
        assert_eq!(none.key.as_deref(), Some(b"default".as_slice()));
        assert_eq!(none.as_new_record(&default).headers.len(), 1);
    }

    #[test]
    fn a_piece_may_be_as_long_as_its_record_needs() {
        assert_eq!(InputFormat::Line.max_piece_bytes(10), 10);
        assert_eq!(InputFormat::Base64.max_piece_bytes(10), 17);
        assert!(InputFormat::Json.max_piece_bytes(10) > 60);
        assert_eq!(InputFormat::Json.max_piece_bytes(u64::MAX), usize::MAX);
    }
}
