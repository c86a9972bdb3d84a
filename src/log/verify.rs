//! Checks a whole log and changes nothing; safe beside a writer.

use std::path::Path;
use std::sync::Arc;

use super::check::{Checked, Counts, check_all};
use super::dir::LogDir;
use super::error::{CorruptReason, Corruption, LogError};
use super::examined::State;
use super::examined::TornTail;
use super::finding::{Finding, FindingKind};
use super::fs::{Access, FileSystem, OsFileSystem};
use super::offset::{Offset, Position};
use super::recover::{self, Judged};

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many segments there are.
    pub segments: u64,
    /// How many sound records, marks for lost ones included.
    pub records: u64,
    /// Bytes of the frames of sound records.
    pub store_bytes: u64,
    /// The first offset still kept.
    pub lowest_offset: Offset,
    /// The offset behind the last record.
    pub next_offset: Offset,
    /// Records of the Go original, which carry no checksum.
    pub unchecksummed: u64,
    /// Records given up by a repair.
    pub lost: u64,
    /// A writer was at work; what it had not yet committed was not looked at.
    pub live_writer: bool,
    /// By segment and position; of each segment some thousands at most.
    pub findings: Vec<Finding>,
    /// How many findings there are beyond those: more damaged records, or times that went back.
    pub untold: u64,
}

/// The sum of a [`Report`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is as it should be.
    Sound,
    /// No record is damaged, but the next open for writing, or `repair`, has something to mend.
    NeedsRecovery,
    /// Something that was in the log isn't what it was.
    Damaged,
}

impl Report {
    /// The worst of the findings. Strays are told of, but don't make a log unsound.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let is_stray = |finding: &Finding| finding.kind == FindingKind::StrayFile;
        if self.findings.iter().any(|finding| finding.kind.is_damage()) {
            Verdict::Damaged
        } else if self.findings.iter().all(is_stray) {
            Verdict::Sound
        } else {
            Verdict::NeedsRecovery
        }
    }
}

/// Reads every segment, several at a time. `progress` is told how many bytes of frames more were read.
///
/// # Errors
/// `NoSuchLog`, `NotADirectory`, or a failed call. Damage is a finding, not an error.
pub fn verify(dir: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<Report, LogError> {
    verify_on(Arc::new(OsFileSystem), dir, progress)
}

/// Like [`verify`], on a file system of the caller's.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(
    fs: Arc<dyn FileSystem>,
    dir: &Path,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Report, LogError> {
    let dir = LogDir::open(fs, dir)?;
    let mut live_writer = dir.has_writer()?;
    let strays = dir.list()?.strays;
    let mut checked = check_all(&dir, live_writer, Access::Read, progress)?;
    if dir.has_writer()? != live_writer {
        // A writer came or went: what it changed meanwhile may look like damage.
        live_writer = !live_writer;
        checked = check_all(&dir, live_writer, Access::Read, progress)?;
    }
    let mut findings = findings_across(&checked);
    let counts: Vec<Counts> = checked.iter().map(|checked| checked.counts).collect();
    let sum = |count: fn(&Counts) -> u64| counts.iter().map(count).sum();
    let mut untold = 0;
    let mut examined = Vec::new();
    for segment in checked {
        findings.extend(segment.findings);
        untold += segment.n_untold;
        examined.push(segment.examined);
    }
    let judged = recover::judge(&dir, examined);
    findings.extend(judged_findings(&dir, &judged));
    let lowest_offset = judged.kept.first().map_or(Offset(0), |first| first.base());
    findings.extend(strays.iter().map(|name| stray(&dir, name, lowest_offset)));
    findings.sort_by_key(|finding| (finding.segment, finding.position, finding.offset));
    Ok(Report {
        segments: counts.len() as u64,
        records: sum(|counts| counts.n_records),
        store_bytes: sum(|counts| counts.n_bytes),
        lowest_offset,
        next_offset: judged.kept.iter().map(|kept| kept.next()).max().unwrap_or(lowest_offset),
        unchecksummed: sum(|counts| counts.n_unchecksummed),
        lost: sum(|counts| counts.n_lost),
        live_writer,
        findings,
        untold: untold + judged.recovery.damage_untold,
    })
}

/// What shows only when two segments are compared: time that went back from one to the next.
fn findings_across(checked: &[Checked]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last = None;
    for segment in checked {
        let base = segment.examined.base();
        if let (Some(previous), Some(found)) = (last, segment.first_timestamp_us)
            && found < previous
        {
            let reason = CorruptReason::TimeWentBack { found, previous };
            findings.push(Finding {
                kind: FindingKind::TimeWentBack,
                segment: base,
                offset: base,
                position: Position(0),
                message: reason.to_string(),
            });
        }
        last = segment.last_timestamp_us.or(last);
    }
    findings
}

fn judged_findings(dir: &LogDir, judged: &Judged) -> Vec<Finding> {
    let recovery = &judged.recovery;
    let mut findings: Vec<Finding> = recovery.damage.iter().map(damage).collect();
    findings.extend(recovery.torn_tails.iter().map(|tail| torn_tail(dir, tail)));
    findings.extend(judged.leftovers.iter().map(|files| Finding {
        kind: FindingKind::EmptyLeftover,
        segment: files.base,
        offset: files.base,
        position: Position(0),
        message: format!(
            "an empty segment that a crash left, {}",
            dir.store_path(files.base).display()
        ),
    }));
    for segment in &judged.kept {
        let State::Unclean { torn_tail: None, .. } = segment.state else { continue };
        let index_path = dir.index_path(segment.base());
        let (kind, what) = if segment.index.is_none() {
            (FindingKind::MissingIndex, "the index is missing and has to be rebuilt")
        } else {
            (FindingKind::StaleIndex, "the segment was not closed or its index is stale")
        };
        findings.push(Finding {
            kind,
            segment: segment.base(),
            offset: segment.next(),
            position: Position(segment.extent.end),
            message: format!("{what}: {}", index_path.display()),
        });
    }
    findings
}

fn damage(corruption: &Corruption) -> Finding {
    let kind = match corruption.reason {
        CorruptReason::Missing { .. } => FindingKind::MissingRecords,
        CorruptReason::Overlap => FindingKind::Overlap,
        CorruptReason::NoStore => FindingKind::MissingStore,
        CorruptReason::TimeWentBack { .. } => FindingKind::TimeWentBack,
        _ => FindingKind::CorruptRecord,
    };
    Finding {
        kind,
        segment: corruption.segment,
        offset: corruption.offset,
        position: corruption.position,
        message: format!("{} in {}", corruption.reason, corruption.path.display()),
    }
}

fn torn_tail(dir: &LogDir, tail: &TornTail) -> Finding {
    Finding {
        kind: FindingKind::TornTail,
        segment: tail.segment,
        offset: tail.offset,
        position: tail.position,
        message: format!(
            "{} bytes behind the last whole record, never acknowledged as durable, in {}",
            tail.bytes,
            dir.store_path(tail.segment).display()
        ),
    }
}

fn stray(dir: &LogDir, name: &str, lowest_offset: Offset) -> Finding {
    Finding {
        kind: FindingKind::StrayFile,
        segment: lowest_offset,
        offset: lowest_offset,
        position: Position(0),
        message: format!("{} is none of the log's files", dir.path.join(name).display()),
    }
}
