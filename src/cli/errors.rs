//! How a failure of the log ends the program, what helps, and its numbers.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::exit::Exit;
use crate::log::{Corruption, LogError};

/// The exit code it leads to.
pub(crate) const fn exit(error: &LogError) -> Exit {
    match error {
        LogError::OutOfRange { .. } | LogError::Lost { .. } | LogError::NoSuchSegment { .. } => {
            Exit::NotInLog
        }
        LogError::Corrupt(_) | LogError::Damaged { .. } | LogError::GapTooWide { .. } => {
            Exit::Damaged
        }
        LogError::InUse { .. } => Exit::InUse,
        LogError::OffsetMismatch { .. } | LogError::Committed { .. } => Exit::Precondition,
        LogError::Config(_) => Exit::Usage,
        LogError::RecordTooLarge { .. }
        | LogError::BatchTooLarge { .. }
        | LogError::ReservedType { .. }
        | LogError::EmptyBatch
        | LogError::NoOffsetsLeft { .. }
        | LogError::Busy { .. }
        | LogError::Failed { .. }
        | LogError::Panicked
        | LogError::Closed
        | LogError::NoSuchLog { .. }
        | LogError::NotADirectory { .. }
        | LogError::DiskFull { .. }
        | LogError::Io { .. } => Exit::Failed,
    }
}

/// The same by the stable name, for failures that a server tells.
pub(crate) fn exit_by_code(code: &str) -> Exit {
    match code {
        "offset_out_of_range" | "lost" => Exit::NotInLog,
        "corrupt" | "damaged" => Exit::Damaged,
        "in_use" => Exit::InUse,
        "offset_mismatch" => Exit::Precondition,
        _ => Exit::Failed,
    }
}

/// What to do next, where the message itself doesn't say it.
pub(crate) fn hint(error: &LogError) -> Option<String> {
    match error {
        LogError::OutOfRange { lowest, next, .. } if lowest == next => {
            Some("the log is empty".into())
        }
        LogError::OutOfRange { .. } => Some("`proglog info` shows what the log holds".into()),
        LogError::Corrupt(_) => Some(
            "`proglog verify` lists all damage, `proglog read --skip-corrupt` goes on behind it, \
             `proglog repair` shows what can be done"
                .into(),
        ),
        LogError::OffsetMismatch { next, .. } => {
            Some(format!("look at what was appended meanwhile, then use --expect-offset {next}"))
        }
        LogError::NotADirectory { .. } => Some("name another directory with --dir".into()),
        LogError::Failed { .. } => Some("run it again once the cause is gone".into()),
        _ => None,
    }
}

/// The values in its message, for programs.
pub(crate) fn fields(error: &LogError) -> Map<String, Value> {
    let value = match error {
        LogError::OutOfRange { offset, lowest, next } => {
            json!({"offset": offset.0, "lowest": lowest.0, "next": next.0})
        }
        LogError::Corrupt(corruption) => corruption_fields(corruption),
        LogError::Damaged { dir, n_findings, first } => {
            json!({"dir": text(dir), "findings": n_findings, "first": corruption_fields(first)})
        }
        LogError::Lost { offset } => json!({"offset": offset.0}),
        LogError::InUse { dir } | LogError::NoSuchLog { dir } => {
            json!({"dir": text(dir)})
        }
        LogError::OffsetMismatch { expected, next } => {
            json!({"expected": expected.0, "next": next.0})
        }
        LogError::RecordTooLarge { bytes, max } | LogError::BatchTooLarge { bytes, max } => {
            json!({"bytes": bytes, "max": max})
        }
        LogError::GapTooWide { segment, next, n_lost } => {
            json!({"segment": segment.0, "next": next.0, "lost": n_lost})
        }
        LogError::ReservedType { record_type } => json!({"type": record_type}),
        LogError::NoOffsetsLeft { next } => json!({"next": next.0}),
        LogError::Busy { waiting_bytes } => json!({"waiting_bytes": waiting_bytes}),
        LogError::Failed { cause } => json!({"cause": cause.code()}),
        LogError::Committed { offset, committed } => {
            json!({"offset": offset.0, "committed": committed.0})
        }
        LogError::NoSuchSegment { dir, base } => json!({"dir": text(dir), "segment": base.0}),
        LogError::NotADirectory { path }
        | LogError::DiskFull { path, .. }
        | LogError::Io { path, .. } => json!({"path": text(path)}),
        LogError::EmptyBatch | LogError::Panicked | LogError::Closed | LogError::Config(_) => {
            Value::Null
        }
    };
    if let Value::Object(fields) = value { fields } else { Map::new() }
}

/// A path as text: what isn't UTF-8 in it is replaced, since JSON can't hold it.
fn text(path: &Path) -> String {
    path.display().to_string()
}

/// One place of damage, for programs.
fn corruption_fields(corruption: &Corruption) -> Value {
    json!({
        "segment": corruption.segment.0,
        "offset": corruption.offset.0,
        "position": corruption.position.0,
        "path": text(&corruption.path),
        "reason": corruption.reason.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Offset;

    #[test]
    fn the_range_is_told_to_people_and_programs() {
        let error = LogError::OutOfRange { offset: Offset(9), lowest: Offset(2), next: Offset(5) };
        assert_eq!(error.code(), "offset_out_of_range");
        assert_eq!(exit(&error), Exit::NotInLog);
        assert_eq!(Value::from(fields(&error)), json!({"offset": 9, "lowest": 2, "next": 5}));
        assert!(hint(&error).is_some_and(|hint| hint.contains("proglog info")));
    }

    #[test]
    fn a_failed_log_names_its_cause() {
        let cause = Box::new(LogError::Closed);
        assert_eq!(fields(&LogError::Failed { cause })["cause"], "closed");
    }
}
