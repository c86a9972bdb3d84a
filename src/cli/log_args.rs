//! The flags with which a log is opened for writing; every subcommand that writes has the same.

use clap::Args;

use crate::log::{LogConfig, SyncPolicy};
use crate::text::values::{parse_bytes, parse_sync_policy};

/// Durability and sizes.
#[derive(Args, Clone, Debug)]
pub(crate) struct LogArgs {
    /// When records are forced to the device: always, interval:DURATION, never
    ///
    /// always: before they are acknowledged, so they survive a power cut. interval:1s: in the
    /// background. never: when a segment is full and at the end. What is acknowledged survives
    /// the death of the process in any case.
    #[arg(long, env = "PROGLOG_FSYNC", value_name = "POLICY", default_value = "always")]
    #[arg(value_parser = parse_sync_policy)]
    pub(crate) fsync: SyncPolicy,

    /// Start a new segment before one gets larger than this
    #[arg(long, env = "PROGLOG_SEGMENT_BYTES", value_name = "SIZE", default_value = "1GiB")]
    #[arg(value_parser = parse_bytes)]
    pub(crate) segment_bytes: u64,

    /// Refuse records larger than this (value, key and headers together)
    #[arg(long, env = "PROGLOG_MAX_RECORD_BYTES", value_name = "SIZE", default_value = "4MiB")]
    #[arg(value_parser = parse_bytes)]
    pub(crate) max_record_bytes: u64,
}

impl LogArgs {
    pub(crate) fn to_config(&self) -> LogConfig {
        LogConfig {
            segment_bytes: self.segment_bytes,
            max_record_bytes: self.max_record_bytes,
            sync: self.fsync,
            ..LogConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        log: LogArgs,
    }

    #[test]
    fn defaults_are_those_of_the_log() {
        let only = Only::parse_from(["test"]);
        assert_eq!(only.log.to_config(), LogConfig::default());
    }
}
