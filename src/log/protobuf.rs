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

pub(super) fn put_varint(buffer: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        buffer.push(number as u8 | 0x80);
        number >>= 7;
    }
    buffer.push(number as u8);
}

pub(super) fn put_number(buffer: &mut Vec<u8>, tag: u8, number: u64) {
    if number != 0 {
        buffer.push(tag);
        put_varint(buffer, number);
    }
}

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
