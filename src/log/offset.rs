//! The three numbers that meet in a segment, as types that cannot be swapped.

use std::fmt;

/// A record's number in the log, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// An offset minus the base offset of its segment; also the number of its index entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativeOffset(pub u32);

/// A byte count from the start of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Offset {
    /// The offset of the record after this one. The greatest offset is its own successor, since
    /// nothing can be appended behind it.
    #[must_use]
    pub const fn next(self) -> Offset {
        Offset(self.0.saturating_add(1))
    }

    /// This offset moved on by `n_records`.
    #[must_use]
    pub const fn plus(self, n_records: u64) -> Offset {
        Offset(self.0.saturating_add(n_records))
    }

    /// How many records lie between `earlier` and this offset; 0 if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Offset) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The offset relative to `base`, if a segment starting there can hold it.
    #[must_use]
    pub fn relative_to(self, base: Offset) -> Option<RelativeOffset> {
        let relative = self.0.checked_sub(base.0)?;
        u32::try_from(relative).ok().map(RelativeOffset)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RelativeOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_offset_fits_in_32_bits_or_is_refused() {
        let base = Offset(10);
        assert_eq!(Offset(10).relative_to(base), Some(RelativeOffset(0)));
        assert_eq!(
            Offset(10 + u64::from(u32::MAX)).relative_to(base),
            Some(RelativeOffset(u32::MAX))
        );
        assert_eq!(Offset(11 + u64::from(u32::MAX)).relative_to(base), None);
        assert_eq!(Offset(9).relative_to(base), None);
    }
}
