//! What is measured: each load, against which floor, and the goal.

use std::time::{Duration, Instant};

use crate::report::Figure;
use crate::servers::{self, Servers, VALUE_BYTES};
use crate::{grpc_load, http_load};

/// One row of the table.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    load: Load,
    syncs: bool,
    goal: Option<f64>,
}

#[derive(Clone, Copy)]
enum Load {
    Posts { n_connections: usize },
    Produces { n_in_flight: usize },
    ProduceStream { n_in_flight: usize },
    ProduceBatches { n_in_flight: usize },
    ConsumeBatches,
}

pub(crate) fn all() -> Vec<Work> {
    let work = |name, load, syncs, goal| Work { name, load, syncs, goal };
    let (posts, produces) = (Load::Posts { n_connections: 64 }, Load::Produces { n_in_flight: 64 });
    let (stream, batches) =
        (Load::ProduceStream { n_in_flight: 1000 }, Load::ProduceBatches { n_in_flight: 4 });
    vec![
        work("HTTP POST, 64 connections, no sync", posts, false, Some(0.6)),
        work("HTTP POST, 64 connections, durable", posts, true, Some(0.5)),
        work("Produce, 64 in flight, durable", produces, true, Some(0.7)),
        work("ProduceStream, 1,000, durable", stream, true, Some(0.35)),
        work("ProduceBatch of 1,000, no sync", batches, false, Some(0.5)),
        work("ProduceBatch of 1,000, durable", batches, true, None),
        work("ConsumeBatch of 1,000", Load::ConsumeBatches, false, Some(0.5)),
    ]
}

impl Work {
    pub(crate) fn measure(&self, servers: &Servers, runs: usize) -> Figure {
        let mut figure = Figure::new(self.name, VALUE_BYTES, self.unit(), self.goal);
        for _ in 0..runs {
            figure.floor.push(self.run(servers, true));
            figure.ours.push(self.run(servers, false));
            servers.truncate();
        }
        figure
    }

    fn unit(&self) -> &'static str {
        match self.load {
            Load::ProduceBatches { .. } | Load::ConsumeBatches => "B/s",
            Load::Posts { .. } | Load::Produces { .. } | Load::ProduceStream { .. } => "rec/s",
        }
    }

    fn run(&self, servers: &Servers, is_floor: bool) -> f64 {
        let (http, grpc) = match (is_floor, self.load) {
            (true, _) => (servers.echo_http, servers.echo_grpc),
            (false, Load::ConsumeBatches) => (servers.filled.http, servers.filled.grpc),
            (false, _) if self.syncs => (servers.durable.http, servers.durable.grpc),
            (false, _) => (servers.relaxed.http, servers.relaxed.grpc),
        };
        let until = Instant::now() + duration();
        servers::runtime().block_on(async {
            match self.load {
                Load::Posts { n_connections } => {
                    http_load::posts(http, n_connections, &servers::value(), until).await
                }
                Load::Produces { n_in_flight } => {
                    grpc_load::produces(grpc, n_in_flight, until).await
                }
                Load::ProduceStream { n_in_flight } => {
                    grpc_load::produce_stream(grpc, n_in_flight, until).await
                }
                Load::ProduceBatches { n_in_flight } => {
                    grpc_load::produce_batches(grpc, n_in_flight, until).await
                }
                Load::ConsumeBatches => grpc_load::consume_batches(grpc, until).await,
            }
        })
    }
}

/// How long each run takes.
fn duration() -> Duration {
    let millis = std::env::var("PROGLOG_BENCH_MS").ok().and_then(|millis| millis.parse().ok());
    Duration::from_millis(millis.unwrap_or(2000))
}
