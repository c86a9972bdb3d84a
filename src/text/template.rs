//! `read --format TEMPLATE`: what is printed of each record, spelt out with `%` and `\`.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::log::RecordRef;
use crate::text::time::format_rfc3339;

/// A template, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
    /// Whether a delimiter follows each record: not where the template ends in one of its own.
    ends_open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Offset,
    Value,
    Base64,
    Key,
    Headers,
    Time,
    Micros,
    Size,
    Position,
}

impl Template {
    /// Reads a template. Unknown letters are refused, so that a slip isn't printed a million times.
    pub(crate) fn parse(text: &str) -> Result<Template, String> {
        let mut template = Template { parts: Vec::new(), ends_open: true };
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            template.ends_open = true;
            match char {
                '%' => template.percent(chars.next())?,
                '\\' => template.escape(chars.next())?,
                char => template.text(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Ok(template)
    }

    /// Whether it has a `%p`.
    pub(crate) fn has_position(&self) -> bool {
        self.parts.contains(&Part::Position)
    }

    fn percent(&mut self, letter: Option<char>) -> Result<(), String> {
        self.parts.push(match letter {
            Some('o') => Part::Offset,
            Some('v') => Part::Value,
            Some('b') => Part::Base64,
            Some('k') => Part::Key,
            Some('h') => Part::Headers,
            Some('t') => Part::Time,
            Some('T') => Part::Micros,
            Some('s') => Part::Size,
            Some('p') => Part::Position,
            Some('%') => {
                self.text(b"%");
                return Ok(());
            }
            other => {
                let found = other.map(String::from).unwrap_or_default();
                return Err(format!(
                    "`%{found}` means nothing in a template: use %o offset, %v value, %b base64, \
                     %k key, %h headers, %t time, %T microseconds, %s size, %p position, or %%"
                ));
            }
        });
        Ok(())
    }

    fn escape(&mut self, letter: Option<char>) -> Result<(), String> {
        match letter {
            Some('n') => self.text(b"\n"),
            Some('0') => self.text(b"\0"),
            Some('t') => self.text(b"\t"),
            Some('r') => self.text(b"\r"),
            Some('\\') => self.text(b"\\"),
            Some('c') => {}
            other => {
                let found = other.map(String::from).unwrap_or_default();
                return Err(format!(
                    "`\\{found}` means nothing in a template: use \\n, \\t, \\r, \\0, \\\\, or \\c \
                     at the end for no line end"
                ));
            }
        }
        self.ends_open = !matches!(letter, Some('n' | '0' | 'c'));
        Ok(())
    }

    fn text(&mut self, bytes: &[u8]) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.extend_from_slice(bytes),
            _ => self.parts.push(Part::Text(bytes.to_vec())),
        }
    }

    /// Prints one record.
    pub(crate) fn write(
        &self,
        record: &RecordRef<'_>,
        delimiter: u8,
        out: &mut impl Write,
    ) -> io::Result<()> {
        for part in &self.parts {
            part.write(record, out)?;
        }
        if self.ends_open { out.write_all(&[delimiter]) } else { Ok(()) }
    }
}

impl Part {
    fn write(&self, record: &RecordRef<'_>, out: &mut impl Write) -> io::Result<()> {
        match self {
            Part::Text(text) => out.write_all(text),
            Part::Offset => write!(out, "{}", record.offset),
            Part::Value => out.write_all(record.value),
            Part::Base64 => out.write_all(STANDARD.encode(record.value).as_bytes()),
            Part::Key => out.write_all(record.key.unwrap_or_default()),
            Part::Headers => write_headers(record, out),
            Part::Time => match record.timestamp_us {
                Some(micros) => match format_rfc3339(micros) {
                    Some(time) => out.write_all(time.as_bytes()),
                    None => write!(out, "{micros}"),
                },
                None => out.write_all(b"-"),
            },
            Part::Micros => match record.timestamp_us {
                Some(micros) => write!(out, "{micros}"),
                None => out.write_all(b"-"),
            },
            Part::Size => write!(out, "{}", record.value.len()),
            Part::Position => write!(out, "{}", record.position),
        }
    }
}

fn write_headers(record: &RecordRef<'_>, out: &mut impl Write) -> io::Result<()> {
    for (index, (name, value)) in record.headers.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(out, "{comma}{name}:")?;
        out.write_all(value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::record;
    use super::*;

    fn print(template: &str) -> String {
        let template = Template::parse(template).expect(template);
        let mut out = Vec::new();
        template.write(&record(b"hi", Some(b"key")), b'\n', &mut out).expect("a Vec takes all");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn every_letter_prints_its_part() {
        assert_eq!(print("%o|%v|%b|%k|%h|%T|%s|%p"), "5|hi|aGk=|key||1000000|2|120\n");
        assert_eq!(print("%t"), "1970-01-01T00:00:01.000000Z\n");
        assert_eq!(print("100%%\\t\\\\é"), "100%\t\\é\n");
    }

    #[test]
    fn a_template_that_ends_a_line_gets_no_second_end() {
        assert_eq!(print("%v\\n"), "hi\n");
        assert_eq!(print("%v\\0"), "hi\0");
        assert_eq!(print("%v\\c"), "hi");
        assert_eq!(print("\\n%v"), "\nhi\n");
        assert_eq!(print("%v\\t"), "hi\t\n");
    }

    #[test]
    fn slips_are_refused() {
        for bad in ["%x", "%", "%o\\q", "%o\\"] {
            let message = Template::parse(bad).expect_err(bad);
            assert!(message.contains("means nothing"), "{message}");
        }
    }
}
