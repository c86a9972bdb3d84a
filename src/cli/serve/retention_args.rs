//! How much of the log a server keeps.

use std::time::Duration;

use clap::Args;

use crate::service::Retention;
use crate::text::time::parse_duration;
use crate::text::values::parse_bytes;

/// What is kept; everything, unless something is said.
#[derive(Args, Clone, Debug)]
pub(super) struct RetentionArgs {
    /// Remove segments whose newest record is older than this
    ///
    /// By the time of the append, or the one that the producer gave the record. Only whole segments go, and never the newest, which takes the appends,
    /// however old it is.
    #[arg(long, env = "PROGLOG_RETAIN_AGE", value_name = "DURATION", value_parser = parse_duration)]
    retain_age: Option<Duration>,

    /// Remove the oldest segments, so that the others take no more than this
    ///
    /// Only whole segments go, and never the newest, which takes the appends.
    #[arg(long, env = "PROGLOG_RETAIN_BYTES", value_name = "SIZE", value_parser = parse_bytes)]
    retain_bytes: Option<u64>,
}

impl RetentionArgs {
    pub(super) const fn to_retention(&self) -> Retention {
        Retention { max_age: self.retain_age, max_bytes: self.retain_bytes }
    }
}
