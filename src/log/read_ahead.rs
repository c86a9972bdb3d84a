//! Reads the blocks of a store on a thread of its own, ahead of whoever looks at them: copying out of
//! the system's cache and computing checksums then take two processors.
//!
//! Invariant: what it holds is bounded, and there are no more such threads than processors.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::fs::{StorageFile, read_full};

/// Bytes of a block: so many that handing it over costs little beside reading it.
pub(super) const BLOCK_BYTES: usize = 512 << 10;

/// Free bytes before the content of each block, for what is left of the one before it.
pub(super) const HEADROOM_BYTES: usize = 64 << 10;

/// Blocks in use at once: one being filled, one waiting, one being looked at.
const N_BLOCKS: usize = 3;

/// Places that are taken in the process.
static N_TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Blocks of a file in order, from a position on.
#[derive(Debug)]
pub(super) struct ReadAhead {
    blocks: Receiver<io::Result<Block>>,
    used: SyncSender<Vec<u8>>,
    position: u64,
}

/// A part of the file, behind [`HEADROOM_BYTES`] of anything.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) buffer: Vec<u8>,
    pub(super) n_bytes: usize,
}

impl ReadAhead {
    /// Starts to read `file` from `position` on up to `end`. `None` if there are as many such threads
    /// as processors already, or there is but one processor.
    pub(super) fn start(file: Arc<dyn StorageFile>, position: u64, end: u64) -> Option<ReadAhead> {
        let place = Place::take()?;
        let (filled, blocks) = mpsc::sync_channel(N_BLOCKS - 2);
        let (used, to_use) = mpsc::sync_channel(N_BLOCKS);
        let thread = thread::Builder::new().name("proglog-ahead".to_owned());
        let started = thread.spawn(move || {
            let _place = place;
            read(&*file, position, end, &filled, &to_use);
        });
        started.ok().map(|_| ReadAhead { blocks, used, position })
    }

    /// Where the next block starts.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next block; `None` behind the last one.
    pub(super) fn next(&mut self) -> Option<io::Result<Block>> {
        let block = self.blocks.recv().ok()?;
        if let Ok(block) = &block {
            self.position += block.n_bytes as u64;
        }
        Some(block)
    }

    /// Gives back the buffer of a block that isn't looked at any more.
    pub(super) fn give_back(&self, buffer: Vec<u8>) {
        if buffer.len() == HEADROOM_BYTES + BLOCK_BYTES {
            // There's room for all of them; and if the thread is gone, it has sent all there is.
            let _ = self.used.try_send(buffer);
        }
    }
}

/// Ends at the end, at an error, or when nobody wants more.
fn read(
    file: &dyn StorageFile,
    from: u64,
    end: u64,
    filled: &SyncSender<io::Result<Block>>,
    to_use: &Receiver<Vec<u8>>,
) {
    let mut position = from;
    let mut n_buffers = 0;
    while position < end {
        let buffer = to_use.try_recv().ok().or_else(|| {
            n_buffers += 1;
            if n_buffers > N_BLOCKS { to_use.recv().ok() } else { None }
        });
        let mut buffer = buffer.unwrap_or_else(|| vec![0; HEADROOM_BYTES + BLOCK_BYTES]);
        let n_wanted = (end - position).min(BLOCK_BYTES as u64) as usize;
        let n_read = read_full(file, &mut buffer[HEADROOM_BYTES..][..n_wanted], position);
        let is_last = !matches!(n_read, Ok(n_read) if n_read == n_wanted);
        let block = n_read.map(|n_bytes| Block { buffer, n_bytes });
        if filled.send(block).is_err() || is_last {
            break;
        }
        position += n_wanted as u64;
    }
}

/// One of the processors, for a thread that is kept busy by reading. Whoever has enough of them to
/// keep all processors busy takes places for them, too, and then nothing is read ahead.
pub(super) struct Place;

impl Place {
    pub(super) fn take() -> Option<Place> {
        static N_PROCESSORS: OnceLock<usize> = OnceLock::new();
        let most =
            *N_PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from));
        let taken = N_TAKEN.try_update(Ordering::AcqRel, Ordering::Acquire, |n_taken| {
            (most > 1 && n_taken < most).then_some(n_taken + 1)
        });
        taken.ok().map(|_| Place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        N_TAKEN.fetch_sub(1, Ordering::AcqRel);
    }
}
