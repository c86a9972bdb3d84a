//! Appending a batch: once, whatever happens to the connection.
//!
//! An attempt that broke off may have been taken. A batch that names the offset it has to get can be sent
//! again all the same: if it was taken, the second attempt is refused, since the log has grown, and the
//! records that lie where it should be tell whose they are.

use super::attempt::Failed;
use super::backoff::Backoff;
use super::{Client, ClientError, RecordsOptions};
use crate::service::{Appended, Batch, NewRecord, Offset, Record};
use crate::wire::v1;

impl Client {
    /// Appends a batch; readers see all of it or nothing. Answers once it has the durability that the
    /// answer names.
    ///
    /// A batch without [`Batch::expected_offset`] is sent again only if the attempt before surely was not
    /// taken. One with it is sent again after any failure that may pass, and is never appended twice.
    /// (If another writer appends the very same records at the very same place, they count as these.)
    ///
    /// Dropping the future does not undo the append: it may still happen.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with what the server says; [`ClientError::OutcomeUnknown`] if it may have
    /// been appended or not; with any other error it was not. If the server's own disk failed under it
    /// (codes `io` and `disk_full`), some first records may be there once the server is started again.
    pub async fn append(&self, batch: Batch) -> Result<Appended, ClientError> {
        let mut sending = Sending::new(self, &batch);
        let request = request(batch);
        loop {
            let answer = self.attempt(self.calls().produce_batch(request.clone())).await;
            match answer {
                Ok(response) => return sending.acknowledged(&response),
                Err(failed) => {
                    if let Some(appended) = sending.judge(failed).await? {
                        return Ok(appended);
                    }
                }
            }
        }
    }
}

/// The bytes of records are shared, so that a request can be repeated at no cost.
fn request(batch: Batch) -> v1::ProduceBatchRequest {
    v1::ProduceBatchRequest {
        records: batch.records.into_iter().map(v1::Record::from).collect(),
        expected_offset: batch.expected_offset.map(|offset| offset.0),
    }
}

/// A batch that is under way.
struct Sending<'a> {
    client: &'a Client,
    records: Vec<NewRecord>,
    expected: Option<Offset>,
    backoff: Backoff,
    /// How an attempt ended that may have been taken.
    uncertain: Option<String>,
}

impl<'a> Sending<'a> {
    fn new(client: &'a Client, batch: &Batch) -> Sending<'a> {
        let (records, expected) = (batch.records.clone(), batch.expected_offset);
        let backoff = Backoff::new(&client.shared.config.retry);
        Sending { client, records, expected, backoff, uncertain: None }
    }

    fn acknowledged(&self, response: &v1::ProduceBatchResponse) -> Result<Appended, ClientError> {
        let (first, last) = (Offset(response.first_offset), Offset(response.last_offset));
        if last.next().since(first) != self.records.len() as u64 {
            return Err(self.unknown(format!("offsets {first} to {last} were answered")));
        }
        let durability = response.durability().into();
        Ok(Appended { first_offset: first, last_offset: last, durability })
    }

    /// After a failure: the answer if the batch is in the log after all, `None` if it's to be sent again.
    async fn judge(&mut self, failed: Failed) -> Result<Option<Appended>, ClientError> {
        let is_mismatch =
            matches!(&failed, Failed::Refused(refusal) if refusal.code == "offset_mismatch");
        if is_mismatch && self.uncertain.is_some() {
            return self.find(failed).await;
        }
        if failed.is_uncertain() {
            let reason = self.client.error(failed.clone()).to_string();
            self.uncertain = Some(reason);
            if self.expected.is_none() {
                return Err(self.outcome(failed));
            }
        }
        match self.client.pause(&mut self.backoff, failed.clone()).await {
            Ok(()) => Ok(None),
            Err(_) => Err(self.outcome(failed)),
        }
    }

    /// What to say when there is no further attempt: the last failure, unless an attempt before it may
    /// have been taken.
    fn outcome(&self, failed: Failed) -> ClientError {
        match &self.uncertain {
            Some(reason) => self.unknown(reason.clone()),
            None => self.client.error(failed),
        }
    }

    fn unknown(&self, reason: String) -> ClientError {
        let n_records = self.records.len();
        ClientError::OutcomeUnknown { n_records, expected_offset: self.expected, reason }
    }

    /// The log has grown: by this batch, if its records lie where they were expected.
    async fn find(&self, failed: Failed) -> Result<Option<Appended>, ClientError> {
        let Some(first) = self.expected else { return Err(self.outcome(failed)) };
        let end = first.plus(self.records.len() as u64);
        let unknown = |error: ClientError| self.unknown(error.to_string());
        let status = self.client.info(&[]).await.map_err(unknown)?;
        if status.next <= first {
            // The attempt before may still be on its way.
            return Err(self.outcome(failed));
        }
        if status.next < end {
            // Batches are whole, so this one can't be there, nor can it come any more.
            return Err(self.client.error(failed));
        }
        if !self.lie_at(first, end).await.map_err(unknown)? {
            return Err(self.client.error(failed));
        }
        let last_offset = Offset(end.0 - 1);
        Ok(Some(Appended { first_offset: first, last_offset, durability: status.durability }))
    }

    async fn lie_at(&self, first: Offset, end: Offset) -> Result<bool, ClientError> {
        let options = RecordsOptions { end: Some(end), ..RecordsOptions::default() };
        let mut found = self.client.records(first, options);
        let mut ours = self.records.iter();
        while let Some(chunk) = found.next_chunk().await? {
            if !chunk.records.iter().all(|record| ours.next().is_some_and(|our| is_of(our, record)))
            {
                return Ok(false);
            }
        }
        Ok(ours.next().is_none())
    }
}

/// Whether a record of the log is what became of a new one. The log raises a timestamp that is less than
/// the one before it.
fn is_of(new: &NewRecord, record: &Record) -> bool {
    new.value == record.value
        && new.key == record.key
        && new.headers == record.headers
        && new.record_type == record.record_type
        && new.timestamp_us.is_none_or(|at| record.timestamp_us.is_some_and(|found| found >= at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: &'static str, timestamp_us: u64) -> Record {
        Record {
            offset: Offset(3),
            value: value.into(),
            key: None,
            headers: Vec::new(),
            timestamp_us: Some(timestamp_us),
            term: 0,
            record_type: 0,
        }
    }

    #[test]
    fn a_record_is_known_by_all_that_was_said_of_it() {
        let new = NewRecord::new("value");
        assert!(is_of(&new, &record("value", 5)));
        assert!(!is_of(&new, &record("other", 5)));
        assert!(!is_of(&NewRecord { key: Some("".into()), ..new.clone() }, &record("value", 5)));
        let timed = NewRecord { timestamp_us: Some(5), ..new };
        assert!(is_of(&timed, &record("value", 5)));
        assert!(is_of(&timed, &record("value", 6)), "the log raised it");
        assert!(!is_of(&timed, &record("value", 4)));
    }
}
