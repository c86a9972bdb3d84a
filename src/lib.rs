//! proglog: a commit log you can hold in your hand.
//!
//! Layers, arrows pointing down only:
//!
//! ```text
//! cli        words in, exit codes out
//!  +-> server, client  the two ends of the wire: HTTP and gRPC
//!       +-> service   a log seen from async code
//!            +-> wire  the messages of gRPC
//!                 +-> text  JSON and the words of people
//!                      +-> log  bytes on disk; no async, no network
//! security   a leaf: TLS, who is asking, and what they may do
//! telemetry  a leaf: metrics and traces
//! ```
//!
//! All but `log` is there with the feature `program`, which is a default: who embeds the log can do without
//! the crates that make a server.

#[cfg(feature = "program")]
pub mod cli;
#[cfg(feature = "program")]
pub mod client;
#[cfg(any(all(test, feature = "text"), feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod log;
#[cfg(feature = "program")]
pub mod security;
#[cfg(feature = "program")]
pub mod server;
#[cfg(feature = "program")]
pub mod service;
#[cfg(feature = "program")]
pub mod telemetry;
#[cfg(feature = "text")]
#[cfg_attr(
    not(feature = "program"),
    allow(dead_code, unused_imports, reason = "the fuzzer tries some of it")
)]
mod text;
#[cfg(feature = "program")]
pub mod wire;
