//! What has to be in the log, and the look whether it is.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::program::{Program, said};

/// The records that have outlived a power cut, all of which have to outlive the next ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) lowest: u64,
    pub(crate) next: u64,
    records: BTreeMap<u64, String>,
}

/// What a round may have done to the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// What has to be there.
    pub(crate) durable: BTreeMap<u64, String>,
    /// What has to have this value if it's there: acknowledged, but not as durable.
    pub(crate) fleeting: BTreeMap<u64, String>,
    /// The lowest offset may have become so high, if it moved, or has to be it.
    pub(crate) truncated: Option<Truncated>,
}

/// A truncation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Truncated {
    /// It wasn't acknowledged.
    AtMostTo(u64),
    /// It was.
    To(u64),
}

/// How many acknowledged records were found where they have to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checked {
    pub(crate) new: u64,
    pub(crate) old: u64,
}

impl Model {
    /// Compares the log on the mounted device with what it has to be, and goes on with what is there.
    pub(crate) fn check(
        &mut self,
        program: &Program,
        done: &Done,
        has_sent: impl Fn(u64, &str) -> bool,
    ) -> Result<Checked, String> {
        let found = if program.dir.exists() { look(program)? } else { Model::default() };
        self.check_bounds(&found, done)?;
        let mut checked = Checked::default();
        for (offset, value) in &done.durable {
            found.has(*offset, value, "acknowledged in this round")?;
            checked.new += 1;
        }
        for (offset, value) in self.records.range(found.lowest..) {
            found.has(*offset, value, "there after an earlier cut")?;
            checked.old += 1;
        }
        for (offset, value) in found.records.range(self.next..) {
            let wanted = done.durable.get(offset).or_else(|| done.fleeting.get(offset));
            if !has_sent(*offset, value) || wanted.is_some_and(|wanted| wanted != value) {
                return Err(format!(
                    "WRONG: at offset {offset} is what nobody appended there: {value}"
                ));
            }
        }
        *self = found;
        Ok(checked)
    }

    fn check_bounds(&self, found: &Model, done: &Done) -> Result<(), String> {
        let allowed = match done.truncated {
            None => self.lowest..=self.lowest,
            Some(Truncated::AtMostTo(offset)) => self.lowest..=offset.max(self.lowest),
            Some(Truncated::To(offset)) => offset..=offset,
        };
        if !allowed.contains(&found.lowest) {
            return Err(format!("the lowest offset is {}, not in {allowed:?}", found.lowest));
        }
        let last = done.durable.keys().next_back();
        let next = last.map_or(self.next, |last| (last + 1).max(self.next));
        if found.next < next {
            return Err(format!(
                "LOST: the log ends at {}, acknowledged was up to {next}",
                found.next
            ));
        }
        Ok(())
    }

    fn has(&self, offset: u64, value: &str, when: &str) -> Result<(), String> {
        match self.records.get(&offset) {
            Some(found) if found == value => Ok(()),
            Some(found) => Err(format!("WRONG: offset {offset}, {when}: {value}\nbut is: {found}")),
            None => Err(format!("LOST: offset {offset}, {when}: {value}")),
        }
    }
}

/// Reads the whole log through the program, which has to find it sound.
fn look(program: &Program) -> Result<Model, String> {
    let report = program.output(&["verify", "--output", "json"]);
    if !matches!(report.status.code(), Some(0 | 7)) {
        return Err(format!("verify: {}", said(&report)));
    }
    let document: Value = serde_json::from_slice(&report.stdout)
        .map_err(|error| format!("verify: {error}: {}", said(&report)))?;
    let number = |name: &str| document[name].as_u64().ok_or(format!("no {name}: {document}"));
    let (lowest, next) = (number("lowest_offset")?, number("next_offset")?);
    let output = program.output(&["read", "--format", "%o %v"]);
    if !output.status.success() {
        return Err(format!("read: {}", said(&output)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut records = BTreeMap::new();
    for (wanted, line) in (lowest..).zip(text.lines()) {
        match line.split_once(' ') {
            Some((offset, value)) if offset.parse() == Ok(wanted) => {
                records.insert(wanted, value.to_owned());
            }
            _ => {
                return Err(format!("the offsets aren't dense: {wanted} is missing before {line}"));
            }
        }
    }
    if records.len() as u64 != next - lowest {
        return Err(format!("{} records are read, not {lowest}..{next}", records.len()));
    }
    Ok(Model { lowest, next, records })
}
