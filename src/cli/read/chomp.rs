//! Leaves out the delimiter behind the last record, for input whose last line had no end.

use std::io::{self, Write};

/// Passes everything on, but holds a delimiter back until more follows.
pub(crate) struct Chomp<W> {
    out: W,
    delimiter: u8,
    /// Whether a delimiter waits.
    held: bool,
}

impl<W: Write> Chomp<W> {
    pub(crate) fn new(out: W, delimiter: u8) -> Self {
        Chomp { out, delimiter, held: false }
    }
}

impl<W: Write> Write for Chomp<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some((&last, before)) = bytes.split_last() else { return Ok(0) };
        if self.held {
            self.out.write_all(&[self.delimiter])?;
            self.held = false;
        }
        if last == self.delimiter {
            self.out.write_all(before)?;
            self.held = true;
        } else {
            self.out.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_delimiter_is_left_out() {
        for (pieces, expected) in [
            (&["a\n", "b\n"][..], "a\nb"),
            (&["a\n", "\n", "\n"], "a\n\n"),
            (&["a", "\n", "b\r\n"], "a\nb\r"),
            (&["\n"], ""),
            (&[], ""),
        ] {
            let mut out = Vec::new();
            let mut chomp = Chomp::new(&mut out, b'\n');
            for piece in pieces {
                chomp.write_all(piece.as_bytes()).expect("written");
                chomp.flush().expect("flushed");
            }
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
