//! The command line: words in, exit codes out.
//!
//! Data goes to standard output and everything else to standard error. Each subcommand is one file
//! with its `Args` and a `run` that prints to a writer and answers with an `Exit`; errors
//! travel as `anyhow::Error` and become one report in `failure.rs`.
//!
//! Invariants
//! - `read`, `dump-index`, `info`, `top` and `verify` never write, and hold no lock: whether there is a writer
//!   they find out by trying its lock for a moment, which a writer that starts waits for.
//! - The only bare `io::Error` is standard output's; any other is wrapped where it happens.
//! - A flag's value comes from the command line, else the environment, else the configuration
//!   file, else its default.

mod args;
mod entry;

mod acl;
mod append;
mod bench;
mod certs;
mod completions;
mod dump_index;
mod info;
mod man;
mod read;
mod repair;
mod serve;
mod token;
mod top;
mod truncate;
mod verify;

mod context;
mod errors;
mod exit;
mod failure;
mod file_limit;
mod log_args;
mod logging;
mod notes;
mod output;
mod pairs;
mod progress;
mod refused;
mod remote;
mod server_args;
mod settings;
mod signals;

use args::command;
pub use entry::main;
