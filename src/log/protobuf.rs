//! The little of protobuf's encoding that frames need: canonical when written, strict when read.
//!
//! See <https://protobuf.dev/programming-guides/encoding/>.

use super::error::CorruptReason;

pub(super) fn bytes_field_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

pub(super) fn varint_len(number: u64) -> usize {
    let significant_bits = 64 - (number | 1).leading_zeros() as usize;
    // A division by 7, rounded up, for all that can be here.
    (significant_bits * 9 + 64) / 64
}

#[inline]
pub(super) fn put_varint(buffer: &mut Vec<u8>, number: u64) {
    if number < 1 << 56 {
        put_word(buffer, spread(number), varint_len(number));
    } else {
        put_long_varint(buffer, number);
    }
}

/// Moves the low 56 bits of `number` apart, 7 to a byte, and marks all bytes but the last that isn't
/// zero as followed by another.
#[inline]
fn spread(number: u64) -> u64 {
    let fours = (number & 0x0FFF_FFFF) | (number & 0x00FF_FFFF_F000_0000) << 4;
    let pairs = (fours & 0x0000_3FFF_0000_3FFF) | (fours & 0x0FFF_C000_0FFF_C000) << 2;
    let bytes = (pairs & 0x007F_007F_007F_007F) | (pairs & 0x3F80_3F80_3F80_3F80) << 1;
    let n_more_bits = 8 * (varint_len(number) as u32 - 1);
    bytes | (0x8080_8080_8080_8080 & !(u64::MAX << n_more_bits))
}

/// Appends the low `n_bytes` bytes of a word. One store of a whole word, and then forgetting the rest,
/// is quicker than byte by byte.
#[inline]
fn put_word(buffer: &mut Vec<u8>, word: u64, n_bytes: usize) {
    let len = buffer.len() + n_bytes;
    buffer.extend_from_slice(&word.to_le_bytes());
    buffer.truncate(len);
}

#[cold]
fn put_long_varint(buffer: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        buffer.push(number as u8 | 0x80);
        number >>= 7;
    }
    buffer.push(number as u8);
}

#[inline]
pub(super) fn put_number(buffer: &mut Vec<u8>, tag: u8, number: u64) {
    if number != 0 {
        buffer.push(tag);
        put_varint(buffer, number);
    }
}

#[inline]
pub(super) fn put_bytes(buffer: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    buffer.push(tag);
    put_varint(buffer, bytes.len() as u64);
    buffer.extend_from_slice(bytes);
}

/// What is left of a message to be read.
pub(super) struct Fields<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Takes the next byte if it is this tag.
    #[inline]
    pub(super) fn take_tag(&mut self, tag: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == tag => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, CorruptReason> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    /// Numbers of up to 8 bytes, which nearly all are, without a loop.
    #[inline]
    fn long_varint(&mut self) -> Result<u64, CorruptReason> {
        const MORE: u64 = 0x8080_8080_8080_8080;
        let Some(bytes) = self.rest.first_chunk::<8>() else { return self.any_varint() };
        let word = u64::from_le_bytes(*bytes);
        let last_bytes = !word & MORE;
        if last_bytes == 0 {
            return self.any_varint();
        }
        let n_bits = last_bytes.trailing_zeros() + 1;
        let word = word & (u64::MAX >> (64 - n_bits));
        if word >> (n_bits - 8) == 0 {
            return Err(CorruptReason::Malformed("number longer than it needs to be"));
        }
        self.rest = &self.rest[n_bits as usize / 8..];
        // Groups of 7 bits move together: pairs, then fours, then all eight.
        let pairs = (word & 0x007F_007F_007F_007F) | (word & 0x7F00_7F00_7F00_7F00) >> 1;
        let fours = (pairs & 0x0000_3FFF_0000_3FFF) | (pairs & 0x3FFF_0000_3FFF_0000) >> 2;
        Ok((fours & 0x0FFF_FFFF) | (fours & 0x0FFF_FFFF_0000_0000) >> 4)
    }

    fn any_varint(&mut self) -> Result<u64, CorruptReason> {
        let mut number = 0_u64;
        for (n_bytes, &byte) in self.rest.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7F);
            if n_bytes == 9 && bits > 1 {
                return Err(CorruptReason::Malformed("number over 64 bits"));
            }
            number |= bits << (7 * n_bytes);
            if byte & 0x80 == 0 {
                if byte == 0 && n_bytes > 0 {
                    return Err(CorruptReason::Malformed("number longer than it needs to be"));
                }
                self.rest = &self.rest[n_bytes + 1..];
                return Ok(number);
            }
        }
        Err(CorruptReason::Malformed("number without an end"))
    }

    #[inline]
    pub(super) fn number_not_zero(&mut self) -> Result<u64, CorruptReason> {
        match self.varint()? {
            0 => Err(CorruptReason::Malformed("zero written out")),
            number => Ok(number),
        }
    }

    #[inline]
    pub(super) fn number_32(&mut self) -> Result<u32, CorruptReason> {
        u32::try_from(self.number_not_zero()?)
            .map_err(|_| CorruptReason::Malformed("number over 32 bits"))
    }

    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], CorruptReason> {
        let n_bytes = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        let (bytes, rest) = self
            .rest
            .split_at_checked(n_bytes)
            .ok_or(CorruptReason::Malformed("field reaches past the end"))?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    pub(super) fn bytes_not_empty(&mut self) -> Result<&'a [u8], CorruptReason> {
        match self.bytes()? {
            [] => Err(CorruptReason::Malformed("empty field written out")),
            bytes => Ok(bytes),
        }
    }

    #[inline]
    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CorruptReason> {
        let (bytes, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(CorruptReason::Malformed("field reaches past the end"))?;
        self.rest = rest;
        Ok(*bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8]) -> (Result<u64, CorruptReason>, usize) {
        let mut fields = Fields { rest: bytes };
        (fields.varint(), bytes.len() - fields.rest.len())
    }

    fn check(number: u64) {
        let mut short = Vec::new();
        let mut long = Vec::new();
        put_varint(&mut short, number);
        put_long_varint(&mut long, number);
        assert_eq!(short, long, "{number:#x}");
        assert_eq!(varint_len(number), long.len(), "{number:#x}");
        assert_eq!(decoded(&long), (Ok(number), long.len()), "at the end");
        let n_bytes = long.len();
        long.extend_from_slice(&[0xFF; 8]);
        assert_eq!(decoded(&long), (Ok(number), n_bytes), "with more behind");
    }

    #[test]
    fn numbers_around_each_length_come_back() {
        for shift in 0..64 {
            let number = 1_u64 << shift;
            [number - 1, number, number + 1, u64::MAX >> shift].into_iter().for_each(check);
        }
    }

    proptest! {
        #[test]
        fn any_number_comes_back(number: u64, shift in 0_u32..64) {
            check(number >> shift);
        }

        #[test]
        fn both_ways_of_decoding_agree(bytes in prop::collection::vec(any::<u8>(), 0..14)) {
            let mut fields = Fields { rest: &bytes };
            let slowly = (fields.any_varint(), bytes.len() - fields.rest.len());
            prop_assert_eq!(decoded(&bytes), slowly);
        }
    }
}
