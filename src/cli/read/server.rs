//! `read --server`: prints what a server sends, and goes on by itself when the connection breaks.

use std::io::Write;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::sleep;

use super::follow::CHECK_INTERVAL;
use super::printer::{Printer, Progress};
use super::{ReadArgs, advise, printer};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::is_reader_gone;
use crate::cli::remote::Remote;
use crate::cli::signals::stop_flag;
use crate::client::{ClientError, LogStatus, Records, RecordsOptions};
use crate::log::{LogError, Offset};
use crate::service::Chunk;
use crate::text::format::RecordFormat;
use crate::text::read_range::{Extent, ReadRange, resolve};
use crate::text::time::now_us;

/// Prints what was asked for.
pub(super) fn print(
    address: &str,
    args: &ReadArgs,
    format: RecordFormat,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    if format.has_position() {
        let message = "%p is a place in a file, which a server doesn't tell";
        return Err(Failure::usage(message).hint("read the server's directory instead").into());
    }
    let remote = Remote::connect(address, args.server.config(args.follow)?)?;
    let (range, next) = find(args, &remote)?;
    let mut records = remote.client.records(range.from, options(args, range, next));
    let mut printer = printer(args, format, context, out, (range, next));
    let printed = if args.follow {
        let stopping = stop_flag()?;
        remote.block_on(follow(&mut records, &mut printer, &stopping))
    } else {
        remote.block_on(print_all(&mut records, &mut printer))
    };
    printer.progress.finish_and_clear();
    printed?;
    Ok(if printer.skipped { Exit::Damaged } else { Exit::Done })
}

/// Where to read in the server's log, and where that ends now.
fn find(args: &ReadArgs, remote: &Remote) -> anyhow::Result<(ReadRange, Offset)> {
    let now_us = now_us();
    let times = args.offset.times(now_us);
    let status = remote.call(remote.client.info(&times))?;
    let next = status.next;
    let range = resolve(args.offset, &Asked { times, status }, args.follow, now_us)
        .map_err(|error| advise(&error))?;
    Ok((range, next))
}

/// The extent of a log as its server told it, with the times that were asked about.
struct Asked {
    times: Vec<u64>,
    status: LogStatus,
}

impl Extent for Asked {
    fn lowest(&self) -> Offset {
        self.status.lowest
    }

    fn next(&self) -> Offset {
        self.status.next
    }

    fn at_time(&self, timestamp_us: u64) -> Result<Offset, LogError> {
        let mut answers = self.times.iter().zip(&self.status.offsets_at);
        let found = answers.find(|(time, _)| **time == timestamp_us);
        // Every time that there is was asked about.
        Ok(found.map_or(self.status.next, |(_, offset)| *offset))
    }
}

/// The end is named, so that it stays the same if the connection breaks.
fn options(args: &ReadArgs, range: ReadRange, next: Offset) -> RecordsOptions {
    let end_now = (!args.follow).then_some(next);
    RecordsOptions {
        end: range.to.into_iter().chain(end_now).min(),
        follow: args.follow,
        max_records: args.count.map_or(0, |n_records| u32::try_from(n_records).unwrap_or(0)),
        max_bytes: 0,
        skip_corrupt: args.skip_corrupt,
    }
}

async fn print_all<W: Write>(
    records: &mut Records,
    printer: &mut Printer<'_, W>,
) -> anyhow::Result<()> {
    while !printer.is_complete(records.position()) {
        let Some(chunk) = records.next_chunk().await? else { break };
        if printer.print_chunk(&chunk)? == Progress::Complete {
            break;
        }
    }
    Ok(())
}

/// Until enough is printed, nobody listens any more, or a signal says so.
async fn follow<W: Write>(
    records: &mut Records,
    printer: &mut Printer<'_, W>,
    stopping: &AtomicBool,
) -> anyhow::Result<()> {
    while !printer.is_complete(records.position()) {
        let Some(chunk) = next_chunk(records, stopping).await? else { break };
        if printer.print_chunk(&chunk)? == Progress::Complete || stopping.load(Ordering::SeqCst) {
            break;
        }
    }
    Ok(())
}

async fn next_chunk(
    records: &mut Records,
    stopping: &AtomicBool,
) -> Result<Option<Chunk>, ClientError> {
    let mut next = pin!(records.next_chunk());
    loop {
        tokio::select! {
            chunk = &mut next => return chunk,
            () = sleep(CHECK_INTERVAL) => {
                if stopping.load(Ordering::SeqCst) || is_reader_gone() {
                    return Ok(None);
                }
            }
        }
    }
}
