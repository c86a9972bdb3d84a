//! What threads synchronize by: the standard library's and the system's means or, with
//! the feature `shuttle`, those of a scheduler that tries one interleaving after the other (`tests/shuttle`).

#[cfg(not(feature = "shuttle"))]
pub(super) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, fence},
};

#[cfg(feature = "shuttle")]
pub(super) use shuttle::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, fence},
};

/// Blocks while the word is `expected`, until woken; may return for no reason.
#[cfg(not(feature = "shuttle"))]
pub(super) fn wait_while(word: &Word, expected: u32) {
    use rustix::thread::futex;
    // However the call ends, the word is what counts.
    let _ = futex::wait(&word.value, futex::Flags::PRIVATE, expected, None);
}

/// Wakes up to `n_threads` of those who wait for the word.
#[cfg(not(feature = "shuttle"))]
pub(super) fn wake(word: &Word, n_threads: u32) {
    use rustix::thread::futex;
    // It fails only for an address that isn't this process's.
    let _ = futex::wake(&word.value, futex::Flags::PRIVATE, n_threads);
}

/// A number that threads can wait for: a futex.
#[derive(Debug, Default)]
pub(super) struct Word {
    pub(super) value: AtomicU32,
    #[cfg(feature = "shuttle")]
    waiting: Mutex<()>,
    #[cfg(feature = "shuttle")]
    woken: Condvar,
}

#[cfg(feature = "shuttle")]
pub(super) fn wait_while(word: &Word, expected: u32) {
    let waiting = word.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if word.value.load(std::sync::atomic::Ordering::SeqCst) == expected {
        drop(word.woken.wait(waiting));
    }
}

#[cfg(feature = "shuttle")]
pub(super) fn wake(word: &Word, n_threads: u32) {
    drop(word.waiting.lock());
    for _ in 0..n_threads.min(64) {
        word.woken.notify_one();
    }
}
