//! What a server allows its clients: a flag for each limit.

use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::file_limit;
use crate::server::{MIN_HEADER_BYTES, ServerConfig};
use crate::text::time::parse_duration;
use crate::text::values::{parse_bytes, parse_positive};

/// How many, how much, and how long.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Connections at a time, of each interface; further ones wait to be taken
    #[arg(long, env = "PROGLOG_MAX_CONNECTIONS", value_name = "N", default_value = "1024")]
    #[arg(value_parser = parse_positive)]
    max_connections: u64,

    /// Of those, from one address; further ones are closed at once
    #[arg(long, env = "PROGLOG_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    #[arg(default_value = "100", value_parser = parse_positive)]
    max_connections_per_address: u64,

    /// Calls at a time on one connection of gRPC
    #[arg(long, env = "PROGLOG_MAX_STREAMS", value_name = "N", default_value = "128")]
    #[arg(value_parser = parse_positive)]
    max_streams: u64,

    /// Streams that a client of gRPC may have reset while the server is still at them
    #[arg(long, env = "PROGLOG_MAX_PENDING_RESETS", value_name = "N", default_value = "64")]
    #[arg(value_parser = parse_positive)]
    max_pending_resets: u64,

    /// Bytes of the header of an HTTP request, 8KiB or more
    #[arg(long, env = "PROGLOG_MAX_HEADER_BYTES", value_name = "SIZE", default_value = "64KiB")]
    #[arg(value_parser = parse_header_bytes)]
    max_header_bytes: u64,

    /// Bytes of the header of a call of gRPC
    #[arg(long, env = "PROGLOG_MAX_HEADER_LIST_BYTES", value_name = "SIZE")]
    #[arg(default_value = "16KiB", value_parser = parse_bytes)]
    max_header_list_bytes: u64,

    /// What all requests may hold together, of each interface [default: 64MiB, or two of the longest]
    #[arg(long, env = "PROGLOG_MAX_REQUESTS_BYTES", value_name = "SIZE", value_parser = parse_bytes)]
    max_requests_bytes: Option<u64>,

    /// How long the handshake of TLS may take
    #[arg(long, env = "PROGLOG_TLS_HANDSHAKE_TIMEOUT", value_name = "DURATION")]
    #[arg(default_value = "5s", value_parser = parse_duration)]
    tls_handshake_timeout: Duration,

    /// How long a header may take from its first byte, and a client of gRPC to begin
    #[arg(long, env = "PROGLOG_HEADER_TIMEOUT", value_name = "DURATION", default_value = "10s")]
    #[arg(value_parser = parse_duration)]
    header_timeout: Duration,

    /// How long the body of a request, or a message of gRPC, may take
    #[arg(long, env = "PROGLOG_BODY_TIMEOUT", value_name = "DURATION", default_value = "30s")]
    #[arg(value_parser = parse_duration)]
    body_timeout: Duration,

    /// How long a connection may wait for a request, and one of gRPC have no call open
    #[arg(long, env = "PROGLOG_IDLE_TIMEOUT", value_name = "DURATION", default_value = "60s")]
    #[arg(value_parser = parse_duration)]
    idle_timeout: Duration,

    /// How long a client may take no byte of an answer
    #[arg(long, env = "PROGLOG_WRITE_TIMEOUT", value_name = "DURATION", default_value = "10s")]
    #[arg(value_parser = parse_duration)]
    write_timeout: Duration,

    /// How far ahead of the clock the timestamp of a record may be that a client gives
    #[arg(long, env = "PROGLOG_MAX_TIMESTAMP_AHEAD", value_name = "DURATION")]
    #[arg(default_value = "1h", value_parser = parse_duration)]
    max_timestamp_ahead: Duration,

    /// Silence of a client of gRPC after which it is asked whether it is there
    #[arg(long, env = "PROGLOG_KEEP_ALIVE_INTERVAL", value_name = "DURATION")]
    #[arg(default_value = "30s", value_parser = parse_duration)]
    keep_alive_interval: Duration,

    /// How long it has to answer that
    #[arg(long, env = "PROGLOG_KEEP_ALIVE_TIMEOUT", value_name = "DURATION")]
    #[arg(default_value = "20s", value_parser = parse_duration)]
    keep_alive_timeout: Duration,
}

impl LimitArgs {
    /// The limits for a log whose records may have so many bytes, and for the files that may be open.
    pub(super) fn to_config(&self, max_record_bytes: u64) -> Result<ServerConfig, Failure> {
        let defaults = ServerConfig::for_records_of(max_record_bytes);
        let max_bodies_bytes = self.max_requests_bytes.unwrap_or(defaults.max_bodies_bytes);
        if max_bodies_bytes < defaults.max_body_bytes {
            let least = ByteSize(defaults.max_body_bytes);
            let message =
                format!("--max-requests-bytes has no room for the longest request, {least}");
            return Err(Failure::usage(message)
                .hint("allow more, or less in one request by --max-record-bytes"));
        }
        // Each interface may take half of what there is.
        let wanted = count(self.max_connections);
        let n_connections = file_limit::connections(wanted.saturating_mul(2), file_limit::raise());
        Ok(ServerConfig {
            max_connections: (n_connections / 2).max(1),
            max_connections_per_address: count(self.max_connections_per_address),
            max_concurrent_streams: u32::try_from(self.max_streams).unwrap_or(u32::MAX),
            max_pending_resets: count(self.max_pending_resets),
            max_header_bytes: count(self.max_header_bytes),
            max_header_list_bytes: u32::try_from(self.max_header_list_bytes).unwrap_or(u32::MAX),
            max_bodies_bytes,
            tls_handshake_timeout: self.tls_handshake_timeout,
            header_read_timeout: self.header_timeout,
            body_read_timeout: self.body_timeout,
            idle_timeout: self.idle_timeout,
            write_stall_timeout: self.write_timeout,
            max_timestamp_ahead: self.max_timestamp_ahead,
            keep_alive_interval: self.keep_alive_interval,
            keep_alive_timeout: self.keep_alive_timeout,
            ..defaults
        })
    }
}

fn parse_header_bytes(text: &str) -> Result<u64, String> {
    let bytes = parse_bytes(text)?;
    if bytes < MIN_HEADER_BYTES as u64 {
        return Err(format!("has to be at least {MIN_HEADER_BYTES} bytes"));
    }
    Ok(bytes)
}

fn count(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        limits: LimitArgs,
    }

    #[test]
    fn defaults_are_those_of_the_server() {
        let config = Only::parse_from(["test"]).limits.to_config(1 << 20).expect("good");
        let defaults = ServerConfig::for_records_of(1 << 20);
        let without_files =
            |config: ServerConfig| format!("{:?}", ServerConfig { max_connections: 0, ..config });
        assert_eq!(without_files(config), without_files(defaults));
    }
}
