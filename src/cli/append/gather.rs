//! The loop of an append: takes what the reading thread hands over, decodes it, and lets go of a
//! batch when it is full or when nothing more is there to join it.

use std::io;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use indicatif::ProgressBar;

use super::batch::{BatchError, Batcher, Sink};
use super::inputs::{Event, Input};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::grouped;
use crate::text::decode::{InputFormat, Place};
use crate::text::pieces::{Delimiter, PieceError, pieces};

/// How inputs become records.
pub(crate) struct Decoding {
    pub(crate) format: InputFormat,
    pub(crate) delimiter: Delimiter,
    /// Key of records that have none of their own.
    pub(crate) key: Option<Bytes>,
}

/// Appends everything that events bring.
pub(crate) struct Gatherer<'a, S: Sink> {
    pub(crate) events: &'a Receiver<Event>,
    pub(crate) batcher: Batcher<'a, S>,
    pub(crate) decoding: Decoding,
    /// How long a batch that isn't full waits for more.
    pub(crate) linger: Duration,
    pub(crate) progress: ProgressBar,
    /// What to do about a record that is over the limit.
    pub(crate) raise_limit: &'static str,
    inputs: Vec<Input>,
    n_lines: u64,
    batch_started: Option<Instant>,
}

impl<'a, S: Sink> Gatherer<'a, S> {
    pub(crate) fn new(
        events: &'a Receiver<Event>,
        batcher: Batcher<'a, S>,
        decoding: Decoding,
    ) -> Self {
        Gatherer {
            events,
            batcher,
            decoding,
            linger: Duration::ZERO,
            progress: ProgressBar::hidden(),
            raise_limit: RAISE_LIMIT,
            inputs: Vec::new(),
            n_lines: 0,
            batch_started: None,
        }
    }

    /// Runs until the inputs end, or a signal comes, which is answered. What was gathered before is
    /// appended in any case.
    pub(crate) fn run(&mut self) -> anyhow::Result<Option<i32>> {
        loop {
            match self.next_event()? {
                Event::Starts(input) => {
                    self.inputs.push(input);
                    self.n_lines = 0;
                }
                Event::Block(block) => self.take(&block)?,
                Event::Broken(error) => {
                    self.flush()?;
                    return Err(self.broken(&error).into());
                }
                Event::End => return self.flush().map(|()| None),
                Event::Signal(signal) => return self.flush().map(|()| Some(signal)),
            }
        }
    }

    /// The next event; the batch goes out before this would block, linger aside.
    fn next_event(&mut self) -> anyhow::Result<Event> {
        if !self.batcher.is_empty() {
            match self.events.try_recv() {
                Ok(event) => return Ok(event),
                Err(TryRecvError::Disconnected) => return Ok(Event::End),
                Err(TryRecvError::Empty) => {}
            }
            let started = *self.batch_started.get_or_insert_with(Instant::now);
            match self.events.recv_timeout(self.linger.saturating_sub(started.elapsed())) {
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Disconnected) => return Ok(Event::End),
                Err(RecvTimeoutError::Timeout) => self.flush()?,
            }
        }
        Ok(self.events.recv().unwrap_or_else(|RecvError| Event::End))
    }

    fn take(&mut self, block: &Bytes) -> anyhow::Result<()> {
        for piece in pieces(block, self.decoding.delimiter) {
            self.n_lines += 1;
            let place = Place { input: self.inputs.len().saturating_sub(1), line: self.n_lines };
            match self.decoding.format.decode(piece, place, self.decoding.key.as_ref()) {
                Ok(record) => {
                    if self.batcher.is_empty() {
                        self.batch_started = (!self.linger.is_zero()).then(Instant::now);
                    }
                    self.batcher.push(record).map_err(|error| self.refused(error))?;
                }
                Err(reason) => {
                    self.flush()?;
                    return Err(self.bad_input(place, "bad_input", &reason).into());
                }
            }
        }
        self.progress.inc(block.len() as u64);
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.batcher.flush().map_err(|error| self.refused(error))
    }

    /// The input broke behind the last line that was taken.
    fn broken(&self, error: &PieceError) -> Failure {
        let place = Place { input: self.inputs.len().saturating_sub(1), line: self.n_lines + 1 };
        match error {
            PieceError::TooLong { limit } => {
                let reason = format!(
                    "{} longer than {} bytes, so its record is over the limit",
                    if self.is_raw() { "it is" } else { "the line is" },
                    grouped(*limit as u64),
                );
                self.bad_input(place, "record_too_large", &reason).hint(self.raise_limit)
            }
            PieceError::Io(error) => {
                let name = self.name(place);
                let message = format!("can't read {name}: {error}; {}", self.describe_tally());
                self.with_tally(Failure::new(Exit::Failed, "io", message).field("input", name))
            }
        }
    }

    fn refused(&self, error: BatchError) -> anyhow::Error {
        match error {
            BatchError::TooLarge { place, bytes, max } => {
                let (bytes, max) = (grouped(bytes), grouped(max));
                let reason = format!("a record of {bytes} bytes is over the limit of {max}");
                self.bad_input(place, "record_too_large", &reason).hint(self.raise_limit).into()
            }
            BatchError::Refused(error) => {
                let mut failure = Failure::from(&error);
                if self.batcher.tally().records > 0 {
                    failure.message = format!("{}; {}", failure.message, self.describe_tally());
                }
                self.with_tally(failure).into()
            }
            BatchError::Output(error) => io::Error::into(error),
        }
    }

    fn bad_input(&self, place: Place, code: &'static str, reason: &str) -> Failure {
        let (name, tally) = (self.name(place), self.describe_tally());
        let failure = if self.is_raw() {
            Failure::new(Exit::Failed, code, format!("{name}: {reason}; {tally}"))
        } else {
            let message = format!("{name}, line {}: {reason}; {tally}", grouped(place.line));
            Failure::new(Exit::Failed, code, message).field("line", place.line)
        };
        self.with_tally(failure.field("input", name))
    }

    fn with_tally(&self, failure: Failure) -> Failure {
        let tally = self.batcher.tally();
        failure
            .field("appended", tally.records)
            .field("first_offset", tally.first_offset.map(|offset| offset.0))
            .field("last_offset", tally.last_offset.map(|offset| offset.0))
    }

    fn describe_tally(&self) -> String {
        self.batcher.tally().describe()
    }

    fn name(&self, place: Place) -> String {
        self.inputs.get(place.input).unwrap_or(&Input::Stdin).name()
    }

    fn is_raw(&self) -> bool {
        self.decoding.format == InputFormat::Raw
    }
}

pub(crate) const RAISE_LIMIT: &str = "raise --max-record-bytes if it is meant to fit";

#[cfg(test)]
mod tests;
