//! What a server allows its clients: how many, how much, and how long.

use std::sync::Arc;
use std::time::Duration;

use crate::security::Guard;
use crate::security::tls::ServerTls;

/// The most records of one request: small ones take more memory than the bytes they come in.
pub(super) const MAX_BATCH_RECORDS: usize = crate::text::json_record::MAX_DOCUMENT_RECORDS;

/// The least for [`ServerConfig::max_header_bytes`]: hyper can't do with less.
pub const MIN_HEADER_BYTES: usize = 8 * 1024;

/// Room in a body beside its value: the JSON around it.
const BODY_SLACK_BYTES: u64 = 16 * 1024;

/// The least that bodies may hold together.
const MIN_BODIES_BYTES: u64 = 64 << 20;

/// The limits of a server. All of them are in force for each listener by itself.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Who is let in, and how they are told apart. Default everybody, without encryption.
    pub protection: Protection,
    /// Connections at a time; further ones wait in the system's queue. Default 1,024.
    pub max_connections: usize,
    /// Of those, from one address (of IPv6, one network of 64 bits); further ones are closed at once.
    /// Default 100.
    pub max_connections_per_address: usize,
    /// How long the handshake of TLS may take. Default 5 s.
    pub tls_handshake_timeout: Duration,
    /// How long a connection of HTTP may wait for the first byte of a request, and one of gRPC may have no
    /// call open. Default 60 s.
    pub idle_timeout: Duration,
    /// Calls at a time on one connection of gRPC; further ones wait at the client. Default 128.
    pub max_concurrent_streams: u32,
    /// Bytes of the header of an HTTP request; it is answered with 431 beyond. Default 64 KiB, at least
    /// 8 KiB.
    pub max_header_bytes: usize,
    /// Bytes of the header of a call of gRPC, as HTTP/2 counts them; it is refused beyond. Default 16 KiB.
    pub max_header_list_bytes: u32,
    /// How long a request's header may take from its first byte, and how long a client of gRPC may take
    /// to begin. Default 10 s.
    pub header_read_timeout: Duration,
    /// How long a request's body may take, all of it. Default 30 s.
    pub body_read_timeout: Duration,
    /// How long a client may take no byte of an answer. Default 10 s.
    pub write_stall_timeout: Duration,
    /// Streams that a client of gRPC has reset while the server is still at them; a client that goes
    /// beyond is cut off. Default 64.
    pub max_pending_resets: usize,
    /// A client of gRPC that is silent for so long is asked whether it is there. Default 30 s.
    pub keep_alive_interval: Duration,
    /// How long it has to answer that. Default 20 s.
    pub keep_alive_timeout: Duration,
    /// How long requests may go on after a shutdown was requested. Default 10 s.
    pub grace: Duration,
    /// The longest body that is read; see [`ServerConfig::for_records_of`].
    pub max_body_bytes: u64,
    /// Bytes that the bodies of all requests may hold together; a request beyond is told to come
    /// back. Default 64 MiB, or twice the longest body if that is more.
    pub max_bodies_bytes: u64,
    /// How far ahead of the clock the timestamp of a client's record may be. Default 1 hour.
    pub max_timestamp_ahead: Duration,
    /// Names by which clients of HTTP may call the server, beside addresses, `localhost` and its own; they matter
    /// where it listens for this machine alone and without a login. Web pages may come from there, too. Default
    /// none.
    pub http_names: Vec<String>,
    /// The name under which it listens for HTTP, if it has one. Default none.
    pub http_host: String,
    /// The longest record, in bytes: value, key and headers together. What the messages of gRPC may
    /// have follows from it.
    pub max_record_bytes: u64,
}

/// How a server is protected.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    /// Encryption, and client certificates if it demands some. `None` is neither.
    pub tls: Option<Arc<ServerTls>>,
    /// Who may do what. `None` is everybody everything.
    pub guard: Option<Arc<Guard>>,
}

impl ServerConfig {
    /// The defaults for a log whose records may have so many bytes.
    ///
    /// A body may be as long as such a record in base64, and a quarter more: there are encoders that
    /// break lines, and some that write `/` as `\/` or `+` as `\u002B`.
    #[must_use]
    pub const fn for_records_of(max_record_bytes: u64) -> ServerConfig {
        let base64 = max_record_bytes.saturating_add(2) / 3 * 4;
        let max_body_bytes = base64.saturating_add(base64 / 4).saturating_add(BODY_SLACK_BYTES);
        let two_bodies = max_body_bytes.saturating_mul(2);
        ServerConfig {
            protection: Protection { tls: None, guard: None },
            max_connections: 1024,
            max_connections_per_address: 100,
            max_header_bytes: 64 << 10,
            max_header_list_bytes: 16 << 10,
            tls_handshake_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            max_concurrent_streams: 128,
            max_record_bytes,
            header_read_timeout: Duration::from_secs(10),
            body_read_timeout: Duration::from_secs(30),
            write_stall_timeout: Duration::from_secs(10),
            max_pending_resets: 64,
            max_timestamp_ahead: Duration::from_secs(3600),
            http_names: Vec::new(),
            http_host: String::new(),
            keep_alive_interval: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(20),
            grace: Duration::from_secs(10),
            max_body_bytes,
            max_bodies_bytes: if two_bodies > MIN_BODIES_BYTES {
                two_bodies
            } else {
                MIN_BODIES_BYTES
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::MAX_RECORD_BYTES_LIMIT;

    #[test]
    fn the_longest_record_fits_into_a_body_with_line_breaks() {
        for max_record_bytes in [1, 1000, 4 << 20, MAX_RECORD_BYTES_LIMIT] {
            let config = ServerConfig::for_records_of(max_record_bytes);
            let base64 = max_record_bytes.div_ceil(3) * 4;
            let escaped_line_breaks = base64 / 76 * 4;
            assert!(config.max_body_bytes > base64 + escaped_line_breaks + 1000);
            assert!(config.max_bodies_bytes >= 2 * config.max_body_bytes);
        }
    }
}
