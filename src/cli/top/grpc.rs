//! A server, as far as gRPC tells: what `proglog info --server` shows. It has no metrics.

use std::time::{Duration, Instant};

use super::sample::{Counted, Health, Sample};
use crate::cli::failure::Failure;
use crate::cli::remote::Remote;
use crate::client::{ClientConfig, LogStatus, RetryConfig};

/// One look takes no longer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A server and its address.
pub(super) struct GrpcSource(Remote);

impl GrpcSource {
    pub(super) fn connect(address: &str, config: ClientConfig) -> Result<GrpcSource, Failure> {
        // The next look is the next attempt.
        let retry = RetryConfig { total: Duration::ZERO, ..RetryConfig::default() };
        let config = ClientConfig { retry, call_timeout: CALL_TIMEOUT, ..config };
        Remote::connect(address, config).map(GrpcSource)
    }

    pub(super) fn sample(&mut self) -> Result<Sample, Failure> {
        let status = self.0.call(self.0.client.info(&[]));
        status.map(sample).map_err(|error| Failure::from(&error))
    }
}

fn sample(status: LogStatus) -> Sample {
    Sample {
        at: Instant::now(),
        health: Health::of_server(status.refusal.map(|(_, message)| message)),
        lowest: status.lowest.0,
        next: status.next.0,
        committed: Some(status.committed.0),
        n_segments: status.n_segments,
        bytes: status.size_bytes,
        appended: Counted { records: status.next.0, bytes: None },
        disk: None,
        server: None,
    }
}
