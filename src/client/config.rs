//! How long a client waits, and how often it tries again.

use std::sync::Arc;
use std::time::Duration;

use super::Token;
use crate::security::tls::ClientTls;

/// The settings of a [`Client`](super::Client).
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Encryption, and the client's certificate if it has one. Default none.
    pub tls: Option<Arc<ClientTls>>,
    /// The token that is shown at each call. Without TLS it is shown to servers on this machine only.
    /// Default none.
    pub token: Option<Token>,
    /// How long connecting may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How long one attempt at a call may take: up to its answer, or to the next records of a stream
    /// that doesn't follow. Default 30 s.
    pub call_timeout: Duration,
    /// When a failed attempt is followed by another one.
    pub retry: RetryConfig,
    /// A server that is silent for so long is asked whether it is there. Default 10 s.
    pub keep_alive_interval: Duration,
    /// How long it has to answer that. Default 10 s.
    pub keep_alive_timeout: Duration,
    /// The longest message that is taken. Default 1 GiB and 1 MiB, since a record may have nearly 1 GiB
    /// and the server knows best which ones it has.
    pub max_message_bytes: usize,
    /// Whether what is sent is compressed with gzip, which lets the server compress its answers, too.
    /// Default no.
    pub gzip: bool,
}

impl Default for ClientConfig {
    fn default() -> Self {
        ClientConfig {
            tls: None,
            token: None,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(30),
            retry: RetryConfig::default(),
            keep_alive_interval: Duration::from_secs(10),
            keep_alive_timeout: Duration::from_secs(10),
            max_message_bytes: (1 << 30) + (1 << 20),
            gzip: false,
        }
    }
}

/// When a failed attempt is followed by another one, and when no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryConfig {
    /// For how long after the first failure another attempt may begin; a stream that has received
    /// records meanwhile starts anew. Zero for no second attempt. Default 30 s.
    pub total: Duration,
    /// The pause before the second attempt; each one after it is twice as long. Half of each is left
    /// to chance, so that clients that failed together don't come back together. Default 50 ms.
    pub first_pause: Duration,
    /// The longest pause, also if the server asks for more. Default 2 s.
    pub max_pause: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        RetryConfig {
            total: Duration::from_secs(30),
            first_pause: Duration::from_millis(50),
            max_pause: Duration::from_secs(2),
        }
    }
}
