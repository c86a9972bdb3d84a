//! `proglog truncate`: removes the oldest segments.

use std::io::Write;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::Exit;
use super::notes;
use super::output::{binary_bytes, counted, grouped, print_json};
use crate::log::{Log, LogConfig, LogError, LogReader, Offset, SegmentInfo};
use crate::text::time::{TimePoint, now_us};

const DETAILS: &str = "\
Whole segments go: one that holds a record at or behind OFFSET stays as it is, so some records
before it may stay, too.

Examples:
  proglog truncate --before 100000 --dry-run
  proglog truncate --before @-30d
  proglog truncate --before @2026-11-01T00:00:00Z";

/// Remove the oldest segments
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(crate) struct TruncateArgs {
    /// Remove segments whose records are all before this offset or @TIME
    #[arg(long, env = "PROGLOG_BEFORE", value_name = "OFFSET|@TIME", value_parser = Before::parse)]
    before: Before,

    /// Only say what would be removed
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// What `--before` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Offset(u64),
    Time(TimePoint),
}

impl Before {
    fn parse(text: &str) -> Result<Before, String> {
        match text.strip_prefix('@') {
            Some(time) => TimePoint::parse(time).map(Before::Time),
            None => text
                .parse()
                .map(Before::Offset)
                .map_err(|_| format!("`{text}` is neither an offset nor a time such as @-30d")),
        }
    }

    fn resolve(
        self,
        at_time: impl Fn(u64) -> Result<Offset, LogError>,
    ) -> Result<Offset, LogError> {
        match self {
            Before::Offset(offset) => Ok(Offset(offset)),
            Before::Time(time) => at_time(time.to_micros(now_us())),
        }
    }
}

/// Removes segments, or says which would go.
pub(crate) fn run(
    args: TruncateArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let removed = if args.dry_run {
        let log = LogReader::open(&context.dir)?;
        let before = args.before.resolve(|time| log.offset_at_time(time))?;
        check(before, log.lowest_offset(), log.next_offset())?;
        Removed::predict(&log.segments(), before)
    } else {
        truncate(&args, context)?
    };
    if context.is_json() {
        print_json(out, &removed.document(args.dry_run))?;
    } else {
        writeln!(out, "{}", removed.sentence(args.dry_run))?;
        out.flush()?;
    }
    Ok(Exit::Done)
}

fn truncate(args: &TruncateArgs, context: &Context) -> anyhow::Result<Removed> {
    // Opening for writing would create a log that isn't there.
    drop(LogReader::open(&context.dir)?);
    let log = Log::open(&context.dir, LogConfig::default())?;
    notes::recovery(context, log.recovery());
    let removed = truncate_log(&log, args.before);
    let closed = log.close();
    let removed = removed?;
    closed?;
    Ok(removed)
}

fn truncate_log(log: &Log, before: Before) -> Result<Removed, LogError> {
    let before = before.resolve(|time| log.offset_at_time(time))?;
    check(before, log.lowest_offset(), log.next_offset())?;
    let segments = log.segments();
    log.truncate_before(before)?;
    Ok(Removed::between(&segments, log.lowest_offset()))
}

/// An offset that no record has had yet is a slip, and would remove more than was meant.
fn check(before: Offset, lowest: Offset, next: Offset) -> Result<(), LogError> {
    if before > next {
        return Err(LogError::OutOfRange { offset: before, lowest, next });
    }
    Ok(())
}

/// What was removed, or would be.
#[derive(Debug, PartialEq, Eq)]
struct Removed {
    segments: u64,
    records: u64,
    bytes: u64,
    lowest: Offset,
}

impl Removed {
    /// The newest segment always stays: it takes the next append.
    fn predict(segments: &[SegmentInfo], before: Offset) -> Removed {
        let candidates = segments.split_last().map_or(segments, |(_newest, older)| older);
        let lowest = candidates
            .iter()
            .take_while(|segment| segment.next_offset <= before)
            .last()
            .map(|segment| segment.next_offset);
        let first = segments.first().map(|segment| segment.base_offset);
        Removed::between(segments, lowest.or(first).unwrap_or_default())
    }

    /// All segments below the lowest offset.
    fn between(segments: &[SegmentInfo], lowest: Offset) -> Removed {
        let gone = segments.iter().take_while(|segment| segment.base_offset < lowest);
        let mut removed = Removed { segments: 0, records: 0, bytes: 0, lowest };
        for segment in gone {
            removed.segments += 1;
            removed.records += segment.next_offset.since(segment.base_offset);
            removed.bytes += segment.store_bytes + segment.index_bytes;
        }
        removed
    }

    fn sentence(&self, dry_run: bool) -> String {
        if self.segments == 0 {
            let lowest = grouped(self.lowest.0);
            return format!(
                "nothing to remove: no segment is wholly before it; the log starts at offset {lowest}"
            );
        }
        let (verb, starts) =
            if dry_run { ("would remove", "would start") } else { ("removed", "starts") };
        format!(
            "{verb} {}, {}, {}; the log {starts} at offset {}",
            counted(self.segments, "segment"),
            counted(self.records, "record"),
            binary_bytes(self.bytes),
            grouped(self.lowest.0)
        )
    }

    const fn document(&self, dry_run: bool) -> Document {
        Document {
            dry_run,
            segments: self.segments,
            records: self.records,
            bytes: self.bytes,
            lowest_offset: self.lowest.0,
        }
    }
}

/// The same for programs.
#[derive(Serialize)]
struct Document {
    dry_run: bool,
    segments: u64,
    records: u64,
    bytes: u64,
    lowest_offset: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments() -> Vec<SegmentInfo> {
        let segment = |base: u64, next: u64| SegmentInfo {
            base_offset: Offset(base),
            next_offset: Offset(next),
            store_bytes: 100,
            index_bytes: 12,
        };
        vec![segment(10, 20), segment(20, 30), segment(30, 35)]
    }

    #[test]
    fn only_segments_wholly_before_it_go_and_the_newest_stays() {
        for (before, lowest, n_segments) in [
            (0, 10, 0),
            (10, 10, 0),
            (19, 10, 0),
            (20, 20, 1),
            (29, 20, 1),
            (30, 30, 2),
            (35, 30, 2),
        ] {
            let removed = Removed::predict(&segments(), Offset(before));
            assert_eq!((removed.lowest.0, removed.segments), (lowest, n_segments), "{before}");
            assert_eq!(removed.bytes, 112 * n_segments);
            assert_eq!(removed.records, 10 * n_segments);
        }
        assert_eq!(Removed::predict(&[], Offset(0)).segments, 0);
    }

    #[test]
    fn sentences_say_how_much() {
        let removed = Removed::predict(&segments(), Offset(30));
        assert_eq!(
            removed.sentence(true),
            "would remove 2 segments, 20 records, 224 B; the log would start at offset 30"
        );
        assert_eq!(
            removed.sentence(false),
            "removed 2 segments, 20 records, 224 B; the log starts at offset 30"
        );
    }

    #[test]
    fn before_is_an_offset_or_a_time() {
        assert_eq!(Before::parse("5"), Ok(Before::Offset(5)));
        assert!(matches!(Before::parse("@-30d"), Ok(Before::Time(_))));
        assert!(Before::parse("-5").is_err());
        assert!(Before::parse("@soon").is_err());
    }
}
