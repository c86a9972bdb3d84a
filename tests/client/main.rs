//! The client of the library, against a real server and against servers that fail on purpose.

mod append;
mod appender;
mod fake;
mod kill;
mod proxy;
mod read;
mod server;
#[path = "../serving/mod.rs"]
mod serving;
