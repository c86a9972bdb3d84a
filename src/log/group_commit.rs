//! Concurrent appends share one write and one sync.
//!
//! There is no thread for it: a thread that finds nobody writing becomes the leader and writes its own
//! batch, straight from the caller's bytes. Those that come meanwhile queue up copies; when the leader
//! is done, it hands the lead to the first of them, which then writes for all that wait.
//!
//! Invariants
//! - While nobody leads, nobody waits.
//! - What waits is bounded in bytes; beyond that, callers block, or are told `Busy`.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use super::batch::{Append, WaitingBatch};
use super::error::LogError;
use super::group::Group;
use super::writer::{Appended, Writer};

/// Lets threads take turns at a [`Writer`].
#[derive(Debug)]
pub(super) struct GroupCommit {
    writer: Mutex<Writer>,
    queue: Mutex<Queue>,
    /// Signalled when the queue has been emptied.
    room: Condvar,
    max_waiting_bytes: u64,
}

#[derive(Debug, Default)]
struct Queue {
    has_leader: bool,
    waiting: Vec<(WaitingBatch, Arc<Ticket>)>,
    waiting_bytes: u64,
}

/// What a waiting thread waits for.
#[derive(Debug)]
struct Ticket {
    thread: Thread,
    outcome: Mutex<Option<Outcome>>,
}

#[derive(Debug)]
enum Outcome {
    /// The batch was dealt with.
    Answer(Result<Appended, LogError>),
    /// The lead is handed over: take all that waits and write it.
    Lead,
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

    /// Appends batches; one answer for each, in order.
    pub(super) fn append(
        &self,
        batches: &[Append<'_>],
        when_busy: WhenBusy,
    ) -> Vec<Result<Appended, LogError>> {
        match self.enter(batches, when_busy) {
            Ok(Entered::Leader) => {
                let lead = Lead { of: self, tickets: Vec::new() };
                let answers = self.write(batches);
                lead.pass_on();
                answers
            }
            Ok(Entered::Waiting(tickets)) => {
                tickets.iter().map(|ticket| self.wait(ticket)).collect()
            }
            Err(busy) => batches.iter().map(|_| Err(busy.clone())).collect(),
        }
    }

    fn enter(&self, batches: &[Append<'_>], when_busy: WhenBusy) -> Result<Entered, LogError> {
        let n_bytes: u64 = batches.iter().map(Append::n_bytes).sum();
        let mut queue = self.queue();
        while queue.has_leader
            && queue.waiting_bytes > 0
            && queue.waiting_bytes + n_bytes > self.max_waiting_bytes
        {
            if when_busy == WhenBusy::Refuse {
                return Err(LogError::Busy { waiting_bytes: queue.waiting_bytes });
            }
            queue = self.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if !queue.has_leader {
            queue.has_leader = true;
            return Ok(Entered::Leader);
        }
        queue.waiting_bytes += n_bytes;
        let tickets = batches.iter().map(|batch| {
            let ticket = Arc::new(Ticket { thread: thread::current(), outcome: Mutex::new(None) });
            queue.waiting.push((batch.to_waiting(), Arc::clone(&ticket)));
            ticket
        });
        Ok(Entered::Waiting(tickets.collect()))
    }

    /// As the leader: writes the caller's own batches.
    fn write(&self, batches: &[Append<'_>]) -> Vec<Result<Appended, LogError>> {
        let mut writer = self.writer();
        let mut group = Group::new(&mut writer);
        for batch in batches {
            let records = batch.records.iter().copied();
            group.add(records, batch.n_bytes(), batch.expected_offset, batch.term);
        }
        group.finish()
    }

    /// Gives up the lead: to the first that waits, or to whoever comes next.
    fn pass_on(&self) {
        let mut queue = self.queue();
        match queue.waiting.first() {
            Some((_, ticket)) => ticket.resolve(Outcome::Lead),
            None => {
                queue.has_leader = false;
                drop(queue);
                self.room.notify_all();
            }
        }
    }

    fn wait(&self, ticket: &Ticket) -> Result<Appended, LogError> {
        loop {
            match ticket.wait() {
                Outcome::Answer(answer) => return answer,
                // The own batch is among those that wait, so the answer is there afterwards.
                Outcome::Lead => {
                    let mut lead = Lead { of: self, tickets: Vec::new() };
                    lead.write_waiting();
                    lead.pass_on();
                }
            }
        }
    }
}

/// Held while leading, so that a panic can't leave others waiting for ever.
struct Lead<'a> {
    of: &'a GroupCommit,
    /// Those whose batches are being written.
    tickets: Vec<Arc<Ticket>>,
}

impl Lead<'_> {
    /// Writes all that waits.
    fn write_waiting(&mut self) {
        let waiting = {
            let mut queue = self.of.queue();
            queue.waiting_bytes = 0;
            mem::take(&mut queue.waiting)
        };
        self.of.room.notify_all();
        self.tickets.extend(waiting.iter().map(|(_, ticket)| Arc::clone(ticket)));
        let answers = {
            let mut writer = self.of.writer();
            let mut group = Group::new(&mut writer);
            for (batch, _) in &waiting {
                group.add(batch.records(), batch.n_bytes, batch.expected_offset, batch.term);
            }
            group.finish()
        };
        for (ticket, answer) in self.tickets.drain(..).zip(answers) {
            ticket.resolve(Outcome::Answer(answer));
        }
    }

    fn pass_on(self) {
        self.of.pass_on();
        debug_assert!(self.tickets.is_empty(), "all have been answered");
        mem::forget(self);
    }
}

impl Drop for Lead<'_> {
    /// Reached only by a panic while writing: what the device holds is unknown.
    fn drop(&mut self) {
        let failure = self.of.writer().latch(LogError::Panicked);
        let waiting = {
            let mut queue = self.of.queue();
            queue.has_leader = false;
            queue.waiting_bytes = 0;
            mem::take(&mut queue.waiting)
        };
        self.of.room.notify_all();
        let tickets = mem::take(&mut self.tickets);
        for ticket in tickets.into_iter().chain(waiting.into_iter().map(|(_, ticket)| ticket)) {
            ticket.resolve(Outcome::Answer(Err(failure.clone())));
        }
    }
}

enum Entered {
    Leader,
    Waiting(Vec<Arc<Ticket>>),
}

impl Ticket {
    fn resolve(&self, outcome: Outcome) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        // Only the own thread's ticket needs no wake-up.
        if self.thread.id() != thread::current().id() {
            self.thread.unpark();
        }
    }

    fn wait(&self) -> Outcome {
        loop {
            let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
            match outcome {
                Some(outcome) => return outcome,
                None => thread::park(),
            }
        }
    }
}
