//! `proglog dump-index`: the entries of the indexes as they are, right or wrong.

use std::io::{self, Write};
use std::ops::{ControlFlow, Range};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::Exit;
use crate::log::{DumpedEntry, EntryState, Offset, dump_index};
use crate::text::offset_spec::OffsetSpec;

const DETAILS: &str = "\
Works on a damaged log and beside a running writer, and changes nothing. `-` stands for what can't
be read. With --check the last column says for each record
  ok       the entry leads to it, and it is sound
  missing  it is in the store, but the index has no entry for it
  BAD      the entry leads elsewhere, or to a damaged record; the reason follows
and the exit code is 3 if anything is BAD, else 7 if anything is missing.

Examples:
  proglog dump-index
  proglog dump-index --offset 100:110 --check
  proglog dump-index --segment 0 --output json | jq .position";

/// Show the entries of the indexes
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(crate) struct DumpIndexArgs {
    /// Only the segment with this base offset
    #[arg(long, env = "PROGLOG_SEGMENT", value_name = "BASE")]
    segment: Option<u64>,

    /// Only these offsets: N, A:B (B not included), A:, :B
    #[arg(long, env = "PROGLOG_OFFSET", value_name = "RANGE", value_parser = parse_offsets)]
    offset: Option<Offsets>,

    /// Say whether each entry leads to its record
    #[arg(long)]
    check: bool,
}

/// A range of offsets, taken as it is: a damaged log can't say where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Offsets(Range<u64>);

fn parse_offsets(text: &str) -> Result<Offsets, String> {
    match OffsetSpec::parse(text)? {
        OffsetSpec::Start => Ok(Offsets(0..u64::MAX)),
        OffsetSpec::From(offset) => Ok(Offsets(offset..offset.saturating_add(1))),
        OffsetSpec::Range { from, to } => Ok(Offsets(from.unwrap_or(0)..to.unwrap_or(u64::MAX))),
        OffsetSpec::End | OffsetSpec::Newest(_) | OffsetSpec::Times { .. } => {
            Err(format!("`{text}` is none of N, A:B (B not included), A:, :B"))
        }
    }
}

/// Prints the entries.
pub(crate) fn run(
    args: DumpIndexArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let json = context.is_json();
    let mut printer = Printer { json, check: args.check, has_head: json, out };
    let offsets = args.offset.map_or(0..u64::MAX, |Offsets(offsets)| offsets);
    let mut exit = Exit::Done;
    let mut printed = Ok(());
    dump_index(&context.dir, args.segment.map(Offset), &mut |entry| {
        if printed.is_err() {
            return ControlFlow::Break(());
        }
        let is_wanted = offsets.contains(&entry.offset.0);
        if !is_wanted || (!args.check && entry.state == EntryState::Missing) {
            return ControlFlow::Continue(());
        }
        if args.check {
            exit = worse(exit, &entry.state);
        }
        printed = printer.entry(&entry);
        ControlFlow::Continue(())
    })?;
    printed?;
    printer.head()?;
    printer.out.flush()?;
    Ok(exit)
}

fn worse(exit: Exit, state: &EntryState) -> Exit {
    match (exit, state) {
        (_, EntryState::Bad(_)) => Exit::Damaged,
        (Exit::Done, EntryState::Missing) => Exit::NeedsRecovery,
        _ => exit,
    }
}

/// One line an entry.
struct Printer<'a, W> {
    json: bool,
    check: bool,
    /// Whether the line above all others was printed; JSON has none.
    has_head: bool,
    out: &'a mut W,
}

/// An entry for programs.
#[derive(Serialize)]
struct Document {
    segment: u64,
    offset: u64,
    relative: u32,
    position: u64,
    bytes: Option<u64>,
    crc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl<W: Write> Printer<'_, W> {
    /// Not before the first entry, or that there is none, is certain: an error has no head.
    fn head(&mut self) -> io::Result<()> {
        if self.has_head {
            return Ok(());
        }
        self.has_head = true;
        let state = if self.check { "  state" } else { "" };
        writeln!(
            self.out,
            "{:>12} {:>12} {:>10} {:>12} {:>10}  {:>8}{state}",
            "segment", "offset", "relative", "position", "bytes", "crc"
        )
    }

    fn entry(&mut self, entry: &DumpedEntry) -> io::Result<()> {
        self.head()?;
        let crc = entry.checksum.map(|checksum| format!("{checksum:08x}"));
        let state = self.check.then(|| name(&entry.state));
        let reason = match &entry.state {
            EntryState::Bad(reason) if self.check => Some(reason.to_string()),
            EntryState::Bad(_) | EntryState::Ok | EntryState::Missing => None,
        };
        if self.json {
            let document = Document {
                segment: entry.segment.0,
                offset: entry.offset.0,
                relative: entry.relative.0,
                position: entry.position.0,
                bytes: entry.frame_bytes,
                crc,
                state,
                reason,
            };
            serde_json::to_writer(&mut *self.out, &document)?;
            return self.out.write_all(b"\n");
        }
        let bytes = entry.frame_bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        write!(
            self.out,
            "{:>12} {:>12} {:>10} {:>12} {bytes:>10}  {:>8}",
            entry.segment,
            entry.offset,
            entry.relative,
            entry.position,
            crc.as_deref().unwrap_or("-")
        )?;
        if let Some(state) = state {
            write!(self.out, "  {state}")?;
        }
        if let Some(reason) = reason {
            write!(self.out, ": {reason}")?;
        }
        writeln!(self.out)
    }
}

fn name(state: &EntryState) -> &'static str {
    match state {
        EntryState::Ok => "ok",
        EntryState::Missing => "missing",
        EntryState::Bad(_) => "BAD",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_taken_as_they_are() {
        assert_eq!(parse_offsets("7"), Ok(Offsets(7..8)));
        assert_eq!(parse_offsets("7:9"), Ok(Offsets(7..9)));
        assert_eq!(parse_offsets("7:"), Ok(Offsets(7..u64::MAX)));
        assert!(parse_offsets("-7").is_err());
        assert!(parse_offsets("@-1h").is_err());
    }

    #[test]
    fn the_worst_state_decides() {
        let bad = EntryState::Bad(crate::log::CorruptReason::Zeros);
        assert_eq!(worse(Exit::Done, &EntryState::Missing), Exit::NeedsRecovery);
        assert_eq!(worse(Exit::NeedsRecovery, &bad), Exit::Damaged);
        assert_eq!(worse(Exit::Damaged, &EntryState::Missing), Exit::Damaged);
    }
}
