//! Gathers records into batches, appends them, and keeps count of what became of them.

use std::io::{self, Write};

use super::sink_error::SinkError;
use super::tally::Tally;
use crate::log::{Append, Appended, Header, Log, NewRecord, Offset};
use crate::text::decode::{PendingRecord, Place};

/// Where batches go.
pub(crate) trait Sink {
    /// Appends all of the batch, or nothing of it.
    fn append(&self, batch: &Outgoing<'_>) -> Result<Appended, SinkError>;
}

/// A batch on its way out.
pub(crate) struct Outgoing<'a> {
    pub(crate) records: &'a [PendingRecord],
    /// Those of records that have none of their own.
    pub(crate) headers: &'a [Header],
    pub(crate) expected_offset: Option<Offset>,
}

impl Sink for Log {
    fn append(&self, batch: &Outgoing<'_>) -> Result<Appended, SinkError> {
        let records: Vec<NewRecord<'_>> =
            batch.records.iter().map(|record| record.as_new_record(batch.headers)).collect();
        let (expected_offset, term) = (batch.expected_offset, 0);
        Ok(Log::append(self, &Append { records: &records, expected_offset, term })?)
    }
}

/// When a batch is full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// Why a batch wasn't appended.
#[derive(Debug)]
pub(crate) enum BatchError {
    /// A record is over the limit.
    TooLarge { place: Place, bytes: u64, max: u64 },
    /// The log refuses any, or can't be reached.
    Refused(SinkError),
    /// Standard output.
    Output(io::Error),
}

/// The batch being gathered.
pub(crate) struct Batcher<'a, S: Sink> {
    sink: &'a S,
    headers: &'a [Header],
    limits: BatchLimits,
    expected: Option<Offset>,
    /// Where the offset of each record goes once it is durable.
    offsets: Option<&'a mut dyn Write>,
    pending: Vec<PendingRecord>,
    pending_bytes: u64,
    tally: Tally,
}

impl<'a, S: Sink> Batcher<'a, S> {
    pub(crate) fn new(sink: &'a S, headers: &'a [Header], limits: BatchLimits) -> Self {
        Batcher {
            sink,
            headers,
            limits,
            expected: None,
            offsets: None,
            pending: Vec::new(),
            pending_bytes: 0,
            tally: Tally::default(),
        }
    }

    /// The first record has to get this offset, and each batch has to follow on the one before.
    pub(crate) fn expect_offset(mut self, expected: Option<Offset>) -> Self {
        self.expected = expected;
        self
    }

    pub(crate) fn print_offsets(mut self, out: Option<&'a mut dyn Write>) -> Self {
        self.offsets = out;
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Takes one more record; appends the batch when it is full.
    pub(crate) fn push(&mut self, record: PendingRecord) -> Result<(), BatchError> {
        let bytes = record.bytes();
        if self.pending_bytes.saturating_add(bytes) > self.limits.bytes {
            self.flush()?;
        }
        self.pending_bytes = self.pending_bytes.saturating_add(bytes);
        self.pending.push(record);
        if self.pending.len() as u64 >= self.limits.records { self.flush() } else { Ok(()) }
    }

    /// Appends what was gathered.
    pub(crate) fn flush(&mut self) -> Result<(), BatchError> {
        let mut batch = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        self.append(&batch)?;
        batch.clear();
        self.pending = batch;
        Ok(())
    }

    /// A batch is atomic, so one record too many takes all others with it. Halving finds that
    /// record in a few steps and appends everything before it.
    fn append(&mut self, batch: &[PendingRecord]) -> Result<(), BatchError> {
        let Some(first) = batch.first() else { return Ok(()) };
        let (headers, expected_offset) = (self.headers, self.expected);
        match self.sink.append(&Outgoing { records: batch, headers, expected_offset }) {
            Ok(appended) => self.acknowledge(&appended),
            Err(error) if error.is_too_large() && batch.len() > 1 => {
                let (front, back) = batch.split_at(batch.len() / 2);
                self.append(front)?;
                self.append(back)
            }
            Err(error) => Err(match error.of_record() {
                Some((bytes, max)) => BatchError::TooLarge { place: first.place, bytes, max },
                None => BatchError::Refused(error),
            }),
        }
    }

    fn acknowledge(&mut self, appended: &Appended) -> Result<(), BatchError> {
        self.tally.add(appended);
        if self.expected.is_some() {
            self.expected = Some(appended.last_offset.next());
        }
        let Some(out) = self.offsets.as_deref_mut() else { return Ok(()) };
        match print_offsets(out, appended) {
            // Nobody reads the offsets any more, but the records still are to be appended.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.offsets = None;
                Ok(())
            }
            answer => answer.map_err(BatchError::Output),
        }
    }
}

fn print_offsets(out: &mut dyn Write, appended: &Appended) -> io::Result<()> {
    for offset in appended.first_offset.0..=appended.last_offset.0 {
        writeln!(out, "{offset}")?;
    }
    out.flush()
}
