//! The lengths of frames that follow each other, in a byte or two each: what was read once, to find
//! out what is there, needn't be read again to write its index.

use super::index::Entry;
use super::offset::{Offset, Position};
use super::protobuf::{Fields, put_varint};
use super::walker::Found;

/// What is kept at most. A segment of 1 GiB with records of 1 KiB takes 2 MiB.
const MOST_BYTES: usize = 16 << 20;

/// Frames from a place on, without a gap.
#[derive(Clone, Debug)]
pub(super) struct FrameRun {
    start: Found,
    /// A varint for each frame; `None` once they would take too much.
    lengths: Option<Vec<u8>>,
}

impl FrameRun {
    pub(super) fn new(start: Found) -> Self {
        FrameRun { start, lengths: Some(Vec::new()) }
    }

    /// A run of which nothing is known.
    pub(super) fn unknown(start: Found) -> Self {
        FrameRun { start, lengths: None }
    }

    /// Notes the frame that follows.
    #[inline]
    pub(super) fn note(&mut self, frame_bytes: u64) {
        if let Some(lengths) = &mut self.lengths {
            put_varint(lengths, frame_bytes);
            if lengths.len() > MOST_BYTES {
                self.lengths = None;
            }
        }
    }

    /// Where the frames start.
    pub(super) fn start(&self) -> Found {
        self.start
    }

    /// The entries of the frames in a segment that starts at `base`; `None` if they aren't known.
    pub(super) fn entries(&self, base: Offset) -> Option<impl Iterator<Item = Entry>> {
        let mut fields = Fields { rest: self.lengths.as_deref()? };
        let Found { mut offset, position: Position(mut position) } = self.start;
        Some(std::iter::from_fn(move || {
            let frame_bytes = fields.varint().ok()?;
            let entry = Entry { relative: offset.relative_to(base)?, position: Position(position) };
            offset = offset.next();
            position += frame_bytes;
            Some(entry)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::offset::RelativeOffset;

    const START: Found = Found { offset: Offset(105), position: Position(1000) };

    #[test]
    fn entries_are_where_the_frames_are() {
        let mut run = FrameRun::new(START);
        [22, 300, 1 << 20].into_iter().for_each(|frame_bytes| run.note(frame_bytes));
        let entry = |relative, position| Entry {
            relative: RelativeOffset(relative),
            position: Position(position),
        };
        let entries: Vec<Entry> = run.entries(Offset(100)).expect("known").collect();
        assert_eq!(entries, [entry(5, 1000), entry(6, 1022), entry(7, 1322)]);
    }

    #[test]
    fn too_many_frames_are_forgotten() {
        let mut run = FrameRun::new(START);
        (0..=MOST_BYTES).for_each(|_| run.note(22));
        assert!(run.entries(Offset(100)).is_none());
    }
}
