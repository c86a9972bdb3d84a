//! How full the file system of the log is.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::sources::{Source, gauge};

/// How full a file system is at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiskFigures {
    /// Bytes that are left for this user.
    pub free_bytes: u64,
    /// Bytes that it holds in all.
    pub size_bytes: u64,
    /// Which share of it is in use, from 0 to 1.
    pub used_ratio: f64,
    /// From which share on appends are refused, if there is such a mark.
    pub high_ratio: Option<f64>,
}

pub(super) struct DiskSource(pub(super) Source<Option<DiskFigures>>);

impl fmt::Debug for DiskSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiskSource")
    }
}

impl Collector for DiskSource {
    /// Nothing if the file system doesn't say.
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(disk) = (self.0)() else { return Ok(()) };
        gauge(
            &mut encoder,
            "proglog_disk_free_bytes",
            "What the file system of the log has left for this user",
            disk.free_bytes as f64,
        )?;
        gauge(
            &mut encoder,
            "proglog_disk_size_bytes",
            "What the file system of the log holds in all",
            disk.size_bytes as f64,
        )?;
        gauge(
            &mut encoder,
            "proglog_disk_used_ratio",
            "Which share of the file system of the log is in use",
            disk.used_ratio,
        )?;
        let Some(high_ratio) = disk.high_ratio else { return Ok(()) };
        gauge(
            &mut encoder,
            "proglog_disk_high_ratio",
            "From which share in use on appends are refused",
            high_ratio,
        )
    }
}
