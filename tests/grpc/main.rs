//! The gRPC interface, asked by clients that are made from its messages alone.

mod batches;
mod health;
mod produce;
mod streams;
mod support;
