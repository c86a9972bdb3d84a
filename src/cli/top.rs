//! `proglog top`: what a server or a log in a directory does, again and again: on a terminal as a screen
//! that is drawn anew, elsewhere as a line each time.

mod directory;
mod draw;
mod grpc;
mod http;
mod latency;
mod plain;
mod rates;
mod sample;
mod sampler;
mod scrape;
mod screen;
mod source;
mod text;
mod view;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;

use self::source::{Place, Source};
use self::view::View;
use super::context::Context;
use super::exit::Exit;
use super::server_args::{LoginArgs, Meant};
use super::signals::stop_flag;
use crate::text::time::parse_duration;
use crate::text::values::parse_positive;

const DETAILS: &str = "\
On a terminal it's a screen; q, Esc or Ctrl-C ends it. Elsewhere, or with --count or --output json, it
prints a line each time. NO_COLOR turns colors off.

Rates and latencies are those since the look before; p50 and p99 come from the buckets of the server's
histograms, so they are near, not exact. A dash is what isn't known: a directory tells nothing of reads
and latencies, and a server tells them over HTTP only.

A server that goes away is shown as such, and asked again until it's back. With access lists, --http
needs the action `metrics`, and `consume` for the committed offset and why appends are refused.

A directory may be that of a running writer. Nothing is written to it, and it isn't kept from others.

Examples:
  proglog top
  proglog top --http localhost:8080
  proglog top --http log.example:8080 --tls-ca ca.pem --token-file token --interval 5s
  proglog top --http localhost:8080 --output json | jq .append_records_per_s
  proglog top --count 2";

/// Watch rates, latencies, offsets, segments and disk of a server or a directory
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(crate) struct TopArgs {
    /// Watch the server at this address, over HTTP: all there is to see
    #[arg(long, env = "PROGLOG_HTTP", value_name = "HOST:PORT")]
    http: Option<String>,

    /// Watch the server at this address, over gRPC: offsets, segments and what is appended
    #[arg(long, env = "PROGLOG_SERVER", value_name = "HOST:PORT")]
    server: Option<String>,

    /// Time between two looks
    #[arg(long, env = "PROGLOG_INTERVAL", value_name = "DURATION", default_value = "1s")]
    #[arg(value_parser = parse_interval)]
    interval: Duration,

    /// Print so many lines, then end
    #[arg(short = 'n', long, env = "PROGLOG_COUNT", value_name = "N", value_parser = parse_positive)]
    count: Option<u64>,

    #[command(flatten)]
    login: LoginArgs,
}

/// The code of a server whose log isn't open yet.
const STARTING: &str = "starting";

/// Looking more often would be a load of its own.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

fn parse_interval(text: &str) -> Result<Duration, String> {
    let interval = parse_duration(text)?;
    if interval < MIN_INTERVAL {
        return Err(format!("has to be at least {MIN_INTERVAL:?}"));
    }
    Ok(interval)
}

impl TopArgs {
    /// Forgets all that is named but this.
    pub(crate) fn take(&mut self, meant: Meant) {
        if matches!(meant, Meant::Directory | Meant::Server) {
            self.http = None;
        }
        if matches!(meant, Meant::Directory | Meant::Http) {
            self.server = None;
        }
    }

    fn place(&self, context: &Context) -> Place {
        match (&self.http, &self.server) {
            (Some(address), _) => Place::Http(address.clone()),
            (None, Some(address)) => Place::Grpc(address.clone()),
            (None, None) => Place::Directory(context.dir.clone()),
        }
    }
}

/// Watches until enough is printed, nobody listens any more, or somebody says so.
pub(crate) fn run(args: TopArgs, context: &Context, out: &mut impl Write) -> anyhow::Result<Exit> {
    let place = args.place(context);
    let mut source = Source::open(&place, &args.login)?;
    let first = source.sample();
    let mut view = View::new(place, args.interval);
    // What can't be seen from the start is an error, unless it's about to come. Later it may come back.
    view.take(match first {
        Err(failure) if failure.code != STARTING => return Err(failure.into()),
        first => first,
    });
    let stopping = stop_flag()?;
    let samples = sampler::start(source, args.interval)?;
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let wants_lines = args.count.is_some() || context.is_json() || is_dumb;
    if wants_lines || !io::stdout().is_terminal() {
        plain::run(&mut view, &samples, args.count, &stopping, context.is_json(), out)?;
    } else {
        screen::run(&mut view, &samples, &stopping)?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_not_too_short() {
        assert_eq!(parse_interval("100ms"), Ok(Duration::from_millis(100)));
        for bad in ["0s", "99ms", "-1s", "often"] {
            assert!(parse_interval(bad).is_err(), "{bad}");
        }
    }
}
