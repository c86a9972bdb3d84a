//! One round: the program at work on a mounted device, the cut, and what is found afterwards.

use std::path::Path;

use serde_json::Value;

use crate::append::{self, Append};
use crate::device::{CutPlan, Device};
use crate::disk::Disk;
use crate::fuse;
use crate::model::{Checked, Done, Model, Truncated};
use crate::numbers::Numbers;
use crate::program::{Program, check_end, said};
use crate::serve::Serve;

/// What the program does in a round.
#[derive(Clone, Debug)]
enum Work {
    Append(Append),
    Serve(Serve),
    Truncate { before: u64 },
}

/// All that is chosen for a round before it begins.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    work: Work,
    plan: CutPlan,
}

impl Round {
    pub(crate) fn choose(number: u64, model: &Model, numbers: &mut Numbers) -> Round {
        // Most rounds promise that what is acknowledged stays; the others that what stays is whole.
        let fsync = numbers.one_of(&["always", "always", "always", "never", "interval:1ms"]);
        let span = model.next - model.lowest;
        let work = if number % 5 == 4 {
            Work::Serve(Serve::choose(number, fsync, numbers))
        } else if span > 0 && numbers.one_in(6) {
            Work::Truncate { before: model.lowest + numbers.below(span + 1) }
        } else {
            Work::Append(Append::choose(number, fsync, numbers))
        };
        let max_bits = if matches!(work, Work::Truncate { .. }) { 4 } else { 9 };
        let after_ops = Some(numbers.of_any_size(max_bits));
        Round { work, plan: CutPlan { after_ops, late_writes: numbers.one_in(2) } }
    }

    /// Works on `disk` until the power is cut, at the latest when the work is done, and answers with
    /// what was acknowledged, the disk as the cut leaves it, and whether it was cut amid the work.
    pub(crate) fn work(
        &self,
        disk: Disk,
        mount: &Path,
        model: &Model,
        numbers: &mut Numbers,
    ) -> Result<(Done, Disk, bool), String> {
        let device = Device::new(disk);
        let program = Program::new(mount);
        let session = fuse::mount(&device, mount)?;
        device.arm(self.plan);
        let done = self.work_with(&program, &device, model);
        fuse::unmount(session)?;
        let left = device.read(|disk| disk.after_cut(numbers));
        Ok((done?, left, device.is_cut()))
    }

    fn work_with(&self, program: &Program, device: &Device, model: &Model) -> Result<Done, String> {
        let mut done = Done::default();
        match &self.work {
            Work::Append(append) => {
                let offsets = append.run(program, device)?;
                if !offsets.iter().copied().eq((model.next..).take(offsets.len())) {
                    return Err(format!("printed weren't offsets from {} on", model.next));
                }
                let lines = (0..).map(|n| append::line(append.round, n));
                done.note(append.fsync, offsets.into_iter().zip(lines))?;
            }
            Work::Serve(serve) => done.note(serve.fsync, serve.run(program, device)?)?,
            Work::Truncate { before } => {
                let before_text = before.to_string();
                let output =
                    program.output(&["truncate", "--before", &before_text, "--output", "json"]);
                let stderr = String::from_utf8_lossy(&output.stderr);
                check_end(output.status, &stderr, device.is_cut())?;
                done.truncated = Some(Truncated::AtMostTo(*before));
                if output.status.success() {
                    let document: Value = serde_json::from_slice(&output.stdout)
                        .map_err(|error| format!("truncate: {error}: {}", said(&output)))?;
                    let lowest = document["lowest_offset"].as_u64().ok_or("no lowest offset")?;
                    done.truncated = Some(Truncated::To(lowest));
                }
            }
        }
        Ok(done)
    }

    /// Mounts what the cut has left, and looks whether the log is as it has to be.
    pub(crate) fn check(
        &self,
        disk: &Disk,
        mount: &Path,
        model: &mut Model,
        done: &Done,
    ) -> Result<Checked, String> {
        let device = Device::new(disk.clone());
        let session = fuse::mount(&device, mount)?;
        let start = model.next;
        let has_sent = |offset: u64, value: &str| match &self.work {
            Work::Append(append) => value == append::line(append.round, offset - start),
            Work::Serve(serve) => serve.has_sent(value),
            Work::Truncate { .. } => false,
        };
        let checked = model.check(&Program::new(mount), done, has_sent);
        let n_changes = device.n_ops();
        fuse::unmount(session)?;
        let checked = checked?;
        if n_changes > 0 {
            return Err(format!("reading and verifying made {n_changes} changes"));
        }
        Ok(checked)
    }
}

impl Done {
    fn note(
        &mut self,
        fsync: &str,
        acknowledged: impl IntoIterator<Item = (u64, String)>,
    ) -> Result<(), String> {
        let records = if fsync == "always" { &mut self.durable } else { &mut self.fleeting };
        for (offset, value) in acknowledged {
            if let Some(other) = records.insert(offset, value) {
                return Err(format!("offset {offset} was given out twice, also to: {other}"));
            }
        }
        Ok(())
    }
}
