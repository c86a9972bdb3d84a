//! What is seen of a log at one moment, whoever tells it.

use std::time::Instant;

use super::latency::Buckets;
use crate::service::DiskUse;

/// One look. What the source doesn't tell is `None`.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) health: Health,
    pub(super) lowest: u64,
    pub(super) next: u64,
    pub(super) committed: Option<u64>,
    pub(super) n_segments: u64,
    /// What the segments take.
    pub(super) bytes: u64,
    pub(super) appended: Counted,
    pub(super) disk: Option<Disk>,
    pub(super) server: Option<ServerFigures>,
}

/// Whether all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Health {
    /// For programs.
    pub(super) word: &'static str,
    /// For people: why, or what else there is to say.
    pub(super) detail: Option<String>,
    pub(super) is_good: bool,
}

/// Counted from some moment on; only differences mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) records: u64,
    pub(super) bytes: Option<u64>,
}

/// The file system that holds the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Disk {
    /// Between 0 and 1, as `df` has it.
    pub(super) used_ratio: f64,
    pub(super) free_bytes: u64,
    /// From where on appends are refused.
    pub(super) high_ratio: Option<f64>,
}

/// What only a server's metrics tell.
#[derive(Clone, Debug)]
pub(super) struct ServerFigures {
    pub(super) read: Counted,
    pub(super) append_latency: Buckets,
    pub(super) fsync_latency: Buckets,
    pub(super) read_latency: Buckets,
    pub(super) http_connections: u64,
    pub(super) grpc_connections: u64,
    /// Tells one process from the next; seconds since 1970.
    pub(super) started_s: Option<f64>,
}

impl Health {
    pub(super) fn good(word: &'static str) -> Health {
        Health { word, detail: None, is_good: true }
    }

    /// A server that takes appends, or doesn't for this reason.
    pub(super) fn of_server(refusal: Option<String>) -> Health {
        match refusal {
            None => Health::good("ready"),
            detail => Health { word: "read_only", detail, is_good: false },
        }
    }
}

impl From<DiskUse> for Disk {
    fn from(disk: DiskUse) -> Disk {
        let (used, free) = (disk.used_bytes as f64, disk.available_bytes as f64);
        let used_ratio = used / (used + free).max(1.0);
        Disk { used_ratio, free_bytes: disk.available_bytes, high_ratio: None }
    }
}
