//! Tells the service manager that started the process how it is, as sd_notify(3) has it: a datagram
//! with `NAME=value` lines to the socket that `NOTIFY_SOCKET` names. Without one nothing happens.
//!
//! Nothing here waits for long or fails: a manager that doesn't listen is a warning, and the log is served.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fmt, io, process};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{MissedTickBehavior, interval};

use crate::log::RecoveryProgress;
use crate::service::ProgressNote;

/// So often it is told how far recovery is.
const RECOVERY_PERIOD: Duration = Duration::from_millis(500);

/// So much longer opening may take from each progress of recovery on. What is read tells of progress; the
/// mending behind that, at most a segment written again and synced, has to be done in this time.
const RECOVERY_PATIENCE: Duration = Duration::from_secs(120);

/// For so long a message waits for room at the service manager.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where the service manager is told. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Notifier(Option<Arc<Manager>>);

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
    /// So often it wants to hear that the process is alive.
    watchdog: Option<Duration>,
    /// Whether it was told that requests are answered.
    is_ready: AtomicBool,
}

impl Notifier {
    /// Tells whom the environment names, or nobody.
    pub(super) fn from_env() -> Notifier {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Notifier::default() };
        match Manager::new(&name, watchdog_from_env()) {
            Ok(manager) => Notifier(Some(Arc::new(manager))),
            Err(error) => {
                tracing::warn!(%error, "can't tell the service manager anything: NOTIFY_SOCKET is {name:?}");
                Notifier::default()
            }
        }
    }

    /// Requests are answered from now on.
    pub(super) fn ready(&self) {
        if let Some(manager) = &self.0 {
            manager.is_ready.store(true, Ordering::Relaxed);
        }
        self.send(|| Ok("READY=1".into()));
    }

    /// What `systemctl status` shows; one line.
    pub(super) fn status(&self, status: impl fmt::Display) {
        self.send(|| Ok(format!("STATUS={status}")));
    }

    /// Starting or stopping may take so much longer, counted from now. It lengthens what the service
    /// manager allows, and never shortens it.
    pub(super) fn extend_timeout(&self, by: Duration) {
        self.send(|| Ok(format!("EXTEND_TIMEOUT_USEC={}", by.as_micros())));
    }

    /// Files are read again; [`reloaded`](Notifier::reloaded) says that it's done. Both mean that requests
    /// are answered, so nothing is told before that is so.
    pub(super) fn reloading(&self) {
        if !self.is_ready() {
            return;
        }
        self.send(|| {
            let now = Duration::try_from(clock_gettime(ClockId::Monotonic));
            let now = now.map_err(io::Error::other)?;
            Ok(format!("RELOADING=1\nMONOTONIC_USEC={}", now.as_micros()))
        });
    }

    /// Files have been read again.
    pub(super) fn reloaded(&self) {
        if self.is_ready() {
            self.ready();
        }
    }

    fn is_ready(&self) -> bool {
        self.0.as_ref().is_some_and(|manager| manager.is_ready.load(Ordering::Relaxed))
    }

    /// Says how far the recovery of the log is, and asks for more time as long as that goes on. Never ends.
    pub(super) async fn recovery(&self, progress: &ProgressNote) -> Infallible {
        self.status("opening the log");
        let mut last = RecoveryProgress::default();
        let mut ticks = interval(RECOVERY_PERIOD);
        loop {
            ticks.tick().await;
            let progress = progress.get();
            if progress != last {
                let RecoveryProgress { n_examined, n_segments, position, store_bytes } = progress;
                self.status(format_args!(
                    "recovering the log: {n_examined} of {n_segments} segments, \
                     {position} of {store_bytes} bytes of the next"
                ));
                self.extend_timeout(RECOVERY_PATIENCE);
                last = progress;
            }
        }
    }

    /// It was asked to stop, and does.
    pub(super) fn stopping(&self) {
        self.send(|| Ok("STOPPING=1\nSTATUS=stopping".into()));
    }

    /// Says that it's alive at half the period of the watchdog. A task that does so is the proof that
    /// the runtime gets round to its tasks, those of requests among them. Never ends.
    pub(super) async fn watchdog(self) {
        let Some(period) = self.0.as_ref().and_then(|manager| manager.watchdog) else { return };
        let mut ticks = interval(period / 2);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.send(|| Ok("WATCHDOG=1".into()));
        }
    }

    fn send(&self, message: impl FnOnce() -> io::Result<String>) {
        let Some(manager) = &self.0 else { return };
        if let Err(error) = message().and_then(|message| manager.send(&message)) {
            let address = &manager.address;
            tracing::warn!(%error, ?address, "can't tell the service manager how it is");
        }
    }
}

impl Manager {
    fn new(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Manager> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            _ => return Err(io::Error::other("it is neither an absolute path nor @name")),
        };
        let socket = UnixDatagram::unbound()?;
        // A manager that is busy for a moment has to be waited for: nobody says READY again.
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Manager { socket, address, watchdog, is_ready: AtomicBool::new(false) })
    }

    fn send(&self, message: &str) -> io::Result<()> {
        self.socket.send_to_addr(message.as_bytes(), &self.address).map(drop)
    }
}

/// The period of the watchdog, if this process is the one that is watched.
fn watchdog_from_env() -> Option<Duration> {
    let number = |name| env::var(name).ok()?.parse::<u64>().ok();
    let is_for_another = env::var_os("WATCHDOG_PID").is_some()
        && number("WATCHDOG_PID") != Some(u64::from(process::id()));
    let period = number("WATCHDOG_USEC").filter(|&period| period > 1 && !is_for_another);
    period.map(Duration::from_micros)
}

#[cfg(test)]
mod tests;
