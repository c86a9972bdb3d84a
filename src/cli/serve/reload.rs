//! Looks again and again at the files that say who is let in, and at once when SIGHUP asks for it.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::notify::Notifier;
use crate::server::Protection;

const PERIOD: Duration = Duration::from_secs(1);

/// Starts to look. Ends with the runtime.
pub(super) fn start(protection: Protection, notifier: Notifier) -> io::Result<()> {
    // Also where there is nothing to be read again: by default it would end the process.
    let mut asked = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => look(protection.clone()).await,
                _ = asked.recv() => {
                    tracing::info!("SIGHUP: looking at the files");
                    notifier.reloading();
                    look(protection.clone()).await;
                    notifier.reloaded();
                }
            }
        }
    });
    Ok(())
}

async fn look(Protection { tls, guard }: Protection) {
    let looked = tokio::task::spawn_blocking(move || {
        // What is wrong with them, they log themselves.
        tls.map(|tls| tls.reload_if_changed());
        guard.map(|guard| guard.reload_if_changed());
    });
    if let Err(error) = looked.await {
        tracing::error!(%error, "can't look at the files of keys and policies");
    }
}
