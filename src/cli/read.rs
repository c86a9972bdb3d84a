//! `proglog read`: prints records, and with `--follow` waits for more. It never writes to the log
//! and takes no lock, so it works beside a running writer.

mod chomp;
mod follow;
mod printer;
mod server;

use std::io::{IsTerminal, Write, stdout};

use clap::Args;
use indicatif::ProgressBar;

use self::chomp::Chomp;
use self::printer::Printer;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::progress;
use super::server_args::ServerArgs;
use crate::log::{LogError, LogReader, Offset};
use crate::text::format::RecordFormat;
use crate::text::offset_spec::OffsetSpec;
use crate::text::read_range::{ReadRange, resolve};
use crate::text::time::now_us;
use crate::text::values::parse_delimiter;

const DETAILS: &str = "\
Offsets:
  start          the first record still kept (the default)
  end            behind the newest record; for --follow
  N              from offset N on
  -N             the newest N records
  A:B            from A up to, not including, B; also A: and :B
  @TIME          from that time on: RFC 3339, or -1h, -90s, -2d
  @TIME:TIME     from one time up to, not including, another

Templates have a percent sign in them:
  %o offset   %v value   %b value in base64   %k key    %h headers as name:value,...
  %t time     %T time in microseconds         %s size   %p position in the segment's store
  \\n \\t \\r \\0 \\\\ %%. The delimiter follows each record, unless the template ends in \\n, \\0 or \\c.

Examples:
  proglog read --offset 10:20 --format json
  proglog read --offset -10 --follow
  proglog read --offset @-1h --format '%o %t %v'
  proglog read > lines          gives back the lines that were appended
  proglog read --chomp > lines  likewise, if the last one had no line end
  proglog read -n 1 --format raw > photo.jpg
  proglog read --follow --server localhost:8400

`value` ends each record with a line end, also one whose line had none when it was appended: with
--chomp the last one is left out. `raw` prints the bytes alone. With --skip-corrupt the exit code
still is 3 if something was skipped.";

/// Print records from an offset on
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(crate) struct ReadArgs {
    /// What to read: start, end, N, -N, A:B, A:, :B, @TIME, @TIME:TIME
    #[arg(short, long, env = "PROGLOG_OFFSET", value_name = "OFFSET", default_value = "start")]
    #[arg(allow_hyphen_values = true, value_parser = OffsetSpec::parse)]
    offset: OffsetSpec,

    /// Stop after this many records
    #[arg(short = 'n', long, env = "PROGLOG_COUNT", value_name = "N")]
    count: Option<u64>,

    /// Wait for more records at the end
    #[arg(short, long)]
    follow: bool,

    /// value, json, base64, hex, raw, or a template such as '%o %v' [default: value]
    ///
    /// With --output json the default is json.
    #[arg(long, env = "PROGLOG_FORMAT", value_name = "FORMAT", value_parser = RecordFormat::parse)]
    format: Option<RecordFormat>,

    /// The byte that ends a record: a character, \n, \t, \0 or 0x1F [default: \n]
    #[arg(long, env = "PROGLOG_DELIMITER", value_name = "BYTE", value_parser = parse_delimiter)]
    delimiter: Option<u8>,

    /// No delimiter behind the last record, as in a file whose last line has no end
    #[arg(long, conflicts_with = "follow")]
    chomp: bool,

    /// Go on behind damaged records, and say which are missing
    #[arg(long)]
    skip_corrupt: bool,

    #[command(flatten)]
    pub(super) server: ServerArgs,
}

/// Prints what was asked for.
pub(crate) fn run(args: ReadArgs, context: &Context, out: &mut impl Write) -> anyhow::Result<Exit> {
    let by_output = if context.is_json() { RecordFormat::Json } else { RecordFormat::Value };
    let format = args.format.clone().unwrap_or(by_output);
    check_delimiter(&args, &format)?;
    if args.chomp {
        let delimiter = args.delimiter.unwrap_or(b'\n');
        return print(args, format, context, &mut Chomp::new(out, delimiter));
    }
    print(args, format, context, out)
}

/// Without this, --chomp would take the last byte of a value printed by --format raw.
fn check_delimiter(args: &ReadArgs, format: &RecordFormat) -> Result<(), Failure> {
    let flag = match args {
        _ if format.has_delimiter() => return Ok(()),
        ReadArgs { delimiter: Some(_), .. } => "--delimiter",
        ReadArgs { chomp: true, .. } => "--chomp",
        _ => return Ok(()),
    };
    let message = "is for formats that end a record with a delimiter: not json, not raw";
    Err(Failure::usage(format!("{flag} {message}")))
}

fn print(
    args: ReadArgs,
    format: RecordFormat,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    if let Some(address) = &args.server.server {
        return server::print(address, &args, format, context, out);
    }
    let log = LogReader::open(&context.dir)?;
    let range =
        resolve(args.offset, &log, args.follow, now_us()).map_err(|error| advise(&error))?;
    let mut scan = log.scan(range.from)?;
    let mut printer = printer(&args, format, context, out, (range, log.next_offset()));
    let printed = if args.follow {
        follow::follow(&log, &mut scan, &mut printer)
    } else {
        printer.print(&mut scan).map(drop)
    };
    printer.progress.finish_and_clear();
    printed?;
    Ok(if printer.skipped { Exit::Damaged } else { Exit::Done })
}

/// A printer for a range of a log whose end is at `next`.
fn printer<'a, W: Write>(
    args: &ReadArgs,
    format: RecordFormat,
    context: &'a Context,
    out: &'a mut W,
    (range, next): (ReadRange, Offset),
) -> Printer<'a, W> {
    Printer {
        context,
        out,
        format,
        delimiter: args.delimiter.unwrap_or(b'\n'),
        range,
        remaining: args.count,
        skips_corrupt: args.skip_corrupt,
        progress: progress_bar(context, args.follow, range, args.count, next),
        skipped: false,
    }
}

/// Names the flags that would have helped.
fn advise(error: &LogError) -> Failure {
    let failure = Failure::from(error);
    match error {
        LogError::OutOfRange { lowest, next, .. } if lowest == next => {
            failure.hint("the log is empty; `--offset start --follow` waits for its first record")
        }
        LogError::OutOfRange { .. } => {
            failure.hint("`--offset start` and `--offset -10` (the newest 10) fit any log")
        }
        _ => failure,
    }
}

/// A bar would be torn apart by records on the same terminal, and following has no end.
fn progress_bar(
    context: &Context,
    follow: bool,
    range: ReadRange,
    count: Option<u64>,
    next: Offset,
) -> ProgressBar {
    if follow || stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let end = range.to.map_or(next, |to| to.min(next));
    let n_records = end.since(range.from).min(count.unwrap_or(u64::MAX));
    progress::of_records(context, "reading", n_records)
}
