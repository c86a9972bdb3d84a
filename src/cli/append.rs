//! `proglog append`: inputs become records at the end of the log.

mod batch;
mod gather;
mod inputs;
mod server;
mod sink_error;
mod tally;

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write, stdin};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;

use self::batch::{BatchLimits, Batcher, Sink};
use self::gather::{Decoding, Gatherer};
use self::inputs::{Event, Input};
use self::tally::Tally;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::log_args::LogArgs;
use super::output::print_json;
use super::server_args::ServerArgs;
use super::signals::on_stop;
use super::{notes, progress};
use crate::log::{Header, Log, LogError, Offset};
use crate::text::decode::InputFormat;
use crate::text::time::parse_duration;
use crate::text::values::{parse_bytes, parse_delimiter, parse_header, parse_positive};

const EXAMPLES: &str = "\
Examples:
  echo hello | proglog append
  proglog append access.log                       each line is a record
  proglog append --format raw photo.jpg           the file is one record
  proglog append -k user-7 -H source:web < lines
  proglog read --format json | proglog --dir copy append --format json
  tail -f app.log | proglog append --fsync interval:1s
  tail -f app.log | proglog append --server localhost:8400

A line's end is its delimiter alone: a carriage return before it belongs to the record. The last
line needs no end. On a bad record the ones before it are appended, nothing of it is, and the
message says its line.";

/// Append records: each line of the files, or of standard input
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct AppendArgs {
    /// Files to read; `-` or none is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How the input is read
    #[arg(long, env = "PROGLOG_FORMAT", value_enum, default_value = "line")]
    format: InputFormat,

    /// The byte that ends a record of --format line: a character, \n, \t, \0 or 0x1F [default: \n]
    #[arg(long, env = "PROGLOG_DELIMITER", value_name = "BYTE", value_parser = parse_delimiter)]
    delimiter: Option<u8>,

    /// Key of each record (with --format json: of those without one)
    #[arg(short, long, env = "PROGLOG_KEY")]
    key: Option<OsString>,

    /// Header of each record (with --format json: of those without any); repeatable
    #[arg(short = 'H', long, env = "PROGLOG_HEADER", value_name = "NAME:VALUE")]
    #[arg(value_parser = parse_header)]
    header: Vec<Header>,

    /// Append only if the first record gets this offset, else exit with 5
    #[arg(long, env = "PROGLOG_EXPECT_OFFSET", value_name = "N")]
    expect_offset: Option<u64>,

    #[command(flatten)]
    pub(super) server: ServerArgs,

    #[command(flatten)]
    log: LogArgs,

    /// Most records in one write
    #[arg(long, env = "PROGLOG_BATCH_RECORDS", value_name = "N", default_value = "10000")]
    #[arg(value_parser = parse_positive)]
    batch_records: u64,

    /// Most bytes in one write; a single larger record still goes
    #[arg(long, env = "PROGLOG_BATCH_BYTES", value_name = "SIZE", default_value = "1MiB")]
    #[arg(value_parser = parse_bytes)]
    batch_bytes: u64,

    /// How long a batch that isn't full waits for more input
    #[arg(long, env = "PROGLOG_LINGER", value_name = "DURATION", default_value = "0s")]
    #[arg(value_parser = parse_duration)]
    linger: Duration,

    /// Print the offset of each record, one a line, once it is durable
    #[arg(long)]
    print_offsets: bool,
}

/// Appends all inputs and prints what became of them.
pub(crate) fn run(
    args: AppendArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    if args.delimiter.is_some() && args.format != InputFormat::Line {
        let message = "--delimiter is for --format line: the other formats have their own";
        return Err(Failure::usage(message).into());
    }
    let inputs = Input::all(&args.files);
    inputs::check(&inputs)?;
    let prints_offsets = args.print_offsets;
    let (tally, signal) = match args.server.server.clone() {
        Some(address) => server::append(&address, args, inputs, context, out)?,
        None => append_to_directory(args, inputs, context, out)?,
    };
    if !prints_offsets {
        check_printed(summarize(&tally, context, out), &tally)?;
    }
    if signal.is_some() {
        context.note("stopped by a signal: the rest of the input was not appended");
    }
    Ok(signal.map_or(Exit::Done, Exit::by_signal))
}

