//! `proglog info`: what there is in a log directory, without reading all of it.

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::Exit;
use super::output::{binary_bytes, counted, grouped, print_json};
use super::remote::Remote;
use super::server_args::ServerArgs;
use crate::client::LogStatus;
use crate::log::{Checksums, LogError, LogReader, Recovery};
use crate::text::time::display_time;

const DETAILS: &str = "\
Looks at the newest and the oldest record and at the ends of each segment, so it's quick for a log
of any size. `proglog verify` reads everything.

Examples:
  proglog info
  proglog info --output json | jq .next_offset
  proglog info --server localhost:8400";

/// Show offsets, times, segments and state of a log
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

/// Prints what is known of the log.
pub(crate) fn run(args: InfoArgs, context: &Context, out: &mut impl Write) -> anyhow::Result<Exit> {
    let info = match &args.server.server {
        Some(address) => {
            let remote = Remote::connect(address, args.server.config(false)?)?;
            Info::of_server(address, &remote.call(remote.client.info(&[]))?)
        }
        None => Info::of(&context.dir)?,
    };
    if context.is_json() {
        print_json(out, &info)?;
    } else {
        info.print(out)?;
    }
    Ok(Exit::Done)
}

/// What is printed, in this order.
#[derive(Debug, Serialize)]
struct Info {
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    lowest_offset: u64,
    next_offset: u64,
    records: u64,
    first_time: Option<String>,
    last_time: Option<String>,
    segments: u64,
    bytes: u64,
    /// `null` for an empty log.
    checksummed: Option<&'static str>,
    state: &'static str,
    damaged: u64,
    writer: bool,
    #[serde(flatten)]
    serving: Option<Serving>,
}

/// What only a server has to say.
#[derive(Debug, Serialize)]
struct Serving {
    durability: &'static str,
    max_record_bytes: u64,
    /// The stable name of why appends are refused.
    refusal: Option<String>,
}

impl Info {
    fn of(dir: &Path) -> Result<Info, LogError> {
        let log = LogReader::open(dir)?;
        let (lowest, next) = (log.lowest_offset(), log.next_offset());
        let ends = log.ends()?;
        let recovery = log.recovery();
        Ok(Info {
            dir: Some(dir.display().to_string()),
            server: None,
            lowest_offset: lowest.0,
            next_offset: next.0,
            records: next.since(lowest),
            first_time: ends.first_timestamp_us.map(display_time),
            last_time: ends.last_timestamp_us.map(display_time),
            segments: log.segments().len() as u64,
            bytes: log.size_bytes(),
            checksummed: ends.checksums.map(Checksums::as_str),
            state: state(&recovery, log.has_writer()),
            damaged: recovery.damage.len() as u64 + recovery.damage_untold,
            writer: log.has_writer(),
            serving: None,
        })
    }

    fn of_server(address: &str, log: &LogStatus) -> Info {
        Info {
            dir: None,
            server: Some(address.to_owned()),
            lowest_offset: log.lowest.0,
            next_offset: log.next.0,
            records: log.next.since(log.lowest),
            first_time: log.ends.first_timestamp_us.map(display_time),
            last_time: log.ends.last_timestamp_us.map(display_time),
            segments: log.n_segments,
            bytes: log.size_bytes,
            checksummed: log.ends.checksums.map(Checksums::as_str),
            state: if log.n_damaged > 0 { "damaged" } else { "open" },
            damaged: log.n_damaged,
            writer: true,
            serving: Some(Serving {
                durability: log.durability.as_str(),
                max_record_bytes: log.max_record_bytes,
                refusal: log.refusal.as_ref().map(|(code, _)| code.clone()),
            }),
        }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let none = || "-".to_owned();
        let place = match (&self.dir, &self.server) {
            (Some(dir), _) => ("directory", dir.clone()),
            (None, server) => ("server", server.clone().unwrap_or_default()),
        };
        let rows = [
            place,
            ("lowest offset", grouped(self.lowest_offset)),
            ("next offset", grouped(self.next_offset)),
            ("records", grouped(self.records)),
            ("first time", self.first_time.clone().unwrap_or_else(none)),
            ("last time", self.last_time.clone().unwrap_or_else(none)),
            ("segments", grouped(self.segments)),
            ("size", binary_bytes(self.bytes)),
            ("checksums", self.checksummed.map_or_else(none, str::to_owned)),
            ("state", self.state_sentence()),
            ("writer", if self.writer { "at work" } else { "none" }.to_owned()),
        ];
        let serving = self.serving.iter().flat_map(Serving::rows);
        for (name, value) in rows.into_iter().chain(serving) {
            writeln!(out, "{:15}{value}", format!("{name}:"))?;
        }
        out.flush()
    }

    fn state_sentence(&self) -> String {
        match self.state {
            "damaged" => format!(
                "damaged in {}; `proglog verify` lists them",
                counted(self.damaged, "place")
            ),
            "needs_recovery" => "needs recovery; the next append does it".into(),
            state => state.into(),
        }
    }
}

impl Serving {
    fn rows(&self) -> [(&'static str, String); 3] {
        [
            ("durability", self.durability.to_owned()),
            ("max record", binary_bytes(self.max_record_bytes)),
            (
                "appends",
                self.refusal.as_ref().map_or("taken".into(), |code| format!("refused: {code}")),
            ),
        ]
    }
}

/// In which shape a log is. With a writer at work the ends of the files are its business.
pub(super) fn state(recovery: &Recovery, has_writer: bool) -> &'static str {
    let needs_recovery = !recovery.torn_tails.is_empty()
        || !recovery.rebuilt_indexes.is_empty()
        || !recovery.removed_segments.is_empty();
    match () {
        () if !recovery.damage.is_empty() => "damaged",
        () if has_writer => "open",
        () if needs_recovery => "needs_recovery",
        () => "clean",
    }
}
