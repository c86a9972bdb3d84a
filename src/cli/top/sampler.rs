//! Looks again and again on a thread of its own, so that a server that doesn't answer holds up nobody
//! who wants to leave.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::sample::Sample;
use super::source::Source;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// What came of a look.
pub(super) type Taken = Result<Sample, Failure>;

/// Samples, the first one an interval from now. Ends when nobody receives them.
pub(super) fn start(mut source: Source, interval: Duration) -> Result<Receiver<Taken>, Failure> {
    let (sender, receiver) = sync_channel(1);
    let mut next = Instant::now() + interval;
    let sampling = move || {
        loop {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            if sender.send(source.sample()).is_err() {
                return;
            }
            // A look that took long makes the next one late, not several of them crowded.
            next = (next + interval).max(Instant::now());
        }
    };
    let started = thread::Builder::new().name("sampler".to_owned()).spawn(sampling);
    started
        .map(|_| receiver)
        .map_err(|error| Failure::new(Exit::Failed, "io", format!("can't start a thread: {error}")))
}
