//! The metrics of one server, and how they are written down. `docs/metrics.md` lists them all.

mod disk;
mod durations;
mod exposition;
mod log;
mod process;
mod registry;
mod requests;
mod sources;

pub use disk::DiskFigures;
pub use exposition::ExpositionFormat;
pub use log::{Appends, LogMetrics};
pub use registry::Metrics;
pub use requests::{Connection, MethodMetrics, Protocol, RequestMetrics};
pub use sources::LogFigures;
