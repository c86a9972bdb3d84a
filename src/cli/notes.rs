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
    recovery.torn_tails.iter().map(|tail| {
        format!(
            "a torn tail was cut: {} from offset {} on (segment {}, position {}), never acknowledged as durable",
            counted(tail.bytes, "byte"),
            grouped(tail.offset.0),
            tail.segment,
            grouped(tail.position.0),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Offset, Position, TornTail};

    #[test]
    fn a_torn_tail_is_one_line() {
        let tail = TornTail {
            segment: Offset(0),
            offset: Offset(12),
            position: Position(4200),
            bytes: 37,
        };
        let recovery = Recovery { torn_tails: vec![tail], ..Recovery::default() };
        let notes: Vec<String> = recovery_notes(&recovery).collect();
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("37 bytes from offset 12 on"), "{}", notes[0]);
    }
}
