//! Records in order, lent from a read buffer.

use std::ops::Range;
use std::sync::Arc;

use super::error::LogError;
use super::offset::{Offset, Position};
use super::record::RecordRef;
use super::segment::Segment;
use super::view::{View, find};
use super::walker::Walker;

/// A running scan. It keeps open what it reads, so it may outlive the log it came from, and a
/// truncation never cuts a record it has lent.
///
/// At the end of what is visible it answers `None`; when more has become visible, it goes on.
#[derive(Debug)]
pub struct Scan {
    view: Arc<View>,
    /// The offset to look at next.
    at: Offset,
    current: Option<Current>,
    /// The cuts that were known when `current` was opened.
    n_cuts: u64,
    lost: Vec<Range<Offset>>,
}

/// Where a scan is.
#[derive(Debug)]
struct Current {
    segment: Arc<Segment>,
    walker: Walker,
    /// How far this segment may be read without looking at what has become visible since.
    until: Offset,
    end: u64,
}

impl Scan {
    pub(super) fn new(view: Arc<View>, from: Offset) -> Self {
        let n_cuts = view.n_cuts();
        Scan { view, at: from, current: None, n_cuts, lost: Vec::new() }
    }

    /// The next record; `None` at the end of what is visible now.
    ///
    /// Marks that a repair left for lost records are passed over; see [`Scan::take_lost`].
    ///
    /// # Errors
    /// `Corrupt` at a damaged record, again at every call until [`Scan::skip_corrupt`]; `OutOfRange`
    /// if the scan has been overtaken by [`Log::truncate_before`](super::Log::truncate_before).
    pub fn next_record(&mut self) -> Option<Result<RecordRef<'_>, LogError>> {
        loop {
            self.forget_what_was_undone();
            let ready = match &self.current {
                Some(current) => self.at < current.until,
                None => false,
            };
            if !ready {
                match self.advance() {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => return Some(Err(error)),
                }
            }
            if !self.pass_over_lost() {
                break;
            }
        }
        self.lend()
    }

    #[inline]
    fn lend(&mut self) -> Option<Result<RecordRef<'_>, LogError>> {
        let current = self.current.as_mut()?;
        let position = Position(current.walker.position());
        match current.walker.next(current.end) {
            Ok(record) => {
                self.at = record.offset.next();
                Some(Ok(record))
            }
            // Undone while it was being read: not there, rather than damaged.
            Err(_) if self.view.n_cuts() != self.n_cuts && self.at >= self.view.next() => None,
            Err(error) => Some(Err(current.segment.explain(error, self.at, position))),
        }
    }

    /// Drops what was read before records were undone: others may be in their place.
    fn forget_what_was_undone(&mut self) {
        let n_cuts = self.view.n_cuts();
        if n_cuts != self.n_cuts {
            self.n_cuts = n_cuts;
            self.current = None;
        }
    }

    #[inline]
    fn pass_over_lost(&mut self) -> bool {
        let Some(current) = &mut self.current else { return false };
        if !current.walker.stands_at_mark(current.end) {
            return false;
        }
        match self.lost.last_mut() {
            Some(range) if range.end == self.at => range.end = self.at.next(),
            _ => self.lost.push(self.at..self.at.next()),
        }
        self.at = self.at.next();
        current.walker.next(current.end).is_ok()
    }

    /// Stands at the record to be read next; `false` if it isn't visible yet.
    fn advance(&mut self) -> Result<bool, LogError> {
        let next = self.view.next();
        if self.at >= next {
            return Ok(false);
        }
        if self.at < self.view.lowest() {
            return Err(self.view.out_of_range(self.at));
        }
        if let Some(current) = &mut self.current {
            let extent = current.segment.extent();
            let until = current.segment.base.plus(extent.n_records).min(next);
            if self.at < until && current.walker.expected() == self.at {
                (current.until, current.end) = (until, extent.end);
                return Ok(true);
            }
        }
        self.current = None;
        let segments = self.view.segments();
        let Some(segment) = find(&segments, self.at) else {
            return Err(self.view.missing(&segments, self.at));
        };
        let extent = segment.extent();
        self.current = Some(Current {
            segment: Arc::clone(segment),
            walker: segment.walker_at(self.at)?,
            until: segment.next().min(next),
            end: extent.end,
        });
        Ok(true)
    }

    /// Goes on at the next sound record and answers with the offsets that are left out. If none
    /// follows, they reach up to the end of what is visible.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn skip_corrupt(&mut self) -> Result<Range<Offset>, LogError> {
        let from = self.at;
        let resumed = match self.current.take() {
            Some(current) => resync(current)?,
            None => None,
        };
        if let Some(current) = resumed {
            self.at = current.walker.expected();
            self.current = Some(current);
        } else {
            let next = self.view.next();
            let segments = self.view.segments();
            let behind = segments.iter().map(|segment| segment.floor).find(|floor| *floor > from);
            self.at = behind.unwrap_or(next).min(next).max(from);
        }
        Ok(from..self.at)
    }

    /// The offset that [`Scan::next_record`] will look at next.
    #[must_use]
    pub fn position(&self) -> Offset {
        self.at
    }

    /// Offsets of lost records, given up by a repair, that were passed over since the last call.
    pub fn take_lost(&mut self) -> Vec<Range<Offset>> {
        std::mem::take(&mut self.lost)
    }
}

fn resync(mut current: Current) -> Result<Option<Current>, LogError> {
    let resynced = current.walker.resync(&current.segment.index, current.until, current.end);
    let resynced = resynced.map_err(|error| current.segment.io(error))?;
    Ok(resynced.then_some(current))
}
