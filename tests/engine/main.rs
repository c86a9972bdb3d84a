//! The log as a library, from outside: its formats, its promises, and what crashes leave behind.
//!
//! - `go_original`: directories that the Go original wrote, whole and crashed
//! - `format`: every byte of a log, against golden files and against an encoder of its own
//! - `model`: any sequence of operations, against a plain vector
//! - `corruption`: every bit flipped, every tail cut, every index lost
//! - `repair`: what is mended, and what only with consent
//! - `promises` and `edges`: the small promises of the surface, and what it refuses
//! - `faults`: every call failing in turn, full disks, power cuts, on a simulated `disk` that knows its
//!   `leftovers`
//! - `hiccups`: calls interrupted, half done, or failing to look
//! - `resume`: going on after a full disk without opening anew
//! - `scripted`: a short life in memory, for sanitizers
//! - `setbacks`: one call fails, and the log goes on
//! - `undo`: the newest records taken back, and what is under way then
//! - `crash`: the program killed while it appends
//! - `concurrency` and `company`: many threads, readers and writers at once

mod company;
mod concurrency;
mod corruption;
mod crash;
mod disk;
mod edges;
mod faults;
mod format;
mod gate;
mod go_original;
mod hiccups;
mod leftovers;
mod memory;
mod model;
mod promises;
mod repair;
mod resume;
mod scripted;
mod setbacks;
mod support;
mod undo;
