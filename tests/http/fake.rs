//! Logs that do what a test says.

use std::sync::{Arc, Mutex};

use proglog::log::DEFAULT_MAX_RECORD_BYTES;
use proglog::service::{
    AppendAnswer, Appended, Batch, Chunk, CommitLog, Durability, LogDetails, LogInfo, Offset,
    PendingAppend, Record, ScanLimits, ServiceError,
};

/// A log without memory: its appends and reads do what a test says.
pub(crate) struct Fake {
    pub(crate) append: Box<dyn Fn(AppendAnswer) + Send + Sync>,
    pub(crate) read: fn(Offset) -> Result<Record, ServiceError>,
    pub(crate) refusal: Option<ServiceError>,
}

impl Fake {
    /// One that answers each append alike, and has nothing to read.
    pub(crate) fn answering(answer: Result<Appended, ServiceError>) -> Fake {
        Fake {
            append: Box::new(move |waiting| waiting.give(answer.clone())),
            read: |_| Err(ServiceError::Closed),
            refusal: None,
        }
    }

    /// One whose appends are answered once its gate is open.
    pub(crate) fn gated() -> (Fake, Gate) {
        let gate = Gate::default();
        let append = {
            let gate = gate.clone();
            Box::new(move |waiting| gate.let_in(waiting))
        };
        (Fake { append, ..Fake::answering(APPENDED) }, gate)
    }
}

const APPENDED: Result<Appended, ServiceError> =
    Ok(Appended { first_offset: Offset(0), last_offset: Offset(0), durability: Durability::Os });

/// Where appends wait; `None` once it is open.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Mutex<Option<Vec<AppendAnswer>>>>);

impl Default for Gate {
    fn default() -> Gate {
        Gate(Arc::new(Mutex::new(Some(Vec::new()))))
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        let waiting = self.0.lock().expect("no panic").take();
        waiting.into_iter().flatten().for_each(|waiting| waiting.give(APPENDED));
    }

    fn let_in(&self, answer: AppendAnswer) {
        match &mut *self.0.lock().expect("no panic") {
            Some(waiting) => waiting.push(answer),
            None => answer.give(APPENDED),
        }
    }
}

impl CommitLog for Fake {
    async fn submit(&self, _: Batch) -> Result<PendingAppend, ServiceError> {
        let (answer, pending) = PendingAppend::new();
        (self.append)(answer);
        Ok(pending)
    }

    async fn read(&self, offset: Offset) -> Result<Record, ServiceError> {
        (self.read)(offset)
    }

    async fn scan(&self, from: Offset, _: ScanLimits) -> Result<Chunk, ServiceError> {
        let record = (self.read)(from)?;
        Ok(Chunk { next: from.next(), records: vec![record], missing: Vec::new() })
    }

    async fn wait_for(&self, _: Offset) -> Result<(), ServiceError> {
        Err(ServiceError::Closed)
    }

    async fn offset_at_time(&self, _: u64) -> Result<Offset, ServiceError> {
        Err(ServiceError::Closed)
    }

    async fn truncate_before(&self, _: Offset) -> Result<Offset, ServiceError> {
        Err(ServiceError::Closed)
    }

    async fn refused(&self) -> ServiceError {
        match &self.refusal {
            Some(refusal) => refusal.clone(),
            None => std::future::pending().await,
        }
    }

    async fn ready(&self) {
        if self.refusal.is_some() {
            std::future::pending().await
        }
    }

    fn info(&self) -> LogInfo {
        LogInfo {
            lowest: Offset(0),
            next: Offset(1),
            committed: Offset(1),
            durability: Durability::Os,
            max_record_bytes: DEFAULT_MAX_RECORD_BYTES,
            refusal: self.refusal.clone(),
            disk: None,
        }
    }

    async fn details(&self) -> Result<LogDetails, ServiceError> {
        Ok(LogDetails::default())
    }
}
