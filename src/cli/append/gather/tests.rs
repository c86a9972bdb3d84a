//! The loop against a sink that remembers its batches.

use std::cell::RefCell;
use std::sync::mpsc::{SyncSender, sync_channel};

use super::super::batch::{BatchLimits, Outgoing};
use super::super::sink_error::SinkError;
use super::super::tally::Tally;
use super::*;
use crate::log::{Appended, Durability, LogError, Offset};

/// Keeps each batch it was given; refuses records of more than 9 bytes.
#[derive(Default)]
struct Memory {
    batches: RefCell<Vec<Vec<String>>>,
    next: RefCell<u64>,
    asked: RefCell<Vec<Option<Offset>>>,
}

impl Sink for Memory {
    fn append(&self, batch: &Outgoing<'_>) -> Result<Appended, SinkError> {
        if let Some(record) = batch.records.iter().find(|record| record.value.len() > 9) {
            let bytes = record.value.len() as u64;
            return Err(LogError::RecordTooLarge { bytes, max: 9 }.into());
        }
        let first_offset = Offset(*self.next.borrow());
        self.asked.borrow_mut().push(batch.expected_offset);
        if let Some(expected) = batch.expected_offset.filter(|expected| *expected != first_offset) {
            return Err(LogError::OffsetMismatch { expected, next: first_offset }.into());
        }
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let values: Vec<String> = batch.records.iter().map(|record| text(&record.value)).collect();
        let last_offset = Offset(first_offset.0 + values.len() as u64 - 1);
        *self.next.borrow_mut() = last_offset.0 + 1;
        self.batches.borrow_mut().push(values);
        Ok(Appended { first_offset, last_offset, durability: Durability::Fsync })
    }
}

struct Run {
    batches: Vec<Vec<String>>,
    asked: Vec<Option<Offset>>,
    result: anyhow::Result<Option<i32>>,
    offsets: String,
    tally: Tally,
}

/// Feeds events that are all there before the loop starts.
fn run(format: InputFormat, limits: (u64, u64), expect: Option<u64>, events: Vec<Event>) -> Run {
    let (sender, receiver) = sync_channel(events.len() + 1);
    feed(&sender, events);
    let memory = Memory::default();
    let mut offsets = Vec::new();
    let limits = BatchLimits { records: limits.0, bytes: limits.1 };
    let batcher = Batcher::new(&memory, &[], limits)
        .expect_offset(expect.map(Offset))
        .print_offsets(Some(&mut offsets));
    let decoding = Decoding { format, delimiter: format.delimiter(None), key: None };
    let mut gatherer = Gatherer::new(&receiver, batcher, decoding);
    let result = gatherer.run();
    let tally = gatherer.batcher.tally();
    let offsets = String::from_utf8(offsets).expect("digits");
    Run { batches: memory.batches.take(), asked: memory.asked.take(), result, offsets, tally }
}

fn feed(sender: &SyncSender<Event>, events: Vec<Event>) {
    for event in events {
        assert!(sender.send(event).is_ok(), "the channel has room for all");
    }
}

