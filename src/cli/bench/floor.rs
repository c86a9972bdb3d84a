//! The floor: what a plain file gives that does the least a log has to. Frames of an 8-byte length
//! and the value, back to back; `fdatasync` where the log syncs.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::workload::{Measured, Random, Stop, Workload, measure};
use crate::cli::failure::Failure;

const BUFFER_BYTES: usize = 64 * 1024;

/// Writes all records; each batch is synced if `sync` says so.
pub(crate) fn append(
    path: &Path,
    workload: &Workload,
    sync: bool,
    stop: Stop<'_>,
) -> anyhow::Result<Measured> {
    let failed = |error: std::io::Error| Failure::io("write", path, &error);
    let file = File::create_new(path).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, &file);
    let value = workload.value();
    let mut left = workload.n_records;
    measure(workload.record_bytes, stop, || {
        let n_records = workload.batch.min(left);
        for _ in 0..n_records {
            writer.write_all(&workload.record_bytes.to_be_bytes()).map_err(failed)?;
            writer.write_all(&value).map_err(failed)?;
        }
        if sync && n_records > 0 {
            writer.flush().map_err(failed)?;
            file.sync_data().map_err(failed)?;
        } else if n_records == 0 {
            writer.flush().map_err(failed)?;
        }
        left -= n_records;
        Ok(n_records)
    })
}

/// Reads all records in order.
pub(crate) fn read_all(
    path: &Path,
    workload: &Workload,
    stop: Stop<'_>,
) -> anyhow::Result<Measured> {
    let failed = |error: std::io::Error| Failure::io("read", path, &error);
    let file = File::open(path).map_err(failed)?;
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut value = vec![0; workload.record_bytes as usize];
    let mut left = workload.n_records;
    measure(workload.record_bytes, stop, || {
        let n_records = workload.batch.min(left);
        for _ in 0..n_records {
            let mut length = [0; 8];
            reader.read_exact(&mut length).map_err(failed)?;
            reader.read_exact(&mut value).map_err(failed)?;
        }
        left -= n_records;
        Ok(n_records)
    })
}

/// Reads as many records as a thread's share has, picked at random.
pub(crate) fn read_random(
    path: &Path,
    workload: &Workload,
    thread: u64,
    stop: Stop<'_>,
) -> anyhow::Result<Measured> {
    let failed = |error: std::io::Error| Failure::io("read", path, &error);
    let file = File::open(path).map_err(failed)?;
    let frame_bytes = 8 + workload.record_bytes;
    let mut frame = vec![0; frame_bytes as usize];
    let mut random = Random::new(thread + 1);
    let mut share = workload.share_of(thread);
    measure(workload.record_bytes, stop, || {
        if share.next().is_none() {
            return Ok(0);
        }
        let position = random.below(workload.n_records) * frame_bytes;
        file.read_exact_at(&mut frame, position).map_err(failed)?;
        Ok(1)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("floor");
        let workload = Workload { n_records: 10, record_bytes: 100, batch: 3, threads: 2 };
        let (flag, mut n_random) = (AtomicBool::new(false), 0);
        let stop = Stop(&flag);
        assert_eq!(append(&path, &workload, true, stop).expect("written").n_records, 10);
        assert_eq!(path.metadata().expect("there").len(), 1080);
        assert_eq!(read_all(&path, &workload, stop).expect("read").bytes, 1000);
        for thread in 0..2 {
            n_random += read_random(&path, &workload, thread, stop).expect("read").n_records;
        }
        assert_eq!(n_random, 10);
    }
}
