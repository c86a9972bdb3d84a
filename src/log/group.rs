//! A group: batches that share one write and one sync, each with its own answer.
//!
//! Invariant: a batch is answered with success only after the commit that wrote it has returned.

use super::batch::Append;
use super::error::LogError;
use super::offset::Offset;
use super::record::NewRecord;
use super::writer::{Appended, Writer};

/// Appends one batch by itself: the same, without collecting answers.
pub(super) fn append_alone(writer: &mut Writer, batch: &Append<'_>) -> Result<Appended, LogError> {
    let records = batch.records.iter().copied();
    let n_bytes = writer.check(records.clone(), batch.expected_offset)?;
    if writer.is_full_for(n_bytes, batch.records.len() as u64) {
        writer.roll()?;
    }
    let appended = writer.stage(records, batch.term)?;
    writer.commit()?;
    Ok(appended)
}

/// Collects batches for one commit.
pub(super) struct Group<'w> {
    writer: &'w mut Writer,
    answers: Vec<Result<Appended, LogError>>,
    /// The answers from here on depend on the next commit.
    n_settled: usize,
}

impl<'w> Group<'w> {
    pub(super) fn new(writer: &'w mut Writer) -> Self {
        Group { writer, answers: Vec::new(), n_settled: 0 }
    }

    /// Adds a batch.
    pub(super) fn add<'a>(
        &mut self,
        records: impl ExactSizeIterator<Item = NewRecord<'a>> + Clone,
        expected_offset: Option<Offset>,
        term: u64,
    ) {
        let answer = self
            .writer
            .check(records.clone(), expected_offset)
            .and_then(|n_bytes| self.make_room(n_bytes, records.len() as u64))
            .and_then(|()| self.writer.stage(records, term));
        self.answers.push(answer);
    }

    fn make_room(&mut self, n_bytes: u64, n_records: u64) -> Result<(), LogError> {
        if self.writer.is_full_for(n_bytes, n_records) {
            self.commit()?;
            self.writer.roll()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LogError> {
        let result = self.writer.commit();
        if let Err(failure) = &result {
            for answer in self.answers[self.n_settled..].iter_mut().filter(|answer| answer.is_ok())
            {
                *answer = Err(failure.clone());
            }
        }
        self.n_settled = self.answers.len();
        result
    }

    /// Writes what isn't written yet; one answer for each batch, in order.
    pub(super) fn finish(mut self) -> Vec<Result<Appended, LogError>> {
        // A failure is in the answers.
        let _ = self.commit();
        self.answers
    }
}
