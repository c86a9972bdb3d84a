//! Opening the log that is served, while the server already listens.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::log::{Log, LogConfig};
use crate::service::{DiskUse, DiskWatch, LocalLog, LocalLogConfig, Retention};
use crate::telemetry::Metrics;

/// The log that is to be opened, and what is done beside its requests.
pub(super) struct Opening {
    pub(super) dir: PathBuf,
    pub(super) config: LogConfig,
    pub(super) metrics: Arc<Metrics>,
    pub(super) disk: DiskWatch,
    pub(super) retention: Retention,
}

impl Opening {
    /// Opens it on a thread of its own: recovery may take a while, and reads all the time.
    pub(super) async fn run(self) -> anyhow::Result<LocalLog> {
        task::spawn_blocking(|| self.open()).await.map_err(|error| {
            Failure::new(Exit::Failed, "internal", format!("opening the log failed: {error}"))
        })?
    }

    /// Opens the log, damaged or not: what can be read is served.
    fn open(self) -> anyhow::Result<LocalLog> {
        let max_waiting_bytes = self.config.max_waiting_bytes;
        let log = Log::open(&self.dir, self.config)?;
        if let Some(refusal) = log.refusal() {
            // Also with --quiet: whoever starts it has to know.
            tracing::error!(
                "READ-ONLY: {refusal}; records are served, appends are answered with 503"
            );
            for corruption in &log.recovery().damage {
                tracing::warn!("damaged: {corruption}");
            }
        }
        let (dir, marks) = (self.dir, self.disk.watermarks);
        self.metrics.watch_disk(move || Some(DiskUse::measure(&dir).ok()?.figures(marks)));
        let config = LocalLogConfig { max_waiting_bytes, ..LocalLogConfig::default() };
        let log = LocalLog::start_metered(log, &config, &self.metrics)
            .map_err(|error| failed("start the storage thread", &error))?;
        keep_up(&log, self.disk, self.retention)
            .map_err(|error| failed("start the threads for upkeep", &error))?;
        Ok(log)
    }
}

/// Starts what is done beside the requests.
fn keep_up(log: &LocalLog, disk: DiskWatch, retention: Retention) -> io::Result<()> {
    log.watch_disk(disk)?;
    if retention.keeps_all() { Ok(()) } else { log.retain(retention) }
}

fn failed(action: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, "io", format!("can't {action}: {error}"))
}
