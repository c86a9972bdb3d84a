//! A file's bytes: those that a power cut can't touch, those that programs see, and what lies between.
//!
//! Invariant: `live` is `durable` with all of `pending` applied in order.

use crate::numbers::Numbers;

/// What the device writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// A file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    durable: Vec<u8>,
    live: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Bytes { position: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Bytes { position, bytes } => {
                let end = position + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*position..end].copy_from_slice(bytes);
            }
            Change::Length(length) => content.resize(*length, 0),
        }
    }
}

impl Content {
    pub(crate) fn live(&self) -> &[u8] {
        &self.live
    }

    pub(crate) fn write(&mut self, position: u64, bytes: &[u8]) {
        self.change(Change::Bytes { position: position as usize, bytes: bytes.to_vec() });
    }

    pub(crate) fn set_length(&mut self, length: u64) {
        self.change(Change::Length(length as usize));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    pub(crate) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// What a power cut leaves: nothing of what wasn't synced, all of it, or of each sector and of the
    /// length what any earlier moment since the last sync had there.
    pub(crate) fn after_cut(&self, numbers: &mut Numbers) -> Content {
        let left = match numbers.below(3) {
            0 => self.durable.clone(),
            1 => self.live.clone(),
            _ => self.torn(numbers),
        };
        Content { durable: left.clone(), live: left, pending: Vec::new() }
    }

    fn torn(&self, numbers: &mut Numbers) -> Vec<u8> {
        let n_changes = self.pending.len() as u64;
        let mut any_moment = || match numbers.below(3) {
            0 => 0,
            1 => n_changes,
            _ => numbers.below(n_changes + 1),
        };
        let length_moment = any_moment();
        let length = self.length_after(length_moment);
        let mut moments: Vec<_> =
            (0..length.div_ceil(SECTOR_BYTES)).map(|sector| (any_moment(), sector)).collect();
        moments.sort_unstable();
        let mut torn = vec![0; length];
        let (mut state, mut n_applied) = (self.durable.clone(), 0);
        for (moment, sector) in moments {
            for change in &self.pending[n_applied..moment as usize] {
                change.apply(&mut state);
            }
            n_applied = moment as usize;
            let start = sector * SECTOR_BYTES;
            let end = (start + SECTOR_BYTES).min(length).min(state.len());
            if start < end {
                torn[start..end].copy_from_slice(&state[start..end]);
            }
        }
        torn
    }

    fn length_after(&self, moment: u64) -> usize {
        self.pending[..moment as usize].iter().fold(self.durable.len(), |length, change| {
            match change {
                Change::Bytes { position, bytes } => length.max(position + bytes.len()),
                Change::Length(length) => *length,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(content: &Content) -> Vec<Vec<u8>> {
        (0..200).map(|seed| content.after_cut(&mut Numbers::new(seed)).live).collect()
    }

    #[test]
    fn what_was_synced_stays() {
        let mut content = Content::default();
        content.write(0, &[1; 700]);
        content.sync();
        content.write(700, &[2; 2000]);
        for left in cuts(&content) {
            assert!(left.starts_with(&[1; 700]), "{left:?}");
        }
    }

    #[test]
    fn what_was_not_synced_is_dropped_kept_or_torn_at_sectors() {
        let mut content = Content::default();
        content.write(0, &[1; 2048]);
        content.sync();
        content.write(0, &[2; 2048]);
        let lefts = cuts(&content);
        assert!(lefts.contains(&vec![1; 2048]) && lefts.contains(&vec![2; 2048]));
        assert!(
            lefts.iter().any(|left| left[0] == 1 && left[2047] == 2),
            "order is nobody's promise"
        );
        for left in lefts {
            assert!(left.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        }
    }

    #[test]
    fn a_length_comes_and_goes_apart_from_the_bytes() {
        let mut content = Content::default();
        content.write(0, &[1; 1024]);
        content.sync();
        content.set_length(512);
        content.write(512, &[2; 1024]);
        let lefts = cuts(&content);
        assert!(lefts.iter().any(|left| left.len() == 512));
        assert!(lefts.iter().any(|left| left.len() == 1024 && left[512] == 1));
        assert!(lefts.iter().any(|left| left.len() == 1536 && left[512] == 1));
        assert!(lefts.iter().any(|left| left.len() == 1536 && left[1024] == 0), "a hole");
    }
}
