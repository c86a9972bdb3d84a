//! The little language in which the fuzzer writes a log's directory, so that its frames have
//! checksums that hold and its damage is where damage hurts.
//!
//! An input is a run of commands, each a letter and its operands; `n` is one byte. Any other byte,
//! and a command that the input is too short for, is passed over.
//!
//! ```text
//! S      start a segment where the last one ended       B n    start one at offset n
//! M n    start one n before where only the last 2^16 offsets are left
//! F n v  a frame with a value of n bytes, v             G n v  likewise, of the Go original
//! K n v  a key of n bytes for the frames that follow    U n    as many before were not synced
//! T n    time goes on by n - 128 microseconds           O n    offsets go on by n - 128
//! Y n    record type n; 255 is the mark for a lost one
//! I n    an index for all frames but the last n         W n    write to the store, or if odd the index
//! R n b  n raw bytes                                    Z n    n zeros
//! H n    n times 16 KiB of zeros                        C n    cut n bytes off the end
//! X n m  change byte n from the end by mask m           P n    remove the index, or if odd the store
//! N n    a file with a name that is none of the log's
//! ```

use std::collections::BTreeMap;

use crate::log::fuzzing::{put_frame, vouched_by};
use crate::log::{NewRecord, Offset, TYPE_LOST};

/// No file grows past this.
const MAX_FILE_BYTES: usize = 2 << 20;

/// No directory has more segments.
const MAX_SEGMENTS: usize = 8;

/// The files of a directory by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

const STRAY_NAMES: [&str; 4] =
    ["00.store", "1.index.bak", "-1.store", "18446744073709551616.store"];

/// One segment while it is written.
#[derive(Default)]
struct Segment {
    base: u64,
    store: Option<Vec<u8>>,
    index: Option<Vec<u8>>,
    positions: Vec<u64>,
    /// Where the last frame ends.
    end: usize,
}

/// The state between two commands.
struct Script<'a> {
    rest: &'a [u8],
    done: Vec<Segment>,
    segment: Segment,
    in_index: bool,
    ours: bool,
    next: u64,
    unsynced: u32,
    timestamp_us: u64,
    record_type: u32,
    key: Option<&'a [u8]>,
    strays: Files,
    is_patchwork: bool,
}

/// A directory as a script has written it.
pub(super) struct Directory {
    pub(super) files: Files,
    /// It has what no writer leaves: bytes between two frames, frames of the Go original behind ours,
    /// or offsets that aren't dense.
    pub(super) is_patchwork: bool,
    /// Up to where records were on the device, as the intact frames say.
    pub(super) vouched: Offset,
}

/// The directory that `input` describes.
pub(super) fn directory(input: &[u8]) -> Directory {
    let mut script = Script {
        rest: input,
        done: Vec::new(),
        segment: Segment { store: Some(Vec::new()), ..Segment::default() },
        in_index: false,
        ours: false,
        next: 0,
        unsynced: 0,
        timestamp_us: 1_700_000_000_000_000,
        record_type: 0,
        key: None,
        strays: Files::new(),
        is_patchwork: false,
    };
    while let Some((&command, rest)) = script.rest.split_first() {
        script.rest = rest;
        // A command that lacks its operands is passed over.
        let _ = script.step(command);
    }
    script.start(0);
    let (mut files, mut vouched) = (script.strays, Offset(0));
    // A later segment with the same base takes the place of an earlier one.
    let segments = script.done.into_iter().map(|segment| (segment.base, segment));
    for (base, segment) in segments.collect::<BTreeMap<_, _>>() {
        let store = segment.store.as_deref().unwrap_or_default();
        let frames =
            segment.positions.iter().filter_map(|position| store.get(*position as usize..));
        vouched = frames.filter_map(vouched_by).max().unwrap_or_default().max(vouched);
        files.extend(segment.store.map(|store| (format!("{base}.store"), store)));
        files.extend(segment.index.map(|index| (format!("{base}.index"), index)));
    }
    Directory { files, is_patchwork: script.is_patchwork, vouched }
}

