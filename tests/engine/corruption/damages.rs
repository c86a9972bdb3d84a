//! Every single damage to the files of a log: each bit flipped, ranges from each byte on zeroed, each
//! file cut to each length.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::original::Original;
use crate::memory::Files;
use crate::support::Frame;

/// One change to one file.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    Flip { file: String, bit: usize },
    Zero { file: String, from: usize, to: usize },
    Cut { file: String, len: usize },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Flip { file, bit } => {
                write!(f, "bit {} of byte {} of {file}", bit % 8, bit / 8)
            }
            Damage::Zero { file, from, to } => write!(f, "zeros from {from} to {to} of {file}"),
            Damage::Cut { file, len } => write!(f, "{file} cut to {len}"),
        }
    }
}

impl Damage {
    pub(crate) fn file(&self) -> &String {
        match self {
            Damage::Flip { file, .. } | Damage::Zero { file, .. } | Damage::Cut { file, .. } => {
                file
            }
        }
    }

    /// The files with this damage; `None` if it changes nothing.
    pub(crate) fn applied_to(&self, files: &Files) -> Option<Files> {
        let mut bytes = files[self.file()].to_vec();
        match self {
            Damage::Flip { bit, .. } => bytes[bit / 8] ^= 1 << (bit % 8),
            Damage::Zero { from, to, .. } => bytes[*from..*to].fill(0),
            Damage::Cut { len, .. } => bytes.truncate(*len),
        }
        let mut damaged = files.clone();
        damaged.insert(self.file().clone(), Arc::new(bytes));
        (damaged != *files).then_some(damaged)
    }

    /// The offsets of the records whose frames it changes.
    pub(crate) fn hit(&self, original: &Original, damaged: &Files) -> BTreeSet<u64> {
        let (before, after) = (&original.files[self.file()], &damaged[self.file()]);
        let is_hit = |frame: &Frame| {
            after.get(frame.position..frame.end()) != Some(&before[frame.position..frame.end()])
        };
        let store =
            original.frames.iter().find(|(base, _)| *self.file() == format!("{base}.store"));
        let frames = store.iter().flat_map(|(base, frames)| (*base..).zip(frames));
        frames.filter(|(_, frame)| is_hit(frame)).map(|(offset, _)| offset).collect()
    }
}

pub(crate) fn flips(original: &Original) -> Vec<Damage> {
    let of_file = |file: &String| {
        let bits = 0..original.files[file].len() * 8;
        let file = file.clone();
        bits.map(move |bit| Damage::Flip { file: file.clone(), bit })
    };
    original.files.keys().flat_map(of_file).collect()
}

pub(crate) fn cuts(original: &Original) -> Vec<Damage> {
    let of_file = |file: &String| {
        let lens = 0..original.files[file].len();
        let file = file.clone();
        lens.map(move |len| Damage::Cut { file: file.clone(), len })
    };
    original.files.keys().flat_map(of_file).collect()
}

/// From each byte on: all powers of two, which are sectors and pages among others; to the end of the
/// frame, of the one behind it, and of the file.
pub(crate) fn zeros(original: &Original) -> Vec<Damage> {
    let mut zeros = Vec::new();
    for (file, bytes) in &original.files {
        let store = original.frames.iter().find(|(base, _)| *file == format!("{base}.store"));
        let ends: Vec<usize> =
            store.iter().flat_map(|(_, frames)| frames).map(Frame::end).collect();
        for from in 0..bytes.len() {
            let powers = (0..usize::BITS).map(|power| from.saturating_add(1 << power));
            let behind = ends.iter().copied().filter(|end| *end > from).take(2);
            let to: BTreeSet<usize> =
                powers.chain(behind).filter(|to| *to < bytes.len()).chain([bytes.len()]).collect();
            let range = |to| Damage::Zero { file: file.clone(), from, to };
            zeros.extend(to.into_iter().map(range));
        }
    }
    zeros
}
