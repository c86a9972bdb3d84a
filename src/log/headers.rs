//! Names and values beside a record's value: as callers have them, and as they lie in a frame.

use super::error::CorruptReason;
use super::protobuf::{Fields, bytes_field_len, put_bytes, put_varint};

const TAG_NAME: u8 = 0x0A;
const TAG_VALUE: u8 = 0x12;

/// A name and a value beside a record's value. Names may repeat, and the order is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The name, UTF-8.
    pub name: String,
    /// The value, any bytes.
    pub value: Vec<u8>,
}

/// The headers of a [`RecordRef`](super::RecordRef): as they lie in its frame, or those of a record
/// that came another way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// Zero or more header fields back to back, tags included, already checked.
    encoded: &'a [u8],
    /// Those that follow.
    listed: &'a [Header],
}

impl<'a> Headers<'a> {
    pub(super) const fn encoded(encoded: &'a [u8]) -> Self {
        Headers { encoded, listed: &[] }
    }

    /// Headers that are decoded already.
    #[must_use]
    pub const fn listed(listed: &'a [Header]) -> Self {
        Headers { encoded: &[], listed }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty() && self.listed.is_empty()
    }

    /// Name and value of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let listed = self.listed.iter().map(|header| (&*header.name, &*header.value));
        HeaderIter { fields: Fields { rest: self.encoded } }.chain(listed)
    }
}

/// Length of the encoded header, without its own tag and length.
pub(super) fn encoded_len(header: &Header) -> usize {
    let field = |len: usize| if len == 0 { 0 } else { bytes_field_len(len) };
    field(header.name.len()) + field(header.value.len())
}

/// Appends a header with its tag.
pub(super) fn encode(buffer: &mut Vec<u8>, tag: u8, header: &Header) {
    buffer.push(tag);
    put_varint(buffer, encoded_len(header) as u64);
    if !header.name.is_empty() {
        put_bytes(buffer, TAG_NAME, header.name.as_bytes());
    }
    if !header.value.is_empty() {
        put_bytes(buffer, TAG_VALUE, &header.value);
    }
}

/// Whether a header is what [`encode`] writes.
///
/// # Errors
/// What is wrong.
pub(super) fn check(encoded: &[u8]) -> Result<(), CorruptReason> {
    let mut fields = Fields { rest: encoded };
    let mut previous_tag = 0;
    while let Some((&tag, rest)) = fields.rest.split_first() {
        if tag <= previous_tag {
            return Err(CorruptReason::Malformed("header fields out of order"));
        }
        previous_tag = tag;
        fields.rest = rest;
        match tag {
            TAG_NAME => {
                std::str::from_utf8(fields.bytes_not_empty()?)
                    .map_err(|_| CorruptReason::Malformed("header name is not UTF-8"))?;
            }
            TAG_VALUE => {
                fields.bytes_not_empty()?;
            }
            _ => return Err(CorruptReason::Malformed("unknown header field")),
        }
    }
    Ok(())
}

/// Walks header fields that [`check`] has found to be sound.
struct HeaderIter<'a> {
    fields: Fields<'a>,
}

impl<'a> HeaderIter<'a> {
    fn next_checked(&mut self) -> Result<(&'a str, &'a [u8]), CorruptReason> {
        let _tag: [u8; 1] = self.fields.fixed()?;
        let mut header = Fields { rest: self.fields.bytes()? };
        let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
        while let Ok([tag]) = header.fixed() {
            let bytes = header.bytes()?;
            if tag == TAG_NAME { name = bytes } else { value = bytes }
        }
        let name = std::str::from_utf8(name)
            .map_err(|_| CorruptReason::Malformed("header name is not UTF-8"))?;
        Ok((name, value))
    }
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.fields.rest.is_empty() {
            return None;
        }
        self.next_checked().ok()
    }
}
