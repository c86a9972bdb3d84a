//! The figures of `docs/performance.md`: the log beside the least that any program has to do.
//!
//! Each work is done in turn by a plain program over one file (the floor) and by the log, several
//! times, so that a machine whose speed drifts slows both. What counts is the ratio of the medians.
//!
//!     cargo bench --bench figures                        all, 5 runs each
//!     cargo bench --bench figures -- --runs 9 durable    those whose name has `durable`, 9 runs each
//!     cargo bench --bench figures -- --json F --svg F    results for programs, and a plot
//!
//! PROGLOG_BENCH_DIR names a directory on the disk to be measured, PROGLOG_BENCH_BYTES how much is
//! written by each run that isn't bound by syncs (default 256 MiB, and nearly 1 GiB for an open after a kill).

mod floor;
mod opening;
#[path = "../report/mod.rs"]
mod report;
mod work;

use std::process::ExitCode;

use report::Figure;

fn main() -> ExitCode {
    report::run(|options| {
        let scratch = work::Scratch::new();
        let mut figures = Vec::new();
        for work in work::all() {
            if !work.name().contains(&options.filter) {
                continue;
            }
            let mut figure = Figure::new(work.name(), work.record_bytes, work.unit(), work.goal);
            for _ in 0..options.runs {
                figure.floor.push(work.floor(&scratch));
                figure.ours.push(work.ours(&scratch));
            }
            println!("{}", figure.row());
            figures.push(figure);
        }
        figures
    })
}
