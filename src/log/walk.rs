//! Reading the frames of a segment forward, to find out what is there: the heart of recovery.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::damage::{Damage, DamagedRange};
use super::dir::LogDir;
use super::examined::{Examined, LastRecord, State, TornTail};
use super::frame_reader::FrameError;
use super::frame_run::FrameRun;
use super::fs::{StorageFile, read_full};
use super::index::{Entry, Index, SparseIndex};
use super::offset::{Offset, Position, RelativeOffset};
use super::record::RecordRef;
use super::segment::{Extent, corruption};
use super::walker::{Found, Walker};

/// Reading frames forward from the last index entry that holds.
pub(super) struct Walk {
    base: Offset,
    store_path: PathBuf,
    store: Arc<dyn StorageFile>,
    walker: Walker,
    /// The index, asked for the way behind damage.
    hints: Index,
    end: u64,
    /// The first offset for which the index doesn't vouch.
    claimed: Offset,
    /// Where the next segment starts. If this one is ours, it was on the device up to there before
    /// that one was started.
    next_base: Option<Offset>,
    /// What has been read, if it's to be kept.
    run: FrameRun,
    sparse: SparseIndex,
    last: LastRecord,
    damage: Damage,
}

impl Walk {
    pub(super) fn new(
        dir: &LogDir,
        examined: &Examined,
        store: &Arc<dyn StorageFile>,
        start: Found,
    ) -> io::Result<Walk> {
        let base = examined.base();
        let hints = Index::Sparse(SparseIndex::default(), examined.index.clone());
        // Only the newest segment may be large and unclean; memory is for one of them.
        let is_newest = examined.files.next_base.is_none();
        let run = if is_newest { FrameRun::new(start) } else { FrameRun::unknown(start) };
        let mut sparse = SparseIndex::default();
        if start.position.0 > 0 {
            sparse.keep(Entry { relative: RelativeOffset(0), position: Position(0) });
        }
        Ok(Walk {
            base,
            store_path: dir.store_path(base),
            store: Arc::clone(store),
            walker: Walker::new(Arc::clone(store), base, start),
            hints,
            end: examined.store_len,
            claimed: base.plus(examined.n_claimed()?),
            next_base: examined.files.next_base,
            run,
            sparse,
            last: LastRecord::default(),
            damage: Damage::default(),
        })
    }

    /// Says that all of `extent` is known to have been on the device, and nothing behind it is looked at.
    pub(super) fn expect(&mut self, extent: Extent) {
        self.claimed = self.base.plus(extent.n_records);
        self.end = extent.end;
    }

    /// Reads to the end, tells `on_record` of every sound record, and notes in `examined` what there is.
    pub(super) fn run(
        mut self,
        examined: &mut Examined,
        on_record: &mut dyn FnMut(&RecordRef<'_>),
    ) -> io::Result<()> {
        loop {
            let here = self.here();
            match self.walker.next(self.end) {
                Ok(record) => {
                    on_record(&record);
                    self.run.note(record.frame_bytes);
                    if let Some(relative) = record.offset.relative_to(self.base) {
                        self.sparse.note(Entry { relative, position: record.position });
                    }
                    self.last = LastRecord::of(&record);
                }
                Err(FrameError::Io(error)) => return Err(error),
                Err(FrameError::Corrupt(reason)) => {
                    if !self.is_damage(here)? {
                        break;
                    }
                    let first = corruption(self.base, here, reason, &self.store_path);
                    let resynced = self.resync()?;
                    let end = if resynced { self.here() } else { self.end_of_all() };
                    self.damage.add(DamagedRange {
                        first,
                        offsets: here.offset..end.offset,
                        n_bytes: end.position.0 - here.position.0,
                    });
                    if !resynced {
                        break;
                    }
                }
            }
        }
        self.conclude(examined)
    }

    fn here(&self) -> Found {
        Found { offset: self.walker.expected(), position: Position(self.walker.position()) }
    }

    /// Behind all records that were on the device once, if there's no sound one any more.
    fn end_of_all(&self) -> Found {
        let offset = self.walker.expected().max(self.claimed);
        Found { offset, position: Position(self.end.max(self.walker.position())) }
    }

    /// Whether the record that should be `here` was on the device once.
    fn is_damage(&mut self, here: Found) -> io::Result<bool> {
        if let Some(next_base) = self.next_base.filter(|next_base| here.offset < *next_base)
            && self.walker.is_ours(self.end)?
        {
            self.claimed = self.claimed.max(next_base);
        }
        if here.offset < self.claimed {
            return Ok(true);
        }
        Ok(here.position.0 < self.end && self.walker.is_vouched_for(self.end)?)
    }

    fn resync(&mut self) -> io::Result<bool> {
        let resynced = self.walker.resync(&self.hints, Offset(u64::MAX), self.end)?;
        if resynced && !self.damage.is_full() {
            let here = self.here();
            if let Some(relative) = here.offset.relative_to(self.base) {
                self.sparse.keep(Entry { relative, position: here.position });
            }
        }
        Ok(resynced)
    }

    fn conclude(self, examined: &mut Examined) -> io::Result<()> {
        let Found { offset, position } = self.here();
        examined.last = self.last;
        if !self.damage.is_empty() {
            let n_records = self.end_of_all().offset.since(self.base);
            examined.extent = Extent { n_records, end: self.end };
            examined.state = State::Damaged { sparse: self.sparse, damage: self.damage };
            return Ok(());
        }
        examined.extent = Extent { n_records: offset.since(self.base), end: position.0 };
        let has_tail = position.0 < self.end && !is_zeros(&*self.store, position.0, self.end)?;
        let torn_tail = has_tail.then(|| TornTail {
            segment: self.base,
            offset,
            position,
            bytes: self.end - position.0,
        });
        examined.state = State::Unclean { sparse: self.sparse, stale: self.run, torn_tail };
        Ok(())
    }
}

fn is_zeros(file: &dyn StorageFile, from: u64, to: u64) -> io::Result<bool> {
    let mut block = vec![0; 64 << 10];
    let mut position = from;
    while position < to {
        let n_wanted = (to - position).min(block.len() as u64) as usize;
        let n_read = read_full(file, &mut block[..n_wanted], position)?;
        if block[..n_read].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        if n_read == 0 {
            break;
        }
        position += n_read as u64;
    }
    Ok(true)
}
