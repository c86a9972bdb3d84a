//! A reader's place in the log and what it may still get: chunk by chunk, so that an answer of any
//! length holds little memory.

use std::sync::Arc;

use crate::service::{Chunk, CommitLog, Offset, Record, ScanLimits, ServiceError};

/// What is read at one go: enough that the hand-over to a reading thread and the look-up of the place
/// are small beside it.
const CHUNK_BYTES: u64 = 256 << 10;
const CHUNK_RECORDS: u64 = 4096;

/// What a reader asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) from: Offset,
    /// The first offset that isn't wanted any more, if there is one.
    pub(super) end: Option<Offset>,
    pub(super) max_records: u64,
    /// Of values, keys and headers together; a first record that is larger still comes.
    pub(super) max_bytes: u64,
    pub(super) skips_corrupt: bool,
}

#[derive(Debug)]
pub(super) struct Cursor<L> {
    log: Arc<L>,
    /// What is still wanted.
    wanted: Wanted,
    has_started: bool,
    is_full: bool,
}

impl<L: CommitLog> Cursor<L> {
    pub(super) fn new(log: Arc<L>, wanted: Wanted) -> Cursor<L> {
        Cursor { log, wanted, has_started: false, is_full: false }
    }

    /// Where it goes on.
    pub(super) const fn at(&self) -> Offset {
        self.wanted.from
    }

    /// Whether nothing more is wanted.
    pub(super) fn is_done(&self) -> bool {
        let Wanted { from, end, max_records, max_bytes, .. } = self.wanted;
        self.is_full || max_records == 0 || max_bytes == 0 || end.is_some_and(|end| from >= end)
    }

    /// The next records; `None` if nothing more is wanted. A chunk without records and without missing
    /// ones says that there is nothing more now.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>, ServiceError> {
        if self.is_done() {
            return Ok(None);
        }
        let limits = ScanLimits {
            end: self.wanted.end,
            max_records: self.wanted.max_records.min(CHUNK_RECORDS) as usize,
            max_bytes: self.wanted.max_bytes.min(CHUNK_BYTES) as usize,
            skips_corrupt: self.wanted.skips_corrupt,
        };
        let mut chunk = self.log.scan(self.wanted.from, limits).await?;
        self.account_for(&mut chunk);
        Ok(Some(chunk))
    }

    /// Like [`Cursor::next`], for a reader who doesn't wait for more: `None` at the end of the log, too.
    pub(super) async fn next_there(&mut self) -> Result<Option<Chunk>, ServiceError> {
        let before = self.wanted.from;
        let chunk = self.next().await?;
        Ok(chunk.filter(|chunk| chunk.next > before))
    }

    /// Waits until there is something to go on with.
    pub(super) async fn wait(&self) -> Result<(), ServiceError> {
        self.log.wait_for(self.wanted.from).await
    }

    /// Takes a chunk off what is wanted, and cuts it where that is full.
    fn account_for(&mut self, chunk: &mut Chunk) {
        for at in 0..chunk.records.len() {
            let record = &chunk.records[at];
            let n_bytes = content_bytes(record);
            if self.has_started && n_bytes > self.wanted.max_bytes {
                self.is_full = true;
                chunk.next = record.offset;
                chunk.records.truncate(at);
                chunk.missing.retain(|missing| missing.offsets.start < chunk.next);
                break;
            }
            self.has_started = true;
            self.wanted.max_bytes = self.wanted.max_bytes.saturating_sub(n_bytes);
        }
        self.wanted.max_records -= (chunk.records.len() as u64).min(self.wanted.max_records);
        self.wanted.from = chunk.next;
    }
}

fn content_bytes(record: &Record) -> u64 {
    let headers: usize =
        record.headers.iter().map(|header| header.name.len() + header.value.len()).sum();
    (record.value.len() + record.key.as_ref().map_or(0, |key| key.len()) + headers) as u64
}
