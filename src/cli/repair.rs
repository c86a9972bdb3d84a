//! `proglog repair`: says what it would do, and does it only with consent: one for what loses
//! nothing, another one for what does.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::Exit;
use super::output::{counted, print_json};
use crate::log::{self, Consent, Offset, RepairStep};

const DETAILS: &str = "\
Without --yes it prints a plan and changes nothing.

  --yes                 cut torn tails, rebuild indexes, remove empty leftovers: loses nothing
  --yes --accept-loss   also give up the damaged records that the plan names; their bytes go to
                        a quarantine folder beside the log first, and offsets stay as they are

Exit codes: 0 nothing is left to do, 7 steps are left that lose nothing, 3 steps are left that lose data.

Examples:
  proglog repair
  proglog repair --yes
  proglog repair --yes --accept-loss";

/// Show what can be done about damage; do it with --yes
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(crate) struct RepairArgs {
    /// Do what loses nothing
    #[arg(short, long)]
    yes: bool,

    /// With --yes: also give up damaged records; their bytes are kept beside the log
    #[arg(long)]
    accept_loss: bool,
}

/// Prints the plan, or what was done of it.
pub(crate) fn run(
    args: RepairArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let outcome = carry_out(&args, context)?;
    if context.is_json() {
        print_json(out, &outcome.document())?;
    } else {
        outcome.print(out)?;
        if let Some(advice) = outcome.advice(&args) {
            context.note(advice);
        }
    }
    Ok(outcome.exit())
}

fn carry_out(args: &RepairArgs, context: &Context) -> anyhow::Result<Outcome> {
    if !args.yes {
        let left = log::plan_repair(&context.dir)?.steps;
        return Ok(Outcome { planned_only: true, done: Vec::new(), left, quarantine: None });
    }
    let consent = if args.accept_loss { Consent::AcceptLoss } else { Consent::Lossless };
    let repaired = log::repair(&context.dir, consent)?;
    let quarantine = repaired.quarantine.map(|path| path.display().to_string());
    Ok(Outcome { planned_only: false, done: repaired.done, left: repaired.left, quarantine })
}

struct Outcome {
    planned_only: bool,
    done: Vec<RepairStep>,
    left: Vec<RepairStep>,
    quarantine: Option<String>,
}

impl Outcome {
    fn loses_data(&self) -> bool {
        self.left.iter().any(RepairStep::loses_data)
    }

    fn exit(&self) -> Exit {
        match self.left.is_empty() {
            true => Exit::Done,
            false if self.loses_data() => Exit::Damaged,
            false => Exit::NeedsRecovery,
        }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for step in &self.done {
            writeln!(out, "done: {}", step.describe())?;
        }
        for step in &self.left {
            let loss = if step.loses_data() { " (loses data)" } else { "" };
            let word = if self.planned_only { "planned" } else { "left" };
            writeln!(out, "{word}: {}{loss}", step.describe())?;
        }
        if let Some(quarantine) = &self.quarantine {
            writeln!(out, "the bytes that were given up are in {quarantine}")?;
        }
        writeln!(out, "{}", self.sentence())?;
        out.flush()
    }

    fn sentence(&self) -> String {
        let (done, left) = (self.done.len() as u64, self.left.len() as u64);
        match (done, left) {
            (0, 0) => "nothing to repair".into(),
            (_, 0) => format!("{} done, nothing is left to repair", counted(done, "step")),
            (0, _) if self.planned_only => {
                format!("{} planned, nothing was changed", counted(left, "step"))
            }
            _ => format!("{} done, {} left", counted(done, "step"), counted(left, "step")),
        }
    }

    fn advice(&self, args: &RepairArgs) -> Option<&'static str> {
        if self.left.is_empty() {
            None
        } else if !self.loses_data() {
            Some("`proglog repair --yes` does it")
        } else if args.accept_loss || args.yes {
            Some("`proglog repair --yes --accept-loss` does it; intact records aren't touched")
        } else {
            Some(
                "`proglog repair --yes` does what loses nothing, `proglog repair --yes \
                 --accept-loss` the rest, too; intact records aren't touched",
            )
        }
    }

    fn document(&self) -> Document<'_> {
        Document {
            changed: !self.done.is_empty(),
            loses_data: self.loses_data(),
            done: self.done.iter().map(StepDocument::new).collect(),
            left: self.left.iter().map(StepDocument::new).collect(),
            quarantine: self.quarantine.as_deref(),
        }
    }
}

/// What was done and what is left, for programs.
#[derive(Serialize)]
struct Document<'a> {
    changed: bool,
    loses_data: bool,
    done: Vec<StepDocument>,
    left: Vec<StepDocument>,
    quarantine: Option<&'a str>,
}

#[derive(Serialize)]
struct StepDocument {
    step: &'static str,
    segment: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    loses_data: bool,
    message: String,
}

impl StepDocument {
    fn new(step: &RepairStep) -> StepDocument {
        let last = |end: Offset| Some(end.0.saturating_sub(1));
        let (name, segment, first_offset, last_offset, bytes) = match step {
            RepairStep::CutTornTail(tail) => {
                ("cut_torn_tail", tail.segment, Some(tail.offset.0), None, Some(tail.bytes))
            }
            RepairStep::RebuildIndex { segment } => ("rebuild_index", *segment, None, None, None),
            RepairStep::RemoveEmpty { segment } => ("remove_empty", *segment, None, None, None),
            RepairStep::GiveUp { segment, offsets, bytes } => {
                ("give_up", *segment, Some(offsets.start.0), last(offsets.end), Some(*bytes))
            }
            RepairStep::GiveUpMore { segment, bytes, .. } => {
                ("give_up_more", *segment, None, None, Some(*bytes))
            }
            RepairStep::Quarantine { segment, bytes } => {
                ("quarantine", *segment, None, None, Some(*bytes))
            }
        };
        let (segment, loses_data, message) = (segment.0, step.loses_data(), step.describe());
        StepDocument { step: name, segment, first_offset, last_offset, bytes, loses_data, message }
    }
}
