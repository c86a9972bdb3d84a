//! Signals, without unsafe code of our own: which are ignored, and which ask to stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use super::exit::Exit;
use super::failure::Failure;

/// Past `ulimit -f` the system would kill the process in the midst of a write; with the signal
/// caught the write fails instead and is reported. (`std` does the same for SIGPIPE.)
pub(crate) fn survive_file_size_limit() -> Result<(), Failure> {
    let seen = Arc::new(AtomicBool::new(false));
    flag::register(SIGXFSZ, seen).map(drop).map_err(|error| failed(&error))
}

/// A flag that the first SIGINT or SIGTERM sets; the next one kills.
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stopping = Arc::new(AtomicBool::new(false));
    kill_once(&stopping).map_err(|error| failed(&error))?;
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&stopping)).map_err(|error| failed(&error))?;
    }
    Ok(stopping)
}

/// Calls `stop` on a thread of its own with the first SIGINT or SIGTERM; the next one kills.
pub(crate) fn on_stop(stop: impl FnOnce(i32) + Send + 'static) -> Result<(), Failure> {
    let stopping = Arc::new(AtomicBool::new(false));
    kill_once(&stopping).map_err(|error| failed(&error))?;
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| failed(&error))?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            stopping.store(true, Ordering::SeqCst);
            stop(signal);
        }
    });
    Ok(())
}

/// Whoever asks twice means it: a signal that comes while `stopping` is set has its default effect.
fn kill_once(stopping: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(stopping))?;
    }
    Ok(())
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, "io", format!("can't watch for signals: {error}"))
}
