//! How full the file system of the log is.

use std::fmt;
use std::path::PathBuf;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::sources::gauge;

/// What is looked at.
#[derive(Debug)]
pub(super) struct Disk {
    /// A directory in the file system.
    pub(super) dir: PathBuf,
    /// How full it may get before appends are refused, if there is such a mark.
    pub(super) high_percent: Option<u8>,
}

impl Collector for Disk {
    /// Nothing if the file system doesn't say.
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Ok(stat) = rustix::fs::statvfs(&self.dir) else { return Ok(()) };
        let bytes = |n_blocks: u64| n_blocks.saturating_mul(stat.f_frsize) as f64;
        gauge(
            &mut encoder,
            "proglog_disk_free_bytes",
            "What the file system of the log has left for this user",
            bytes(stat.f_bavail),
        )?;
        gauge(
            &mut encoder,
            "proglog_disk_size_bytes",
            "What the file system of the log holds in all",
            bytes(stat.f_blocks),
        )?;
        // As `df` has it: what only root can have counts neither as used nor as free.
        let used = bytes(stat.f_blocks.saturating_sub(stat.f_bfree));
        gauge(
            &mut encoder,
            "proglog_disk_used_ratio",
            "Which share of the file system of the log is in use",
            used / (used + bytes(stat.f_bavail)).max(1.0),
        )?;
        let Some(percent) = self.high_percent else { return Ok(()) };
        gauge(
            &mut encoder,
            "proglog_disk_high_ratio",
            "From which share in use on appends are refused",
            f64::from(percent) / 100.0,
        )
    }
}