fn stdin(blocks: &[&'static str], last: Event) -> Vec<Event> {
    let block = |text: &&'static str| Event::Block(Bytes::from_static(text.as_bytes()));
    let starts = std::iter::once(Event::Starts(Input::Stdin));
    starts.chain(blocks.iter().map(block)).chain([last]).collect()
}

fn failure(run: &Run) -> &Failure {
    let error = run.result.as_ref().expect_err("a failure");
    error.downcast_ref().expect("a Failure")
}

#[test]
fn what_is_there_at_once_is_one_batch() {
    let run = run(InputFormat::Line, (100, 100), None, stdin(&["a\nb\n", "c"], Event::End));
    assert_eq!(run.batches, [["a", "b", "c"]]);
    assert_eq!(run.offsets, "0\n1\n2\n");
    assert!(matches!(run.result, Ok(None)));
    assert_eq!((run.tally.first_offset, run.tally.last_offset), (Some(Offset(0)), Some(Offset(2))));
}

#[test]
fn full_batches_go_out_by_count_and_by_bytes() {
    let lines = ["a\nb\nc\n"];
    let by_count = run(InputFormat::Line, (2, 100), None, stdin(&lines, Event::End));
    assert_eq!(by_count.batches, [vec!["a", "b"], vec!["c"]]);
    let lines = ["aaa\nbb\ncccccc\n"];
    let by_bytes = run(InputFormat::Line, (100, 5), None, stdin(&lines, Event::End));
    assert_eq!(by_bytes.batches, [vec!["aaa", "bb"], vec!["cccccc"]]);
}

#[test]
fn batches_follow_on_an_expected_offset() {
    let lines = ["a\nb\n"];
    let follows = run(InputFormat::Line, (1, 100), Some(0), stdin(&lines, Event::End));
    assert_eq!(follows.asked, [Some(Offset(0)), Some(Offset(1))]);
    let other = run(InputFormat::Line, (1, 100), Some(3), stdin(&lines, Event::End));
    assert_eq!(
        (failure(&other).exit, &*failure(&other).code),
        (Exit::Precondition, "offset_mismatch")
    );
    assert!(other.batches.is_empty());
}

#[test]
fn records_before_a_bad_line_are_appended_and_nothing_of_it() {
    let lines = ["YQ==\nYg==\n!\nYw==\n"];
    let run = run(InputFormat::Base64, (100, 100), None, stdin(&lines, Event::End));
    assert_eq!(run.batches, [["a", "b"]]);
    let failure = failure(&run);
    assert_eq!((failure.exit, &*failure.code), (Exit::Failed, "bad_input"));
    assert!(failure.message.starts_with("standard input, line 3: not base64"), "{failure}");
    assert!(
        failure.message.ends_with("; 2 records were appended before, the last at offset 1"),
        "{failure}"
    );
    assert_eq!(failure.fields["line"], 3);
    assert_eq!(failure.fields["last_offset"], 1);
}

#[test]
fn a_record_over_the_limit_is_found_in_its_batch() {
    let lines = ["a\nb\nc\n0123456789\nd\n"];
    let run = run(InputFormat::Line, (100, 100), None, stdin(&lines, Event::End));
    assert_eq!(run.batches.concat(), ["a", "b", "c"]);
    let failure = failure(&run);
    assert_eq!(failure.code, "record_too_large");
    assert!(failure.message.contains("line 4: a record of 10 bytes is over the limit of 9"));
    assert_eq!(failure.fields["appended"], 3);
}

#[test]
fn an_endless_line_names_its_number() {
    let too_long = Event::Broken(PieceError::TooLong { limit: 5000 });
    let run = run(InputFormat::Line, (100, 100), None, stdin(&["a\n"], too_long));
    assert_eq!(run.batches, [["a"]]);
    let failure = failure(&run);
    assert!(failure.message.contains("line 2: the line is longer than 5,000 bytes"), "{failure}");
    assert!(failure.message.ends_with("1 record was appended before, at offset 0"), "{failure}");
}

#[test]
fn line_numbers_start_anew_with_each_input() {
    let mut events = stdin(&["YQ==\n"], Event::Starts(Input::File("other".into())));
    events.push(Event::Block(Bytes::from_static(b"YQ==\n?\n")));
    let run = run(InputFormat::Base64, (100, 100), None, events);
    assert!(failure(&run).message.starts_with("other, line 2: "), "{}", failure(&run));
}

#[test]
fn a_signal_ends_it_behind_what_was_read() {
    let run = run(InputFormat::Line, (100, 100), None, stdin(&["a\n"], Event::Signal(15)));
    assert_eq!(run.batches, [["a"]]);
    assert!(matches!(run.result, Ok(Some(15))));
}

#[test]
fn a_raw_input_is_one_record_even_if_empty() {
    let run = run(InputFormat::Raw, (100, 100), None, stdin(&[""], Event::End));
    assert_eq!(run.batches, [[""]]);
}

#[test]
fn a_batch_lingers_for_what_comes_late() {
    let (sender, receiver) = sync_channel(1);
    let memory = Memory::default();
    let limits = BatchLimits { records: 2, bytes: 100 };
    let decoding =
        Decoding { format: InputFormat::Line, delimiter: Delimiter::Byte(b'\n'), key: None };
    let mut gatherer = Gatherer::new(&receiver, Batcher::new(&memory, &[], limits), decoding);
    gatherer.linger = Duration::from_secs(3600);
    std::thread::spawn(move || feed(&sender, stdin(&["a\n", "b\n"], Event::End)));
    assert!(matches!(gatherer.run(), Ok(None)));
    assert_eq!(memory.batches.take(), [["a", "b"]]);
}
