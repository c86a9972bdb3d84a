//! The servers beside bare echoes of the same frameworks, under the same load, from the same cores.
//!
//!     cargo bench --bench service                        all, 5 runs each
//!     cargo bench --bench service -- --runs 9 HTTP       those whose name has `HTTP`, 9 runs each
//!     cargo bench --bench service -- --json F --svg F    results for programs, and a plot
//!
//! Each work is done in turn by an echo (the floor) and by a server of a log, several times, so that a
//! machine whose speed drifts slows both. What counts is the ratio of the medians. Servers and clients
//! have a runtime each, in this process.
//!
//! PROGLOG_BENCH_DIR names a directory on the disk to be measured, PROGLOG_BENCH_MS how long each run
//! takes (default 2,000).

mod echo;
mod grpc_load;
mod http_load;
#[path = "../report/mod.rs"]
mod report;
mod servers;
mod work;

use std::process::ExitCode;

use servers::Servers;

fn main() -> ExitCode {
    report::run(|options| {
        let servers = Servers::start();
        let mut figures = Vec::new();
        for work in work::all() {
            if work.name.contains(&options.filter) {
                let figure = work.measure(&servers, options.runs);
                println!("{}", figure.row());
                figures.push(figure);
            }
        }
        figures
    })
}
