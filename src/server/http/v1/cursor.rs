//! A reader's place in the log and what it may still get: chunk by chunk, so that an answer of any
//! length holds little memory.

use std::sync::Arc;

use super::chunk::answer_bytes;
use crate::server::answer_room::{AnswerRoom, Taken};
use crate::service::{Chunk, CommitLog, Offset, Record, ScanLimits, ServiceError};

/// What is read at one go: enough that the hand-over to a reading thread and the look-up of the place
/// are small beside it.
const CHUNK_BYTES: u64 = 256 << 10;
const CHUNK_RECORDS: u64 = 4096;

/// What a reader asked for.
#[derive(Clone, Copy, Debug)]
pub(in crate::server::http) struct Wanted {
    pub(in crate::server::http) from: Offset,
    /// The first offset that isn't wanted any more, if there is one.
    pub(in crate::server::http) end: Option<Offset>,
    pub(in crate::server::http) max_records: u64,
    /// Of values, keys and headers together; a first record that is larger still comes.
    pub(in crate::server::http) max_bytes: u64,
    pub(in crate::server::http) skips_corrupt: bool,
}

#[derive(Debug)]
pub(in crate::server::http) struct Cursor<L> {
    log: Arc<L>,
    /// `None` if the answer has taken its room already.
    room: Option<Arc<AnswerRoom>>,
    /// What is still wanted.
    wanted: Wanted,
    has_started: bool,
    is_full: bool,
}

impl<L: CommitLog> Cursor<L> {
    pub(in crate::server::http) fn new(
        log: Arc<L>,
        room: Option<Arc<AnswerRoom>>,
        wanted: Wanted,
    ) -> Cursor<L> {
        Cursor { log, room, wanted, has_started: false, is_full: false }
    }

    /// Where it goes on.
    pub(in crate::server::http) const fn at(&self) -> Offset {
        self.wanted.from
    }

    /// Whether nothing more is wanted.
    pub(in crate::server::http) fn is_done(&self) -> bool {
        let Wanted { from, end, max_records, max_bytes, .. } = self.wanted;
        self.is_full || max_records == 0 || max_bytes == 0 || end.is_some_and(|end| from >= end)
    }

    /// The next records, with the room that the answer takes; `None` if nothing more is wanted. A chunk without records and without missing
    /// ones says that there is nothing more now.
    pub(in crate::server::http) async fn next(
        &mut self,
    ) -> Result<Option<(Chunk, Taken)>, ServiceError> {
        if self.is_done() {
            return Ok(None);
        }
        let limits = ScanLimits {
            end: self.wanted.end,
            max_records: self.wanted.max_records.min(CHUNK_RECORDS) as usize,
            max_bytes: self.wanted.max_bytes.min(CHUNK_BYTES) as usize,
            skips_corrupt: self.wanted.skips_corrupt,
        };
        let scan = || self.log.scan(self.wanted.from, limits);
        let (mut chunk, taken) = match &self.room {
            Some(room) => room.read(scan, answer_bytes).await?,
            None => (scan().await?, Taken::default()),
        };
        self.account_for(&mut chunk);
        Ok(Some((chunk, taken)))
    }

    /// Like [`Cursor::next`], for a reader who doesn't wait for more: `None` at the end of the log, too.
    pub(in crate::server::http) async fn next_there(
        &mut self,
    ) -> Result<Option<(Chunk, Taken)>, ServiceError> {
        let before = self.wanted.from;
        let chunk = self.next().await?;
        Ok(chunk.filter(|(chunk, _)| chunk.next > before))
    }

    /// Waits until there is something to go on with.
    pub(in crate::server::http) async fn wait(&self) -> Result<(), ServiceError> {
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
