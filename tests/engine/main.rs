//! The log as a library, from outside: its formats, its promises, and what crashes leave behind.
//!
//! - `go_original`: directories that the Go original wrote, whole and crashed
//! - `format`: every byte of a log, against golden files and against an encoder of its own
//! - `model`: any sequence of operations, against a plain vector
//! - `corruption`: every bit flipped, every tail cut, every index lost
//! - `repair`: what is mended, and what only with consent
//! - `promises`: the small promises of the surface
//! - `faults`: every call failing in turn, full disks, power cuts, on a simulated `disk`
//! - `crash`: the program killed while it appends
//! - `concurrency`: many threads and readers at once

mod concurrency;
mod corruption;
mod crash;
mod disk;
mod faults;
mod format;
mod go_original;
mod model;
mod promises;
mod repair;
mod support;
