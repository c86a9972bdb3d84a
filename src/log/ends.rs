//! What the oldest and the newest record say of a log, without reading the rest.

use std::sync::Arc;

use super::error::LogError;
use super::offset::Offset;
use super::view::View;

/// The two ends of a log. Damage there is passed over as if nothing were known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// When the oldest record was appended, in Unix microseconds, if it says so.
    pub first_timestamp_us: Option<u64>,
    /// Likewise the newest one.
    pub last_timestamp_us: Option<u64>,
    /// Which records have a checksum; `None` for an empty log.
    pub checksums: Option<Checksums>,
}

/// Which records have a checksum: those that the Go original wrote, at the front of a log, have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksums {
    /// None of them.
    None,
    /// The newer ones.
    Some,
    /// All of them.
    All,
}

impl Checksums {
    /// `none`, `some` or `all`, as shown to users.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Checksums::None => "none",
            Checksums::Some => "some",
            Checksums::All => "all",
        }
    }
}

impl Ends {
    pub(super) fn of(view: &Arc<View>) -> Result<Ends, LogError> {
        let offsets = view.offsets();
        let newest = Offset(offsets.end.0.saturating_sub(1)).max(offsets.start);
        let (first, last) = (End::at(view, offsets.start)?, End::at(view, newest)?);
        Ok(Ends {
            first_timestamp_us: first.and_then(|end| end.timestamp_us),
            last_timestamp_us: last.and_then(|end| end.timestamp_us),
            checksums: first.zip(last).map(|(first, last)| {
                match (first.is_checked, last.is_checked) {
                    (true, true) => Checksums::All,
                    (false, false) => Checksums::None,
                    (true, false) | (false, true) => Checksums::Some,
                }
            }),
        })
    }
}

/// A record at one end.
#[derive(Clone, Copy)]
struct End {
    timestamp_us: Option<u64>,
    is_checked: bool,
}

impl End {
    /// The first record that can be read from there on; `None` if there is none, damage included.
    fn at(view: &Arc<View>, offset: Offset) -> Result<Option<End>, LogError> {
        match view.scan(offset)?.next_record() {
            Some(Ok(record)) => {
                let (timestamp_us, is_checked) = (record.timestamp_us, record.checksum.is_some());
                Ok(Some(End { timestamp_us, is_checked }))
            }
            None | Some(Err(LogError::Corrupt(_))) => Ok(None),
            Some(Err(error)) => Err(error),
        }
    }
}
