//! The HTTP interface, met as clients meet it: bytes over a socket to a server on a port of its own.

mod about;
mod append;
mod client;
mod damage;
mod fake;
mod follow;
mod health;
mod kill;
mod limits;
mod notify;
mod openapi;
mod origin;
mod original;
mod process;
mod read;
mod replay;
#[path = "../serving/mod.rs"]
mod serving;
mod shutdown;
mod single;
mod starting;
mod support;
