//! Undoing the newest records, for a consensus layer.

use std::sync::Arc;

use super::super::config::LogConfig;
use super::super::dir::{LogDir, SegmentFiles};
use super::super::error::LogError;
use super::super::fs::{self, Access};
use super::super::index::{ENTRY_BYTES, Index, MappedIndex};
use super::super::offset::Offset;
use super::super::segment::{Extent, Segment};
use super::{Writer, index_capacity};

impl Writer {
    /// Undoes the records from `offset` on. The newest go first: whole segments, then the rest of the
    /// one that holds `offset`, whose index and store are shortened and synced.
    pub(in super::super) fn truncate_after(&mut self, offset: Offset) -> Result<(), LogError> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        self.cut_suffix(offset).map_err(|failure| self.latch(failure))
    }

    fn cut_suffix(&mut self, offset: Offset) -> Result<(), LogError> {
        let mut segments = (*self.view.segments()).clone();
        self.n_cuts += 1;
        self.view.cut(offset);
        while segments.len() > 1 && segments.last().is_some_and(|last| last.base >= offset) {
            let Some(newest) = segments.pop() else { break };
            self.view.set_segments(segments.clone());
            self.dir.remove_segment(SegmentFiles::whole(newest.base))?;
        }
        let Some(last) = segments.pop() else { return Ok(()) };
        if last.base != self.active.base {
            self.active = reopen_active(&self.dir, &self.config, &last)?;
            self.index_len = self.active.extent().n_records * ENTRY_BYTES;
        }
        self.cut_active(offset)?;
        segments.push(Arc::clone(&self.active));
        self.view.set_segments(segments);
        Ok(())
    }

    /// The index is emptied behind the cut and synced before the store gets shorter: entries must never
    /// vouch for records that are gone. Its file keeps its length, since readers have it mapped.
    fn cut_active(&mut self, offset: Offset) -> Result<(), LogError> {
        let extent = self.active.extent();
        let n_kept = offset.since(self.active.base);
        let position = self.active.walker_at(offset)?.position();
        self.active.publish(Extent { n_records: n_kept, end: position });
        let active = Arc::clone(&self.active);
        let Index::Mapped(index) = &active.index else { return Err(self.not_mapped()) };
        let cut_index = || {
            let index_len = index.reserve(self.index_len, extent.n_records)?;
            index.clear(n_kept, extent.n_records)?;
            index.file().sync_all()?;
            Ok(index_len)
        };
        self.was_cut = true;
        self.index_len = cut_index().map_err(|error| self.index_error("shorten", error))?;
        self.position = position;
        self.space.restart(position);
        (self.next, self.synced) = (offset, offset);
        let cut_store = || {
            active.store.set_len(position)?;
            active.store.sync_all()
        };
        cut_store().map_err(|error| self.store_error("shorten", error))
    }

    /// Puts a new index of `index_len` bytes in the place of one from which records were undone. The old
    /// file keeps its length, since whoever has it mapped may just be looking behind the cut.
    pub(super) fn replace_index(&mut self, index_len: u64) -> Result<(), LogError> {
        let path = self.dir.index_path(self.active.base);
        let new_path = path.with_extension("index.new");
        self.dir.remove_if_there(&new_path)?;
        let new = self.dir.open_file(&new_path, Access::CreateNew)?;
        let old = Arc::clone(self.mapped()?.file());
        let copied = fs::copy(&*old, &*new, 0..index_len).and_then(|()| new.sync_all());
        copied.map_err(|error| LogError::io("write", &new_path, error))?;
        let renamed = self.dir.fs.rename(&new_path, &path);
        renamed.map_err(|error| LogError::io("rename to", &path, error))?;
        self.dir.sync()
    }
}

/// A sealed segment that becomes the active one again.
fn reopen_active(
    dir: &LogDir,
    config: &LogConfig,
    sealed: &Segment,
) -> Result<Arc<Segment>, LogError> {
    let store = dir.open_file(&sealed.store_path, Access::ReadWrite)?;
    let index = dir.open_file(&dir.index_path(sealed.base), Access::ReadWrite)?;
    let extent = sealed.extent();
    let capacity = index_capacity(config).max(extent.n_records);
    let index = Index::Mapped(MappedIndex::new(index, Access::ReadWrite, capacity));
    let path = sealed.store_path.clone();
    Ok(Arc::new(Segment::new(sealed.base, store, path, index, extent)))
}
