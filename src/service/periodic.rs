//! Work that is done every so often on a thread of its own, until it is dropped.
//!
//! A thread rather than a task, since what is done here waits for disks.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// See the module's docs.
#[derive(Debug)]
pub(super) struct Periodic {
    /// Dropped to ask the thread to stop.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Periodic {
    /// Does the work at once, and again each time `pause` is over.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn start(
        name: &str,
        pause: Duration,
        mut work: impl FnMut() + Send + 'static,
    ) -> io::Result<Periodic> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                work();
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
        })?;
        Ok(Periodic { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Periodic {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_repeated_and_ends_with_its_owner() {
        let (done, told) = mpsc::channel();
        let work = move || done.send(()).expect("someone counts");
        let periodic = Periodic::start("test", Duration::from_millis(1), work).expect("a thread");
        for _ in 0..3 {
            told.recv_timeout(Duration::from_secs(30)).expect("it is done again");
        }
        drop(periodic);
        while told.try_recv().is_ok() {}
        assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }

    #[test]
    fn an_owner_does_not_wait_for_the_pause() {
        let (done, told) = mpsc::channel();
        let work = move || done.send(()).expect("someone counts");
        let periodic = Periodic::start("test", Duration::MAX, work).expect("a thread");
        told.recv_timeout(Duration::from_secs(30)).expect("it is done at once");
        drop(periodic);
    }
}
