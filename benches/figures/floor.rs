//! The floors: frames of a length and a value in one file, and nothing else.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Instant;

/// Of the buffered floors.
pub(crate) const BUFFER_BYTES: usize = 64 << 10;

/// Frames through a buffered writer; records a second.
pub(crate) fn append_buffered(path: &Path, value: &[u8], n_records: u64) -> f64 {
    let start = Instant::now();
    let file = File::create(path).expect("a file");
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file);
    for _ in 0..n_records {
        write_frame(&mut writer, value);
    }
    writer.flush().expect("flushed");
    rate(n_records, start)
}

/// One write call a frame; records a second.
pub(crate) fn append_each(path: &Path, value: &[u8], n_records: u64) -> f64 {
    let file = File::create(path).expect("a file");
    let frame = frame(value);
    let start = Instant::now();
    for number in 0..n_records {
        file.write_all_at(&frame, number * frame.len() as u64).expect("written");
    }
    rate(n_records, start)
}

/// `batch` frames, then a sync, and so on; records a second.
pub(crate) fn append_synced(path: &Path, value: &[u8], n_records: u64, batch: u64) -> f64 {
    let file = File::create(path).expect("a file");
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file);
    let start = Instant::now();
    for _ in 0..n_records / batch {
        for _ in 0..batch {
            write_frame(&mut writer, value);
        }
        writer.flush().expect("flushed");
        writer.get_ref().sync_data().expect("synced");
    }
    rate(n_records, start)
}

/// Threads that each append one frame at a time, one of which writes and syncs for all that wait.
pub(crate) fn append_in_threads(path: &Path, value: &[u8], n_threads: u64, n_each: u64) -> f64 {
    let leader = Leader {
        file: File::create(path).expect("a file"),
        state: Mutex::default(),
        done: Condvar::new(),
    };
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| (0..n_each).for_each(|_| leader.append(value)));
        }
    });
    rate(n_threads * n_each, start)
}

/// The least that shares a sync: a buffer of what waits, and a count of what is done.
struct Leader {
    file: File,
    state: Mutex<Waiting>,
    done: Condvar,
}

#[derive(Default)]
struct Waiting {
    buffer: Vec<u8>,
    n_queued: u64,
    n_done: u64,
    leads: bool,
    position: u64,
}

impl Leader {
    fn append(&self, value: &[u8]) {
        let mut state = self.state.lock().expect("a lock");
        state.buffer.extend_from_slice(&frame(value));
        state.n_queued += 1;
        let ticket = state.n_queued;
        while state.n_done < ticket {
            if state.leads {
                state = self.done.wait(state).expect("a lock");
                continue;
            }
            state.leads = true;
            let buffer = std::mem::take(&mut state.buffer);
            let (up_to, position) = (state.n_queued, state.position);
            drop(state);
            self.file.write_all_at(&buffer, position).expect("written");
            self.file.sync_data().expect("synced");
            state = self.state.lock().expect("a lock");
            state.position += buffer.len() as u64;
            state.n_done = up_to;
            state.leads = false;
            self.done.notify_all();
        }
    }
}

/// Reads all frames through a buffered reader; records a second.
pub(crate) fn read_buffered(path: &Path, n_records: u64) -> f64 {
    let start = Instant::now();
    read_part(path, 0, n_records, &|value| {
        std::hint::black_box(value);
    });
    rate(n_records, start)
}

/// The same by as many threads as there are processors, each of which reads its share of frames of
/// `frame_bytes` and looks at each value; records a second.
pub(crate) fn read_on_all_processors(
    path: &Path,
    frame_bytes: u64,
    n_records: u64,
    look: &(impl Fn(&[u8]) + Sync),
) -> f64 {
    let n_threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let n_each = n_records / n_threads;
    let start = Instant::now();
    thread::scope(|scope| {
        for thread in 0..n_threads {
            scope.spawn(move || read_part(path, thread * n_each * frame_bytes, n_each, look));
        }
    });
    rate(n_threads * n_each, start)
}

/// Reads frames from `position` on.
fn read_part(path: &Path, position: u64, n_records: u64, look: &impl Fn(&[u8])) {
    let mut file = File::open(path).expect("a file");
    file.seek(SeekFrom::Start(position)).expect("a position");
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let (mut prefix, mut value) = ([0; 8], Vec::new());
    for _ in 0..n_records {
        reader.read_exact(&mut prefix).expect("a length");
        value.resize(u64::from_be_bytes(prefix) as usize, 0);
        reader.read_exact(&mut value).expect("a value");
        look(&value);
    }
}

/// Reads frames at random with one call each; records a second.
pub(crate) fn read_randomly(path: &Path, frame_bytes: u64, numbers: &[u64]) -> f64 {
    let file = File::open(path).expect("a file");
    let start = Instant::now();
    for number in numbers {
        let mut frame = vec![0; frame_bytes as usize];
        file.read_exact_at(&mut frame, number * frame_bytes).expect("a frame");
        std::hint::black_box(&frame);
    }
    rate(numbers.len() as u64, start)
}

pub(crate) fn frame(value: &[u8]) -> Vec<u8> {
    let mut frame = (value.len() as u64).to_be_bytes().to_vec();
    frame.extend_from_slice(value);
    frame
}

fn write_frame(writer: &mut impl Write, value: &[u8]) {
    writer.write_all(&(value.len() as u64).to_be_bytes()).expect("written");
    writer.write_all(value).expect("written");
}

pub(crate) fn rate(n: u64, since: Instant) -> f64 {
    n as f64 / since.elapsed().as_secs_f64()
}
