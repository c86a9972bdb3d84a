//! Concurrent appends share one write and one sync.
//!
//! There is no thread for it: a thread that finds nobody writing becomes the leader and writes its own
//! batches, straight from the caller's bytes. Those that come meanwhile join the group that waits, with
//! copies; when the leader is done, it calls one of them to lead, which then writes for all of them.
//!
//! Invariants
//! - While nobody leads, nobody waits.
//! - What waits is bounded in bytes; beyond that, callers block, or are told `Busy`.

use std::mem;
use std::ops::Range;
use std::sync::{Arc, OnceLock, PoisonError};

use super::batch::{Append, WaitingBatch};
use super::error::LogError;
use super::gate::{Gate, Passed};
use super::group::{self, Group};
use super::sync::{Condvar, Mutex, MutexGuard};
use super::writer::{Appended, Writer};

/// What a batch became.
type Answer = Result<Appended, LogError>;

/// Lets threads take turns at a [`Writer`].
#[derive(Debug)]
pub(super) struct GroupCommit {
    writer: Mutex<Writer>,
    queue: Mutex<Queue>,
    /// Signalled when the queue has been emptied, if somebody waits for that.
    room: Condvar,
    max_waiting_bytes: u64,
}

#[derive(Debug, Default)]
struct Queue {
    has_leader: bool,
    waiting: Vec<WaitingBatch>,
    waiting_bytes: u64,
    /// Where those wait whose batches these are.
    company: Arc<Company>,
    n_blocked: usize,
}

/// Those whose batches are written together.
#[derive(Debug, Default)]
struct Company {
    gate: Gate,
    /// One answer for each batch, in order, or why there are none; there once the gate is open.
    answers: OnceLock<Result<Vec<Answer>, LogError>>,
}

/// Whether to block while too much waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenBusy {
    Block,
    Refuse,
}

impl GroupCommit {
    pub(super) fn new(writer: Writer, max_waiting_bytes: u64) -> Self {
        GroupCommit {
            writer: Mutex::new(writer),
            queue: Mutex::default(),
            room: Condvar::new(),
            max_waiting_bytes,
        }
    }

    /// The writer, once the group that is being written is done.
    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic while writing latches the writer, so a poisoned lock tells nothing new.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends one batch; without allocating, if nobody else is writing.
    pub(super) fn append(&self, batch: &Append<'_>, when_busy: WhenBusy) -> Answer {
        if self.take_the_lead() {
            let lead = Lead { of: self, company: None };
            let answer = group::append_alone(&mut self.writer(), batch);
            lead.pass_on();
            return answer;
        }
        let answer = self.append_busy(std::slice::from_ref(batch), when_busy).pop();
        answer.unwrap_or(Err(LogError::EmptyBatch))
    }

