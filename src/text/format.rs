//! `read --format`: how a record looks on standard output.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::template::Template;
use crate::log::RecordRef;
use crate::text::json_record;

/// How records are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordFormat {
    /// The value and a delimiter.
    Value,
    /// A line of JSON that `append --format json` takes back.
    Json,
    Base64,
    Hex,
    /// The values with nothing between them.
    Raw,
    Template(Template),
}

impl RecordFormat {
    pub(crate) fn parse(text: &str) -> Result<RecordFormat, String> {
        Ok(match text {
            "value" => RecordFormat::Value,
            "json" => RecordFormat::Json,
            "base64" => RecordFormat::Base64,
            "hex" => RecordFormat::Hex,
            "raw" => RecordFormat::Raw,
            template if template.contains('%') => {
                RecordFormat::Template(Template::parse(template)?)
            }
            _ => {
                let message = "is none of value, json, base64, hex, raw, and no template such as";
                return Err(format!("`{text}` {message} '%o %v'"));
            }
        })
    }

    /// Whether it tells where in a file a record lies.
    pub(crate) fn has_position(&self) -> bool {
        matches!(self, RecordFormat::Template(template) if template.has_position())
    }

    /// Whether a delimiter can be chosen.
    pub(crate) fn has_delimiter(&self) -> bool {
        !matches!(self, RecordFormat::Json | RecordFormat::Raw)
    }

    pub(crate) fn write(
        &self,
        record: &RecordRef<'_>,
        delimiter: u8,
        out: &mut impl Write,
    ) -> io::Result<()> {
        match self {
            RecordFormat::Value => out.write_all(record.value)?,
            RecordFormat::Base64 => out.write_all(STANDARD.encode(record.value).as_bytes())?,
            RecordFormat::Hex => write_hex(record.value, out)?,
            RecordFormat::Raw => return out.write_all(record.value),
            RecordFormat::Json => return json_record::write(record, out),
            RecordFormat::Template(template) => return template.write(record, delimiter, out),
        }
        out.write_all(&[delimiter])
    }
}

fn write_hex(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS[usize::from(nibble & 0xF)];
    for byte in bytes {
        out.write_all(&[digit(byte >> 4), digit(*byte)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::record;
    use super::*;

    fn print(format: &str, value: &[u8], delimiter: u8) -> Vec<u8> {
        let mut out = Vec::new();
        let format = RecordFormat::parse(format).expect(format);
        format.write(&record(value, None), delimiter, &mut out).expect("a Vec takes all");
        out
    }

    #[test]
    fn formats_print_the_value_in_their_way() {
        assert_eq!(print("value", b"\xFFa", b'\n'), b"\xFFa\n");
        assert_eq!(print("value", b"a", 0), b"a\0");
        assert_eq!(print("raw", b"a", b'\n'), b"a");
        assert_eq!(print("base64", b"hi", b'\n'), b"aGk=\n");
        assert_eq!(print("hex", b"\x00\xAf", b'\n'), b"00af\n");
        assert_eq!(print("%o:%v", b"hi", 0), b"5:hi\0");
        assert!(print("json", b"hi", b'\n').ends_with(b"\"text\":\"hi\"}\n"));
    }

    #[test]
    fn a_format_has_a_name_or_a_percent_sign() {
        let message = RecordFormat::parse("jsn").expect_err("no such format");
        assert!(message.contains("none of value, json"), "{message}");
        assert!(RecordFormat::parse("").is_err());
        assert!(RecordFormat::parse("%q").is_err());
    }
}
