//! What the system says of the process, under the names that all exporters use. Linux only;
//! elsewhere there are none.

use std::{fmt, fs};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::sources::{counter, gauge};

/// This process.
#[derive(Debug)]
pub(super) struct Process;

/// What `/proc/self/stat` says.
struct Stat {
    cpu_seconds: f64,
    /// Since the system was started.
    start_seconds: f64,
    resident_bytes: f64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(parse) {
            counter(encoder, "process_cpu_seconds", "Time on processors", stat.cpu_seconds)?;
            gauge(
                encoder,
                "process_resident_memory_bytes",
                "Memory that is resident",
                stat.resident_bytes,
            )?;
            if let Some(boot_seconds) = boot_seconds() {
                let seconds = boot_seconds + stat.start_seconds;
                let help = "When the process was started, in seconds since 1970";
                gauge(encoder, "process_start_time_seconds", help, seconds)?;
            }
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // Without the one that lists them.
            let n_open = files.count().saturating_sub(1) as f64;
            gauge(encoder, "process_open_fds", "File descriptors that are open", n_open)?;
        }
        let max = getrlimit(Resource::Nofile).current;
        max.map_or(Ok(()), |max| {
            gauge(encoder, "process_max_fds", "File descriptors it may have", max as f64)
        })
    }
}

/// The fields are numbered as in proc(5), from 1; the second one may have spaces in it.
fn parse(stat: &str) -> Option<Stat> {
    let (_, behind_name) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = behind_name.split(' ').collect();
    let field = |number: usize| fields.get(number - 3)?.trim_end().parse::<f64>().ok();
    let ticks = clock_ticks_per_second() as f64;
    Some(Stat {
        cpu_seconds: (field(14)? + field(15)?) / ticks,
        start_seconds: field(22)? / ticks,
        resident_bytes: field(24)? * page_size() as f64,
    })
}

/// When the system was started.
fn boot_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let behind = (3..=52).map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
        let stat = parse(&format!("1 (a ) b) {behind}\n")).expect("parsed");
        let ticks = clock_ticks_per_second() as f64;
        assert_eq!(stat.cpu_seconds, 29.0 / ticks);
        assert_eq!(stat.start_seconds, 22.0 / ticks);
        assert_eq!(stat.resident_bytes, 24.0 * page_size() as f64);
        assert!(parse("1 (a) S 1").is_none());
    }
}