impl<'a> Script<'a> {
    fn number(&mut self) -> Option<u8> {
        let (&number, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(number)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let n_bytes = usize::from(self.number()?);
        let (bytes, rest) = self.rest.split_at_checked(n_bytes)?;
        self.rest = rest;
        Some(bytes)
    }

    fn step(&mut self, command: u8) -> Option<()> {
        match command {
            b'S' => self.start(self.next),
            b'B' => {
                let base = self.number()?;
                self.start(u64::from(base));
            }
            b'M' => {
                let below = self.number()?;
                self.start(u64::MAX - (1 << 16) - u64::from(below));
            }
            b'F' | b'G' => self.frame(command)?,
            b'K' => self.key = Some(self.bytes()?),
            b'U' => self.unsynced = u32::from(self.number()?),
            b'T' => {
                let by = i64::from(self.number()?) - 128;
                self.timestamp_us = self.timestamp_us.wrapping_add_signed(by);
            }
            b'O' => {
                let by = i64::from(self.number()?) - 128;
                self.next = self.next.checked_add_signed(by).unwrap_or(self.next);
            }
            b'Y' => {
                let number = self.number()?;
                self.record_type = if number == 255 { TYPE_LOST } else { u32::from(number) };
            }
            b'N' => {
                let name = STRAY_NAMES[usize::from(self.number()?) % STRAY_NAMES.len()];
                self.strays.insert(name.to_owned(), Vec::new());
            }
            _ => self.change_file(command)?,
        }
        Some(())
    }

    fn change_file(&mut self, command: u8) -> Option<()> {
        match command {
            b'I' => {
                let n_left_out = usize::from(self.number()?);
                let n_entries = self.segment.positions.len().saturating_sub(n_left_out);
                let entries = (0_u32..).zip(&self.segment.positions[..n_entries]);
                let entry = |(relative, position): (u32, &u64)| {
                    relative.to_be_bytes().into_iter().chain(position.to_be_bytes())
                };
                self.segment.index = Some(entries.flat_map(entry).collect());
            }
            b'W' => self.in_index = !self.number()?.is_multiple_of(2),
            b'R' => {
                let bytes = self.bytes()?;
                self.file().extend_from_slice(bytes);
            }
            b'Z' | b'H' => {
                let n_zeros =
                    usize::from(self.number()?) * if command == b'H' { 16 << 10 } else { 1 };
                let file = self.file();
                file.resize((file.len() + n_zeros).min(MAX_FILE_BYTES.max(file.len())), 0);
            }
            b'C' => {
                let n_bytes = usize::from(self.number()?);
                let file = self.file();
                file.truncate(file.len().saturating_sub(n_bytes));
            }
            b'X' => {
                let (from_end, mask) = (usize::from(self.number()?), self.number()?);
                let file = self.file();
                let at = file.len().checked_sub(from_end + 1)?;
                file[at] ^= mask;
            }
            b'P' if self.number()?.is_multiple_of(2) => self.segment.index = None,
            b'P' => self.segment.store = None,
            _ => {}
        }
        Some(())
    }

    fn frame(&mut self, command: u8) -> Option<()> {
        let value = self.bytes()?;
        // The original knows no marks.
        let record_type = if command == b'F' { self.record_type } else { self.record_type & 0xFF };
        let record = NewRecord {
            // A mark has no value.
            value: if record_type == TYPE_LOST { &[] } else { value },
            key: if command == b'F' { self.key } else { None },
            headers: &[],
            timestamp_us: Some(self.timestamp_us),
            record_type,
        };
        let (offset, unsynced) = (Offset(self.next), self.unsynced);
        let segment = &mut self.segment;
        let store = segment.store.get_or_insert_default();
        let is_next = offset == Offset(segment.base).plus(segment.positions.len() as u64);
        let is_behind = segment.end == store.len();
        self.is_patchwork |= !is_next || !is_behind || (self.ours && command == b'G');
        segment.positions.push(store.len() as u64);
        put_frame(store, &record, offset, (command == b'F').then_some(unsynced));
        segment.end = store.len();
        self.ours |= command == b'F';
        self.next += 1;
        Some(())
    }

    fn file(&mut self) -> &mut Vec<u8> {
        let segment = &mut self.segment;
        let file = if self.in_index { &mut segment.index } else { &mut segment.store };
        file.get_or_insert_default()
    }

    /// Puts the segment away, unless it's the empty one that a script begins with.
    fn start(&mut self, base: u64) {
        let begun = Segment { base, store: Some(Vec::new()), ..Segment::default() };
        let segment = std::mem::replace(&mut self.segment, begun);
        let is_nothing =
            segment.index.is_none() && segment.store.as_ref().is_none_or(Vec::is_empty);
        if !(is_nothing && self.done.is_empty()) && self.done.len() < MAX_SEGMENTS {
            self.done.push(segment);
        }
        (self.next, self.in_index) = (base, false);
        self.ours = false;
    }
}
