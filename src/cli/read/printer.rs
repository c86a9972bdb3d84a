//! The loop of a read: prints what can be seen now, and says what can't be printed.

use std::io::{self, Write};
use std::ops::Range;

use indicatif::ProgressBar;

use crate::cli::context::Context;
use crate::cli::output::grouped;
use crate::log::{Corruption, LogError, Offset, RecordRef, Scan};
use crate::service::{Chunk, Missing};
use crate::text::format::RecordFormat;
use crate::text::read_range::ReadRange;

/// How far a pass over the log came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Everything that was asked for is printed.
    Complete,
    /// Nothing more is there at the moment.
    AtEnd,
}

/// Prints records and counts them.
pub(crate) struct Printer<'a, W> {
    pub(crate) context: &'a Context,
    pub(crate) out: &'a mut W,
    pub(crate) format: RecordFormat,
    pub(crate) delimiter: u8,
    pub(crate) range: ReadRange,
    /// How many more records are wanted.
    pub(crate) remaining: Option<u64>,
    pub(crate) skips_corrupt: bool,
    pub(crate) progress: ProgressBar,
    /// Whether a damaged record was left out.
    pub(crate) skipped: bool,
}

impl<W: Write> Printer<'_, W> {
    /// Prints up to the end of what is visible, and hands it to the system: also before an error.
    pub(crate) fn print(&mut self, scan: &mut Scan) -> anyhow::Result<Progress> {
        let progress = self.print_visible(scan);
        let lost = scan.take_lost();
        self.out.flush()?;
        for offsets in lost {
            self.note_missing(offsets, "lost to damage and given up by a repair");
        }
        progress
    }

    fn print_visible(&mut self, scan: &mut Scan) -> anyhow::Result<Progress> {
        while !self.is_complete(scan.position()) {
            match scan.next_record() {
                None => return Ok(Progress::AtEnd),
                Some(Ok(record)) if self.is_past(record.offset) => break,
                Some(Ok(record)) => self.print_one(&record)?,
                Some(Err(LogError::Corrupt(corruption))) if self.skips_corrupt => {
                    self.skip(scan, corruption)?;
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
        Ok(Progress::Complete)
    }

    fn print_one(&mut self, record: &RecordRef<'_>) -> io::Result<()> {
        self.format.write(record, self.delimiter, self.out)?;
        self.remaining = self.remaining.map(|remaining| remaining - 1);
        self.progress.inc(1);
        Ok(())
    }

    /// Prints what a server has sent at one go, and says what of it is missing.
    pub(crate) fn print_chunk(&mut self, chunk: &Chunk) -> io::Result<Progress> {
        let mut missing = chunk.missing.iter().peekable();
        for record in &chunk.records {
            while let Some(gap) = missing.next_if(|gap| gap.offsets.start < record.offset) {
                self.tell_missing(gap)?;
            }
            if self.is_complete(record.offset) {
                return self.out.flush().map(|()| Progress::Complete);
            }
            self.print_one(&record.borrowed())?;
        }
        for gap in missing {
            self.tell_missing(gap)?;
        }
        self.out.flush()?;
        Ok(if self.is_complete(chunk.next) { Progress::Complete } else { Progress::AtEnd })
    }

    fn tell_missing(&mut self, missing: &Missing) -> io::Result<()> {
        if self.remaining == Some(0) {
            return Ok(());
        }
        self.out.flush()?;
        let offsets = missing.offsets.clone();
        if missing.is_lost {
            self.note_missing(offsets, &missing.reason);
        } else {
            self.skipped = true;
            self.note_missing(offsets, &format!("skipped: {}", missing.reason));
        }
        Ok(())
    }

    fn skip(&mut self, scan: &mut Scan, corruption: Corruption) -> anyhow::Result<()> {
        let why = format!("skipped: {corruption}");
        let offsets = scan.skip_corrupt()?;
        if offsets.is_empty() {
            return Err(LogError::Corrupt(corruption).into());
        }
        self.skipped = true;
        self.out.flush()?;
        self.note_missing(offsets, &why);
        Ok(())
    }

    pub(crate) fn is_complete(&self, position: Offset) -> bool {
        self.remaining == Some(0) || self.is_past(position)
    }

    fn is_past(&self, offset: Offset) -> bool {
        self.range.to.is_some_and(|to| offset >= to)
    }

    /// Says which of the offsets that were asked for are missing.
    fn note_missing(&self, offsets: Range<Offset>, why: &str) {
        let end = self.range.to.map_or(offsets.end, |to| to.min(offsets.end));
        let first = offsets.start.max(self.range.from);
        if let Some(note) = missing_note(first, end, why) {
            self.progress.suspend(|| self.context.note(&note));
        }
    }
}

fn missing_note(first: Offset, end: Offset, why: &str) -> Option<String> {
    match end.since(first) {
        0 => None,
        1 => Some(format!("offset {} was {why}", grouped(first.0))),
        _ => Some(format!(
            "offsets {} to {} were {why}",
            grouped(first.0),
            grouped(end.0.saturating_sub(1))
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_offsets_are_one_or_a_range() {
        let note = |first, end| missing_note(Offset(first), Offset(end), "lost");
        assert_eq!(note(5, 5), None);
        assert_eq!(note(5, 6).as_deref(), Some("offset 5 was lost"));
        assert_eq!(note(5, 2000).as_deref(), Some("offsets 5 to 1,999 were lost"));
    }
}
