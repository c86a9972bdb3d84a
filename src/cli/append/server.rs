//! `append --server`: the same loop, with a server at its end.

use std::io::Write;

use super::batch::{Outgoing, Sink};
use super::inputs::Input;
use super::sink_error::SinkError;
use super::{AppendArgs, Ended, Target, append_all};
use crate::cli::context::Context;
use crate::cli::errors;
use crate::cli::failure::Failure;
use crate::cli::remote::Remote;
use crate::client::LogStatus;
use crate::log::{Appended, Header, LogError, Offset};
use crate::service::{Batch, NewRecord};
use crate::text::decode::PendingRecord;

/// A server takes messages of 4 MiB whatever its records may have; half of that leaves room for what is
/// around them.
const MAX_BATCH_BYTES: u64 = 2 << 20;

const RAISE_LIMIT: &str =
    "start the server with a greater --max-record-bytes if it is meant to fit";

/// Appends all inputs to the log of the server.
pub(super) fn append(
    address: &str,
    args: AppendArgs,
    inputs: Vec<Input>,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Ended> {
    let remote = Remote::connect(address, args.server.config(false)?)?;
    let status = remote.call(remote.client.info(&[]))?;
    check_ready(&status, args.expect_offset)?;
    let target = Target {
        sink: &remote,
        max_record_bytes: status.max_record_bytes,
        max_batch_bytes: MAX_BATCH_BYTES,
        raise_limit: RAISE_LIMIT,
    };
    append_all(args, inputs, &target, context, out)
}

/// What would refuse every record is said before any input is read.
fn check_ready(status: &LogStatus, expected: Option<u64>) -> Result<(), Failure> {
    if let Some((code, message)) = &status.refusal {
        let failure = Failure::new(errors::exit_by_code(code), code.clone(), message.clone());
        return Err(failure.hint("records can still be read; look at the server's log"));
    }
    let next = status.next;
    match expected.map(Offset) {
        Some(expected) if expected != next => {
            Err(Failure::from(&LogError::OffsetMismatch { expected, next }))
        }
        _ => Ok(()),
    }
}

impl Sink for Remote {
    fn append(&self, batch: &Outgoing<'_>) -> Result<Appended, SinkError> {
        let records = batch.records.iter().map(|record| record.to_new_record(batch.headers));
        let batch = Batch { records: records.collect(), expected_offset: batch.expected_offset };
        self.call(self.client.append(batch)).map_err(SinkError::Server)
    }
}

impl PendingRecord {
    /// The same record as a server takes it; its bytes are shared.
    fn to_new_record(&self, default_headers: &[Header]) -> NewRecord {
        NewRecord {
            value: self.value.clone(),
            key: self.key.clone(),
            headers: self.headers.as_deref().unwrap_or(default_headers).to_vec(),
            timestamp_us: self.timestamp_us,
            record_type: self.record_type,
        }
    }
}
