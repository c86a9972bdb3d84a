//! The HTTP interface, met as clients meet it: bytes over a socket to a server on a port of its own.

mod damage;
mod health;
mod kill;
mod limits;
mod original;
mod process;
mod replay;
#[path = "../serving/mod.rs"]
mod serving;
mod shutdown;
mod support;
