//! `proglog verify`: walks the whole log, changes nothing, and lists what is wrong.

use std::io::Write;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::Exit;
use super::output::{binary_bytes, counted, grouped, print_json};
use super::progress;
use crate::log::{self, Finding, Report, Verdict};

const DETAILS: &str = "\
Checks every frame, checksum, offset and timestamp, and that each index says what its store says.
Safe beside a running writer; what that one has not committed yet isn't looked at.

Exit codes: 0 sound, 7 sound but needs recovery (the next append does it), 3 damaged.

Examples:
  proglog verify
  proglog --dir backup verify --output json | jq .findings";

/// Check the whole log and list what is wrong; changes nothing
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(crate) struct VerifyArgs {}

/// Prints findings, then one line about the whole.
pub(crate) fn run(
    _args: VerifyArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let bar = progress::of_bytes(context, "verifying", store_bytes(&context.dir));
    let report = log::verify(&context.dir, &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let report = report?;
    if context.is_json() {
        print_json(out, &Document::new(&report))?;
    } else {
        print_text(&report, out)?;
        advise(&report, context);
    }
    Ok(match report.verdict() {
        Verdict::Sound => Exit::Done,
        Verdict::NeedsRecovery => Exit::NeedsRecovery,
        Verdict::Damaged => Exit::Damaged,
    })
}

/// For the bar's end only, so what can't be looked at doesn't matter.
fn store_bytes(dir: &Path) -> Option<u64> {
    let is_store = |path: &Path| path.extension().is_some_and(|extension| extension == "store");
    let entries = dir.read_dir().ok()?.flatten();
    Some(
        entries
            .filter(|entry| is_store(&entry.path()))
            .filter_map(|entry| entry.metadata().ok())
            .map(|metadata| metadata.len())
            .sum(),
    )
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Sound => "sound",
        Verdict::NeedsRecovery => "needs recovery",
        Verdict::Damaged => "damaged",
    }
}

fn print_text(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    for finding in &report.findings {
        writeln!(
            out,
            "segment {}, position {}, offset {}: {}: {}",
            finding.segment,
            finding.position,
            finding.offset,
            finding.kind.as_str(),
            finding.message
        )?;
    }
    writeln!(out, "{}", sentence(report))?;
    out.flush()
}

fn sentence(report: &Report) -> String {
    let mut sentence = format!(
        "{}, {}, {}: {}",
        counted(report.segments, "segment"),
        counted(report.records, "record"),
        binary_bytes(report.store_bytes),
        word(report.verdict())
    );
    if !report.findings.is_empty() {
        let n_findings = report.findings.len() as u64 + report.untold;
        sentence += &format!(", {}", counted(n_findings, "finding"));
    }
    if report.untold > 0 {
        sentence += &format!(", {} of them not shown", grouped(report.untold));
    }
    if report.unchecksummed > 0 {
        sentence += &format!("; {} without a checksum", grouped(report.unchecksummed));
    }
    if report.lost > 0 {
        sentence += &format!("; {} given up by a repair", counted(report.lost, "record"));
    }
    if report.live_writer {
        sentence += "; a writer is at work";
    }
    sentence
}

fn advise(report: &Report, context: &Context) {
    match report.verdict() {
        Verdict::Sound if report.findings.is_empty() => {}
        Verdict::Sound => context.note("move files that aren't the log's out of its directory"),
        Verdict::NeedsRecovery => {
            context.note("the next append puts this right, and so does `proglog repair --yes`");
        }
        Verdict::Damaged => {
            context.note("intact records stay readable; `proglog repair` shows what can be done");
        }
    }
}

/// The report for programs.
#[derive(Serialize)]
struct Document<'a> {
    verdict: &'static str,
    segments: u64,
    records: u64,
    bytes: u64,
    lowest_offset: u64,
    next_offset: u64,
    unchecksummed: u64,
    lost: u64,
    live_writer: bool,
    findings: Vec<FindingDocument<'a>>,
    findings_not_shown: u64,
}

#[derive(Serialize)]
struct FindingDocument<'a> {
    kind: &'static str,
    damage: bool,
    segment: u64,
    position: u64,
    offset: u64,
    message: &'a str,
}

impl<'a> Document<'a> {
    fn new(report: &'a Report) -> Document<'a> {
        Document {
            verdict: match report.verdict() {
                Verdict::NeedsRecovery => "needs_recovery",
                verdict => word(verdict),
            },
            segments: report.segments,
            records: report.records,
            bytes: report.store_bytes,
            lowest_offset: report.lowest_offset.0,
            next_offset: report.next_offset.0,
            unchecksummed: report.unchecksummed,
            lost: report.lost,
            live_writer: report.live_writer,
            findings: report.findings.iter().map(FindingDocument::new).collect(),
            findings_not_shown: report.untold,
        }
    }
}

impl<'a> FindingDocument<'a> {
    fn new(finding: &'a Finding) -> FindingDocument<'a> {
        FindingDocument {
            kind: finding.kind.as_str(),
            damage: finding.kind.is_damage(),
            segment: finding.segment.0,
            position: finding.position.0,
            offset: finding.offset.0,
            message: &finding.message,
        }
    }
}
