//! What is said on standard error when a log was opened and something had to be put right.

use super::context::Context;
use super::output::{counted, grouped};
use crate::log::Recovery;

/// Says what was cut: never anything that was acknowledged as durable.
pub(crate) fn recovery(context: &Context, recovery: &Recovery) {
    for note in recovery_notes(recovery) {
        context.note(&note);
    }
}

fn recovery_notes(recovery: &Recovery) -> impl Iterator<Item = String> {
    let removed = recovery
        .removed_segments
        .iter()
        .map(|base| format!("segment {base} was removed: a crash had left it without any record"));
    let cut = recovery.torn_tails.iter().map(|tail| {
        format!(
            "a torn tail was cut: {} from offset {} on (segment {}, position {}), never acknowledged as durable",
            counted(tail.bytes, "byte"),
            grouped(tail.offset.0),
            tail.segment,
            grouped(tail.position.0),
        )
    });
    cut.chain(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Offset, Position, TornTail};

    #[test]
    fn what_was_put_right_is_a_line_each() {
        let tail = TornTail {
            segment: Offset(0),
            offset: Offset(12),
            position: Position(4200),
            bytes: 37,
        };
        let removed_segments = vec![Offset(13)];
        let recovery = Recovery { torn_tails: vec![tail], removed_segments, ..Recovery::default() };
        let notes: Vec<String> = recovery_notes(&recovery).collect();
        assert_eq!(notes.len(), 2);
        assert!(notes[1].starts_with("segment 13 was removed"), "{}", notes[1]);
        assert!(notes[0].contains("37 bytes from offset 12 on"), "{}", notes[0]);
    }
}
