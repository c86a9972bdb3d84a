//! Gathers records into batches, appends them, and keeps count of what became of them.

use std::io::{self, Write};

use super::decode::{PendingRecord, Place};
use super::tally::Tally;
use crate::log::{Append, Appended, Header, Log, LogError, NewRecord, Offset};

/// Where batches go.
pub(crate) trait Sink {
    /// Appends all of the batch, or nothing of it.
    fn append(&self, batch: &Append<'_>) -> Result<Appended, LogError>;
}

impl Sink for Log {
    fn append(&self, batch: &Append<'_>) -> Result<Appended, LogError> {
        Log::append(self, batch)
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
    /// The log refuses this record.
    Record(Place, LogError),
    /// The log refuses any.
    Log(LogError),
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
        let records: Vec<NewRecord<'_>> =
            batch.iter().map(|record| record.as_new_record(self.headers)).collect();
        let (expected_offset, term) = (self.expected, 0);
        match self.sink.append(&Append { records: &records, expected_offset, term }) {
            Ok(appended) => self.acknowledge(&appended),
            Err(LogError::RecordTooLarge { .. } | LogError::BatchTooLarge { .. })
                if batch.len() > 1 =>
            {
                let (front, back) = batch.split_at(batch.len() / 2);
                self.append(front)?;
                self.append(back)
            }
            Err(error @ LogError::RecordTooLarge { .. }) => {
                Err(BatchError::Record(first.place, error))
            }
            Err(error) => Err(BatchError::Log(error)),
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