/// What was appended, and the signal that ended it, if one did.
type Ended = (Tally, Option<i32>);

fn append_to_directory(
    args: AppendArgs,
    inputs: Vec<Input>,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Ended> {
    let log = Log::open(&context.dir, args.log.to_config())?;
    notes::recovery(context, log.recovery());
    check_ready(&log, args.expect_offset)?;
    let target = Target {
        sink: &log,
        max_record_bytes: args.log.max_record_bytes,
        // A batch lies in one segment, so one that is larger would make the segment larger than asked for.
        max_batch_bytes: args.log.segment_bytes,
        raise_limit: gather::RAISE_LIMIT,
    };
    let appended = append_all(args, inputs, &target, context, out);
    let closed = log.close();
    let (tally, signal) = appended?;
    closed.map_err(|error| not_closed(&error, &tally))?;
    Ok((tally, signal))
}

/// Where records go, and what is known of it.
struct Target<'a, S> {
    sink: &'a S,
    max_record_bytes: u64,
    max_batch_bytes: u64,
    /// What to do about a record that is over the limit.
    raise_limit: &'static str,
}

/// What would refuse every record is said before any input is read.
fn check_ready(log: &Log, expected: Option<u64>) -> Result<(), LogError> {
    if let Some(refusal) = log.refusal() {
        return Err(refusal);
    }
    let next = log.next_offset();
    match expected.map(Offset) {
        Some(expected) if expected != next => Err(LogError::OffsetMismatch { expected, next }),
        _ => Ok(()),
    }
}

fn append_all<S: Sink>(
    args: AppendArgs,
    inputs: Vec<Input>,
    target: &Target<'_, S>,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Ended> {
    if inputs.contains(&Input::Stdin) && stdin().is_terminal() {
        context.note("reading records from the terminal, a line each; Ctrl-D ends it");
    }
    let total = inputs::total_bytes(&inputs);
    let delimiter = args.format.delimiter(args.delimiter);
    let limit = args.format.max_piece_bytes(target.max_record_bytes);
    let (sender, events) = inputs::start_reading(inputs, delimiter, limit);
    // The batch at hand is still appended.
    on_stop(move |signal| drop(sender.send(Event::Signal(signal))))?;
    let bytes = args.batch_bytes.min(target.max_batch_bytes);
    let limits = BatchLimits { records: args.batch_records, bytes };
    let batcher = Batcher::new(target.sink, &args.header, limits)
        .expect_offset(args.expect_offset.map(Offset))
        .print_offsets(args.print_offsets.then_some(out as &mut dyn Write));
    let key = args.key.map(|key| Bytes::from(key.into_vec()));
    let mut gatherer =
        Gatherer::new(&events, batcher, Decoding { format: args.format, delimiter, key });
    gatherer.linger = args.linger;
    gatherer.raise_limit = target.raise_limit;
    if total.is_some() {
        gatherer.progress = progress::of_bytes(context, "appending", total);
    }
    let ended = gatherer.run();
    gatherer.progress.finish_and_clear();
    Ok((gatherer.batcher.tally(), ended?))
}

fn not_closed(error: &LogError, tally: &Tally) -> Failure {
    let mut failure = Failure::from(error);
    failure.message = format!("{}; {}", failure.message, tally.describe());
    failure
}

fn summarize(tally: &Tally, context: &Context, out: &mut impl Write) -> std::io::Result<()> {
    if context.is_json() {
        print_json(out, &tally.document())
    } else {
        writeln!(out, "{}", tally.sentence())?;
        out.flush()
    }
}

/// Whoever closed standard output doesn't want to know. In any other case it's said what is in the log:
/// who only sees a failure would append it again.
fn check_printed(printed: std::io::Result<()>, tally: &Tally) -> Result<(), Failure> {
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let message = format!("can't write to standard output: {error}; {}", tally.describe());
            Err(Failure::new(Exit::Failed, "io", message))
        }
        _ => Ok(()),
    }
}
