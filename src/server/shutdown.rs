//! One signal to stop, passed in and never global.

use std::{io, process};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells when to stop. Cheap to clone: all that have to stop hold one.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// Requests the shutdown of all that hold its [`Shutdown`]. Dropping the last one requests it, too.
#[derive(Clone, Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

/// A shutdown and what requests it.
#[must_use]
pub fn shutdown() -> (ShutdownTrigger, Shutdown) {
    let (trigger, shutdown) = watch::channel(false);
    (ShutdownTrigger(trigger), Shutdown(shutdown))
}

impl ShutdownTrigger {
    /// Requests the shutdown.
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Waits until the shutdown is requested.
    pub async fn requested(&mut self) {
        // An error says that the trigger is gone, which means the same.
        let _ = self.0.wait_for(|requested| *requested).await;
    }

    /// Whether the shutdown was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}

/// Requests a shutdown at the first SIGINT or SIGTERM, and ends the process at the second.
/// Has to be called within a runtime.
///
/// # Errors
/// The system refuses to handle a signal.
pub fn trigger_on_signals(trigger: ShutdownTrigger) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => ("SIGINT", 130),
                _ = terminate.recv() => ("SIGTERM", 143),
            }
        };
        let (name, _) = next().await;
        tracing::info!("{name}: finishing what is in flight; a second signal ends it at once");
        trigger.request();
        let (name, code) = next().await;
        tracing::warn!("{name}: ended at once; what was acknowledged is safe");
        process::exit(code);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_reaches_every_holder_and_stays() {
        let (trigger, mut shutdown) = shutdown();
        let late = shutdown.clone();
        assert!(!shutdown.is_requested());
        trigger.request();
        shutdown.requested().await;
        assert!(shutdown.is_requested() && late.is_requested());
        drop(trigger);
        assert!(late.is_requested());
    }

    #[tokio::test]
    async fn a_lost_trigger_stops_rather_than_runs_for_ever() {
        let (trigger, mut shutdown) = shutdown();
        drop(trigger);
        shutdown.requested().await;
        assert!(shutdown.is_requested());
    }
}
