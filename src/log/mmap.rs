//! The only unsafe code: a mapped file behind safe calls.
//!
//! A mapping is an array of 32-bit words that are loaded and stored one at a time; no slice of it is
//! ever lent, so a file that changes underneath can change a value but never break a promise of the
//! language.
//!
//! Contract: a word is touched only where the file has a block for it. A file cut shorter while it is
//! mapped raises SIGBUS, so only the holder of the directory's lock maps anything: it is the only one
//! that cuts. Readers in other processes use positioned reads.
#![expect(unsafe_code, reason = "mapping a file needs it; see the contract above")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::{MmapAsRawDesc, MmapOptions, MmapRaw, UncheckedAdvice};

#[cfg(feature = "plants")]
use super::plant::{Plant, is_planted};

const WORD_BYTES: usize = 4;

/// Words in a mapped file, or in memory where a test's file system has no real files.
#[derive(Debug)]
pub enum Mapping {
    /// A real file.
    File(MappedFile),
    /// Words shared with whoever plays the file.
    Memory(Arc<[AtomicU32]>),
}

impl Mapping {
    /// Loads word `word`, in the byte order of the file (big-endian).
    ///
    /// # Panics
    /// If the mapping is not that long.
    #[must_use]
    pub fn load(&self, word: usize) -> u32 {
        #[cfg(feature = "plants")]
        if is_planted(Plant::DataRace) {
            count_by_racing();
        }
        u32::from_be(self.word(word).load(Ordering::Acquire))
    }

    /// Stores word `word`, in the byte order of the file (big-endian).
    ///
    /// # Panics
    /// If the mapping is not that long.
    pub fn store(&self, word: usize, value: u32) {
        self.word(word).store(value.to_be(), Ordering::Release);
    }

    /// Tells the system that `words` from the start aren't needed in memory for now.
    pub fn release(&self, words: usize) {
        if let Mapping::File(file) = self {
            file.release(words * WORD_BYTES);
        }
    }

    fn word(&self, word: usize) -> &AtomicU32 {
        match self {
            Mapping::File(file) => file.word(word),
            Mapping::Memory(words) => &words[word],
        }
    }
}

/// Planted as [`Plant::DataRace`].
#[cfg(feature = "plants")]
fn count_by_racing() {
    static N_LOADS: AtomicU32 = AtomicU32::new(0);
    let count = N_LOADS.as_ptr();
    // SAFETY: there is none. That is the bug, for a sanitizer to find; it is in no release.
    unsafe { count.write(count.read().wrapping_add(1)) }
}

/// A part of a file, mapped and shared.
#[derive(Debug)]
pub struct MappedFile {
    raw: MmapRaw,
}

impl MappedFile {
    /// Maps `n_bytes` from `position` on, which has to be a multiple of the page size.
    pub(super) fn new(
        file: impl MmapAsRawDesc,
        position: u64,
        n_bytes: usize,
        writable: bool,
    ) -> io::Result<Self> {
        let mut options = MmapOptions::new();
        options.offset(position).len(n_bytes);
        let raw =
            if writable { options.map_raw(file)? } else { options.map_raw_read_only(file)? };
        Ok(MappedFile { raw })
    }

    fn word(&self, word: usize) -> &AtomicU32 {
        assert!(word < self.raw.len() / WORD_BYTES, "word {word} is outside of the mapping");
        let address = self.raw.as_mut_ptr().wrapping_add(word * WORD_BYTES).cast::<u32>();
        // SAFETY: the address lies inside the mapping, as checked, which lives as long as `self`. It
        // is aligned: mappings start at a page and words follow each other. All access in this
        // process goes through here and is atomic; a read-only mapping is only ever loaded from.
        unsafe { AtomicU32::from_ptr(address) }
    }

    fn release(&self, n_bytes: usize) {
        let n_bytes = n_bytes.min(self.raw.len());
        // SAFETY: for a shared mapping of a file, MADV_DONTNEED drops page table entries only; the
        // content stays in the page cache and is mapped again at the next touch. Failure is harmless.
        let _ = unsafe { self.raw.unchecked_advise_range(UncheckedAdvice::DontNeed, 0, n_bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_big_endian_in_the_file_and_survive_a_release() {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(8192).expect("a length");
        let mapping = Mapping::File(MappedFile::new(&file, 4096, 4096, true).expect("a mapping"));
        mapping.store(1, 0x0102_0304);
        mapping.release(1024);
        assert_eq!(mapping.load(1), 0x0102_0304);
        let mut bytes = [0; 8];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 4096).expect("bytes");
        assert_eq!(bytes, [0, 0, 0, 0, 1, 2, 3, 4]);
    }
}
