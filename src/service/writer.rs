//! The storage thread: takes everything that waits, so that one sync serves many requests.
//!
//! Invariants
//! - Batches are appended in the order in which they were taken.
//! - Whoever waits is answered, or the process is gone: a panic here ends it, since what the log
//!   holds in memory can't be trusted any more and a waiter must not hang.

use std::io;
use std::process;
use std::thread::{self, JoinHandle};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::ServiceError;
use super::metered::Meter;
use super::queue::Job;
use super::waiting::Waiting;
use crate::log::{Append, Appended, LogError, NewRecord};

/// The most batches that one group holds, whatever their size.
const MAX_GROUP_BATCHES: usize = 4096;

/// Starts a thread whose panic ends the process.
pub(super) fn spawn_storage<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name("proglog-storage".to_owned()).spawn(move || {
        let _guard = EndOnPanic;
        body()
    })
}

struct EndOnPanic;

impl Drop for EndOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!(
                "proglog: the storage thread failed, so the process ends; what was acknowledged is safe: start it again"
            );
            process::abort();
        }
    }
}

/// Appends what waits, group by group, until every sender is gone.
///
/// `write` appends the batches of one group and gives one answer each, in order; `appended` is told
/// after each group.
pub(super) fn run(
    mut waiting: mpsc::Receiver<Job>,
    max_group_bytes: u64,
    answering: &Answering,
    mut write: impl FnMut(&[Append<'_>]) -> Vec<Result<Appended, LogError>>,
    mut appended: impl FnMut(),
) {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = take_group(first, &mut waiting, max_group_bytes);
        let commit = Waiting::end(group.iter_mut().map(|job| &mut job.waiting));
        let answers = commit.in_scope(|| write_group(&group, &mut write));
        drop(commit);
        assert_eq!(answers.len(), group.len(), "a group gets one answer for each batch");
        tracing::debug!(batches = group.len(), "appended a group");
        let answers =
            group.into_iter().zip(answers.into_iter().map(|a| a.map_err(ServiceError::from)));
        answering.give(answers.collect());
        appended();
    }
}

/// The jobs of a group, and what became of each.
type Answers = Vec<(Job, Result<Appended, ServiceError>)>;

/// Gives answers. Within a runtime one task of it does so for a whole group: to wake each caller from
/// this thread would cost a call to the system each, and hold up the next group.
#[derive(Debug, Default)]
pub(super) struct Answering {
    task: Option<mpsc::UnboundedSender<Answers>>,
    meter: Meter,
}

impl Answering {
    /// By a task of the runtime that this is called in; by the storage thread itself if there is none.
    pub(super) fn start(meter: Meter) -> Answering {
        let Ok(runtime) = Handle::try_current() else { return Answering { task: None, meter } };
        // What is in it holds its room in the queue, so it is bounded.
        let (sender, mut answers) = mpsc::unbounded_channel();
        let theirs = meter.clone();
        runtime.spawn(async move {
            while let Some(answers) = answers.recv().await {
                give_all(answers, &theirs);
            }
        });
        Answering { task: Some(sender), meter }
    }

    fn give(&self, answers: Answers) {
        let give = |answers| give_all(answers, &self.meter);
        match &self.task {
            // A runtime that is being shut down has dropped the task.
            Some(sender) => sender.send(answers).unwrap_or_else(|unsent| give(unsent.0)),
            None => give(answers),
        }
    }
}

fn give_all(answers: Answers, meter: &Meter) {
    meter.appended(&answers);
    for (job, answer) in answers {
        job.answer.give(answer);
    }
}

fn take_group(first: Job, waiting: &mut mpsc::Receiver<Job>, max_bytes: u64) -> Vec<Job> {
    let mut bytes = first.size.memory_bytes;
    let mut group = vec![first];
    while bytes < max_bytes && group.len() < MAX_GROUP_BATCHES {
        let Ok(job) = waiting.try_recv() else { break };
        bytes += job.size.memory_bytes;
        group.push(job);
    }
    group
}

fn write_group(
    group: &[Job],
    write: &mut impl FnMut(&[Append<'_>]) -> Vec<Result<Appended, LogError>>,
) -> Vec<Result<Appended, LogError>> {
    let records: Vec<NewRecord<'_>> =
        group.iter().flat_map(|job| &job.batch.records).map(super::NewRecord::borrowed).collect();
    let mut rest = records.as_slice();
    let batches: Vec<Append<'_>> = group
        .iter()
        .map(|job| {
            let (records, behind) = rest.split_at(job.batch.records.len());
            rest = behind;
            Append { records, expected_offset: job.batch.expected_offset, term: 0 }
        })
        .collect();
    write(&batches)
}

#[cfg(test)]
mod tests;
