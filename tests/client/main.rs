//! The client of the library, against a real server and against servers that fail on purpose.

mod append;
mod appender;
mod fake;
mod proxy;
mod read;
mod server;
