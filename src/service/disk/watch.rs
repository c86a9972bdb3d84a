//! The watch over the disk of a log: holds appends off while it is nearly full, and lets a log that met a full
//! one take appends again.

use super::{DiskUse, DiskWatch};
use crate::log::LogError;
use crate::service::progress::Publisher;

/// What the watch knows.
#[derive(Debug)]
pub(in crate::service) struct Watching {
    watch: DiskWatch,
    is_over: bool,
    /// Whether it has been said that the disk can't be measured, or that the log can't go on by itself.
    told_blind: bool,
    told_for_good: bool,
}

impl Watching {
    pub(in crate::service) fn new(watch: DiskWatch) -> Watching {
        Watching { watch, is_over: false, told_blind: false, told_for_good: false }
    }

    pub(in crate::service) fn pause(&self) -> std::time::Duration {
        self.watch.pause
    }

    /// Looks once.
    pub(in crate::service) fn check(&mut self, log: &Publisher) {
        match (self.watch.gauge)() {
            Ok(disk) => {
                self.told_blind = false;
                self.judge(disk, log);
            }
            // It stays as it is: neither is known to be better.
            Err(error) if !self.told_blind => {
                self.told_blind = true;
                tracing::warn!(%error, "can't tell how full the disk is");
            }
            Err(_) => {}
        }
        if !self.is_over && log.has_met_a_full_disk() {
            self.resume(log);
        }
    }

    fn judge(&mut self, disk: DiskUse, log: &Publisher) {
        let Some(watermarks) = self.watch.watermarks else { return log.note_disk(disk, None) };
        let was_over = self.is_over;
        self.is_over = watermarks.is_over(was_over, disk);
        log.note_disk(disk, self.is_over.then(|| watermarks.refusal(disk)));
        let used_percent = disk.used_percent();
        match (was_over, self.is_over) {
            (false, true) => tracing::warn!(
                used_percent,
                "READ-ONLY: the disk is {used_percent} % full; appends are taken again below {} %",
                watermarks.low
            ),
            (true, false) => tracing::info!(
                used_percent,
                "the disk is {used_percent} % full: appends are taken again"
            ),
            _ => {}
        }
    }

    fn resume(&mut self, log: &Publisher) {
        match log.resume() {
            Ok(()) => {
                self.told_for_good = false;
                tracing::info!("there is room on the disk: appends are taken again");
            }
            Err(LogError::DiskFull { .. }) => {}
            Err(error) if !self.told_for_good => {
                self.told_for_good = true;
                tracing::error!(%error, "it can't go on by itself: restart the server");
            }
            Err(_) => {}
        }
    }
}
