//! What a process tells of itself: metrics for Prometheus, and traces.
//!
//! A leaf: it imports no other layer, so every layer but `log` can count by it. What only other layers
//! know is handed in as closures, which are asked when somebody scrapes.
//!
//! Invariants
//! - Nothing is global: two servers in one process have their own numbers.
//! - No label takes a value that a client can choose, so the number of series is bounded.

mod metrics;
mod traces;

pub use metrics::{
    Appends, Connection, DiskFigures, ExpositionFormat, LogFigures, LogMetrics, MethodMetrics,
    Metrics, Protocol, RequestMetrics,
};
pub use traces::{
    SPANS, Traces, TracesError, TracesResource, continue_from, note_answer, pass_on, request_span,
};
