//! How full the file system of the log is.

use std::fmt;
use std::path::PathBuf;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::sources::gauge;

/// A directory in the file system that is looked at.
#[derive(Debug)]
pub(super) struct Disk(pub(super) PathBuf);

impl Collector for Disk {
    /// Nothing if the file system doesn't say.
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Ok(stat) = rustix::fs::statvfs(&self.0) else { return Ok(()) };
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
        )
    }
}
