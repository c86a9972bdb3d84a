//! The gRPC interface, asked by clients that are made from its messages alone.

mod batches;
mod floods;
mod followers;
mod fullness;
mod hardship;
mod health;
mod idle;
mod produce;
#[path = "../serving/raw.rs"]
mod raw;
#[path = "../serving/mod.rs"]
mod serving;
mod streams;
mod support;