    /// Appends batches; one answer for each, in order.
    pub(super) fn append_group(&self, batches: &[Append<'_>]) -> Vec<Answer> {
        if self.take_the_lead() {
            return self.lead(batches);
        }
        self.append_busy(batches, WhenBusy::Block)
    }

    /// Appends batches while somebody else was writing just now.
    fn append_busy(&self, batches: &[Append<'_>], when_busy: WhenBusy) -> Vec<Answer> {
        // Copied before the queue is locked for it, and for nothing if the leader is gone by then.
        let waiting: Vec<_> = batches.iter().map(|batch| batch.to_waiting()).collect();
        match self.join(waiting, when_busy) {
            Ok(Some(place)) => self.wait(&place),
            Ok(None) => self.lead(batches),
            Err(busy) => batches.iter().map(|_| Err(busy.clone())).collect(),
        }
    }

    fn take_the_lead(&self) -> bool {
        !mem::replace(&mut self.queue().has_leader, true)
    }

    /// Puts batches in the queue, once there is room; `None` if there is nobody to wait for any more,
    /// and this thread leads.
    fn join(
        &self,
        mut batches: Vec<WaitingBatch>,
        when_busy: WhenBusy,
    ) -> Result<Option<Place>, LogError> {
        let n_bytes: u64 = batches.iter().map(WaitingBatch::memory_bytes).sum();
        let mut queue = self.queue();
        while queue.has_leader
            && queue.waiting_bytes > 0
            && queue.waiting_bytes + n_bytes > self.max_waiting_bytes
        {
            if when_busy == WhenBusy::Refuse {
                return Err(LogError::Busy { waiting_bytes: queue.waiting_bytes });
            }
            queue.n_blocked += 1;
            queue = self.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.n_blocked -= 1;
        }
        if !mem::replace(&mut queue.has_leader, true) {
            return Ok(None);
        }
        queue.waiting_bytes += n_bytes;
        let first = queue.waiting.len();
        queue.waiting.append(&mut batches);
        let numbers = first..queue.waiting.len();
        Ok(Some(Place { company: Arc::clone(&queue.company), numbers }))
    }

    /// As the leader: writes the caller's own batches.
    fn lead(&self, batches: &[Append<'_>]) -> Vec<Answer> {
        let lead = Lead { of: self, company: None };
        let answers = {
            let mut writer = self.writer();
            let mut group = Group::new(&mut writer);
            for batch in batches {
                let records = batch.records.iter().copied();
                group.add(records, batch.expected_offset, batch.term);
            }
            group.finish()
        };
        lead.pass_on();
        answers
    }

    fn wait(&self, place: &Place) -> Vec<Answer> {
        while place.company.gate.wait() == Passed::ToLead {
            let mut lead = Lead { of: self, company: None };
            lead.write_waiting();
            lead.pass_on();
        }
        place.answers()
    }

    /// Takes all that waits.
    fn take_waiting(&self, queue: &mut Queue) -> (Vec<WaitingBatch>, Arc<Company>) {
        queue.waiting_bytes = 0;
        if queue.n_blocked > 0 {
            self.room.notify_all();
        }
        let expected = Vec::with_capacity(queue.waiting.len());
        (mem::replace(&mut queue.waiting, expected), mem::take(&mut queue.company))
    }
}

/// Where the batches of a waiting thread are.
#[derive(Debug)]
struct Place {
    company: Arc<Company>,
    numbers: Range<usize>,
}

impl Place {
    fn answers(&self) -> Vec<Answer> {
        match self.company.answers.get() {
            Some(Ok(answers)) => answers[self.numbers.clone()].to_vec(),
            Some(Err(failure)) => self.numbers.clone().map(|_| Err(failure.clone())).collect(),
            None => self.numbers.clone().map(|_| Err(LogError::Panicked)).collect(),
        }
    }
}

/// Held while leading, so that a panic can't leave others waiting for ever.
struct Lead<'a> {
    of: &'a GroupCommit,
    /// Those whose batches are being written.
    company: Option<Arc<Company>>,
}

impl Lead<'_> {
    /// Writes all that waits; the own batches are among them.
    fn write_waiting(&mut self) {
        let (waiting, company) = self.of.take_waiting(&mut self.of.queue());
        self.company = Some(Arc::clone(&company));
        let answers = {
            let mut writer = self.of.writer();
            let mut group = Group::new(&mut writer);
            for batch in &waiting {
                group.add(batch.records(), batch.expected_offset, batch.term);
            }
            group.finish()
        };
        self.company = None;
        company.answer(Ok(answers));
    }

    /// Gives up the lead: to one of those that wait, or to whoever comes next.
    fn pass_on(self) {
        let mut queue = self.of.queue();
        if queue.waiting.is_empty() {
            queue.has_leader = false;
            if queue.n_blocked > 0 {
                self.of.room.notify_all();
            }
        } else {
            let company = Arc::clone(&queue.company);
            drop(queue);
            company.gate.call_one();
        }
        mem::forget(self);
    }
}

impl Drop for Lead<'_> {
    /// Reached only by a panic while writing: what the device holds is unknown.
    fn drop(&mut self) {
        let failure = self.of.writer().latch(LogError::Panicked);
        let (_, waiting) = {
            let mut queue = self.of.queue();
            queue.has_leader = false;
            self.of.take_waiting(&mut queue)
        };
        for company in self.company.take().into_iter().chain([waiting]) {
            company.answer(Err(failure.clone()));
        }
    }
}

impl Company {
    fn answer(&self, answers: Result<Vec<Answer>, LogError>) {
        // Set once: a company is written by one leader.
        let _ = self.answers.set(answers);
        self.gate.open();
    }
}
