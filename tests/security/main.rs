//! Who gets in: every route and every method, for every kind of caller, over TLS and mutual TLS.

mod callers;
mod matrix;
#[path = "../serving/raw.rs"]
mod raw;
mod reloads;
mod server;
mod streams;
