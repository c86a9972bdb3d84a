//! The wire's end: takes connections, bounds what they may cost, and asks a [`CommitLog`](crate::service::CommitLog).
//!
//! The order of stopping
//! 1. The [`Shutdown`] that was passed to [`run`] is requested: by a signal, or by a test.
//! 2. The listener is closed, so nobody new gets in.
//! 3. Idle connections are closed; the others finish the request they are at and are closed then.
//! 4. What is left after the grace period is dropped, and [`run`] returns.
//! 5. The caller closes the log: it finishes the appends it has taken, syncs, and lets the directory go.
//!
//! Invariants
//! - Every phase of a connection has a deadline: its handshake, waiting for a request, its header, its
//!   body, and a peer that takes no bytes. Connections and the bytes of bodies are bounded in number.
//! - Each route and each method says who has access; the guard decides for both interfaces alike.
//! - A request's panic is its own: the client gets a 500, and the server goes on.
//! - Nothing here knows where the log's bytes are.

mod admission;
mod answer_room;
mod answered;
mod config;
mod connection;
mod grpc;
mod head_deadline;
mod http;
mod listen;
mod open_calls;
mod opening;
mod panics;
mod peer;
mod per_address;
mod shutdown;
mod timestamps;
mod write_deadline;

pub use config::{MIN_HEADER_BYTES, Protection, ServerConfig};
pub use listen::{Listeners, run, run_metered};
pub use shutdown::{Shutdown, ShutdownTrigger, shutdown, trigger_on_signals};
