//! proglog: a commit log you can hold in your hand.
//!
//! Layers, arrows pointing down only:
//!
//! ```text
//! cli        words in, exit codes out
//!  +-> server, client  the two ends of the wire: HTTP and gRPC
//!       +-> service   a log seen from async code
//!            +-> log  bytes on disk; no async, no network
//! security   a leaf: TLS, who is asking, and what they may do
//! telemetry  a leaf: metrics and traces
//! ```

pub mod cli;
pub mod client;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod log;
pub mod security;
pub mod server;
pub mod service;
pub mod telemetry;
pub mod wire;
