//! Cuts an input into blocks of whole pieces, so that records are slices of what was read.
//!
//! A block ends behind a delimiter, or where the input ends. It's handed out as soon as it holds
//! one whole piece, so a slow producer's line doesn't wait for the next one.

use std::io::{self, ErrorKind, Read};

use bytes::{Bytes, BytesMut};
use thiserror::Error;

/// How much is asked for at a time.
const READ_BYTES: usize = 128 * 1024;

/// Why there is no further block.
#[derive(Debug, Error)]
pub(crate) enum PieceError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A piece goes on past what a record may have.
    #[error("longer than {limit} bytes")]
    TooLong { limit: usize },
}

/// What parts one record of an input from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delimiter {
    Byte(u8),
    /// The whole input is one piece.
    None,
}

/// Reads blocks of whole pieces. Holds at most a piece and one read in memory.
pub(crate) struct BlockReader<R> {
    input: R,
    delimiter: Delimiter,
    limit: usize,
    scratch: Box<[u8]>,
    partial: BytesMut,
    ended: bool,
}

impl<R: Read> BlockReader<R> {
    /// A piece of more than `limit` bytes is an error.
    pub(crate) fn new(input: R, delimiter: Delimiter, limit: usize) -> BlockReader<R> {
        let scratch = vec![0; READ_BYTES].into_boxed_slice();
        let partial = BytesMut::with_capacity(2 * READ_BYTES);
        BlockReader { input, delimiter, limit, scratch, partial, ended: false }
    }

    /// The next block; `None` at the end. An input without a delimiter is one block, even if empty.
    pub(crate) fn next_block(&mut self) -> Result<Option<Bytes>, PieceError> {
        while !self.ended {
            let n_bytes = self.read()?;
            if n_bytes == 0 {
                return Ok(self.end());
            }
            let whole = self.end_of_whole_pieces(n_bytes);
            self.partial.extend_from_slice(&self.scratch[..n_bytes]);
            if let Some(whole) = whole {
                return Ok(Some(self.partial.split_to(whole).freeze()));
            }
            if self.partial.len() > self.limit {
                return Err(PieceError::TooLong { limit: self.limit });
            }
        }
        Ok(None)
    }

    fn read(&mut self) -> io::Result<usize> {
        loop {
            match self.input.read(&mut self.scratch) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                answer => return answer,
            }
        }
    }

    /// Where the last whole piece ends, once the bytes just read are behind the partial one.
    fn end_of_whole_pieces(&self, n_bytes: usize) -> Option<usize> {
        let Delimiter::Byte(delimiter) = self.delimiter else { return None };
        let last = memchr::memrchr(delimiter, &self.scratch[..n_bytes])?;
        Some(self.partial.len() + last + 1)
    }

    /// The last piece needs no delimiter behind it.
    fn end(&mut self) -> Option<Bytes> {
        self.ended = true;
        let is_block = !self.partial.is_empty() || self.delimiter == Delimiter::None;
        is_block.then(|| self.partial.split().freeze())
    }
}

/// The pieces of a block, without their delimiters. What follows the last delimiter is a piece only
/// if there is something.
pub(crate) fn pieces(block: &Bytes, delimiter: Delimiter) -> Pieces<'_> {
    Pieces { block, delimiter, start: 0, done: false }
}

/// Iterator of [`pieces`].
pub(crate) struct Pieces<'a> {
    block: &'a Bytes,
    delimiter: Delimiter,
    start: usize,
    done: bool,
}

impl Iterator for Pieces<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.done {
            return None;
        }
        let Delimiter::Byte(delimiter) = self.delimiter else {
            self.done = true;
            return Some(self.block.clone());
        };
        let start = self.start;
        if let Some(length) = memchr::memchr(delimiter, &self.block[start..]) {
            self.start = start + length + 1;
            return Some(self.block.slice(start..start + length));
        }
        self.done = true;
        (start < self.block.len()).then(|| self.block.slice(start..))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINES: Delimiter = Delimiter::Byte(b'\n');

    /// Gives its parts one read at a time, as a slow producer does.
    struct Trickle<'a>(std::slice::Iter<'a, &'a [u8]>);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(part) = self.0.next() else { return Ok(0) };
            buffer[..part.len()].copy_from_slice(part);
            Ok(part.len())
        }
    }

    fn blocks(parts: &[&[u8]], delimiter: Delimiter) -> Vec<Bytes> {
        let mut reader = BlockReader::new(Trickle(parts.iter()), delimiter, 100);
        std::iter::from_fn(|| reader.next_block().expect("no error")).collect()
    }

    #[test]
    fn a_line_is_handed_out_once_it_is_whole() {
        let blocks = blocks(&[b"a", b"b\nc", b"\n\nd", b"e"], LINES);
        assert_eq!(blocks, [b"ab\n".as_slice(), b"c\n\n", b"de"]);
    }

    #[test]
    fn an_empty_input_has_no_line_but_is_one_whole() {
        assert!(blocks(&[], LINES).is_empty());
        assert_eq!(blocks(&[], Delimiter::None), [b"".as_slice()]);
        assert_eq!(blocks(&[b"a\n", b"b"], Delimiter::None), [b"a\nb".as_slice()]);
    }

    #[test]
    fn an_endless_line_is_refused_behind_the_lines_before_it() {
        let mut reader = BlockReader::new(b"ok\n".chain(io::repeat(b'x')), LINES, 1000);
        assert_eq!(reader.next_block().expect("the line").expect("a block"), b"ok\n".as_slice());
        assert!(matches!(reader.next_block(), Err(PieceError::TooLong { limit: 1000 })));
        let mut whole = BlockReader::new(io::repeat(b'x'), Delimiter::None, 1000);
        assert!(matches!(whole.next_block(), Err(PieceError::TooLong { .. })));
    }

    #[test]
    fn pieces_are_parted_by_delimiters() {
        let split = |text: &'static str| -> Vec<Bytes> {
            pieces(&Bytes::from_static(text.as_bytes()), LINES).collect()
        };
        assert_eq!(split("a\nb\n"), ["a", "b"]);
        assert_eq!(split("a\nb"), ["a", "b"]);
        assert_eq!(split("\n\n"), ["", ""]);
        assert_eq!(split("a\r\n"), ["a\r"]);
        assert!(split("").is_empty());
    }

    proptest! {
        #[test]
        fn pieces_are_the_same_however_the_input_comes(
            lines in proptest::collection::vec("[a-z]{0,9}", 0..9),
            ends_in_delimiter: bool,
            step in 1..12_usize,
        ) {
            let mut text = lines.join("\n");
            if ends_in_delimiter && !lines.is_empty() {
                text.push('\n');
            }
            let parts: Vec<&[u8]> = text.as_bytes().chunks(step).collect();
            let found: Vec<Bytes> = blocks(&parts, LINES)
                .iter()
                .flat_map(|block| pieces(block, LINES).collect::<Vec<_>>())
                .collect();
            let mut expected: Vec<&str> = text.split('\n').collect();
            if expected.last() == Some(&"") {
                expected.pop();
            }
            prop_assert_eq!(found, expected);
        }
    }
}
