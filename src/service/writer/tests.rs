//! The storage thread over a stand-in for the log: grouping, order, bounds, and the end on a panic.

use std::env;
use std::process::Command;
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use super::*;
use crate::log::{Durability, Offset};
use crate::service::queue::{Bounds, Queue};
use crate::service::{Batch, NewRecord};

fn queue() -> (Queue, mpsc::Receiver<Job>) {
    Queue::new(Bounds {
        max_waiting_bytes: 1 << 20,
        max_waiting_batches: 100,
        room_wait: Duration::MAX,
    })
}

fn batch(value: &[u8]) -> Batch {
    Batch::of(NewRecord::new(value.to_vec()))
}

/// Gives dense offsets, as a log does, and remembers each group's values.
#[derive(Default)]
struct Memory {
    next: u64,
    groups: Vec<Vec<Vec<u8>>>,
}

impl Memory {
    fn write(&mut self, batches: &[Append<'_>]) -> Vec<Result<Appended, LogError>> {
        let values = batches.iter().flat_map(|b| b.records).map(|r| r.value.to_vec());
        self.groups.push(values.collect());
        batches.iter().map(|batch| Ok(self.append(batch.records.len() as u64))).collect()
    }

    fn append(&mut self, n_records: u64) -> Appended {
        let first_offset = Offset(self.next);
        self.next += n_records;
        Appended { first_offset, last_offset: Offset(self.next - 1), durability: Durability::Fsync }
    }
}

#[tokio::test]
async fn what_waits_while_a_group_is_written_becomes_one_group() {
    let (queue, waiting) = queue();
    let (started, first_started) = std_mpsc::channel();
    let (go_on, may_go_on) = std_mpsc::channel::<()>();
    let writer = thread::spawn(move || {
        let mut memory = Memory::default();
        run(
            waiting,
            1 << 20,
            &Answering::default(),
            |batches| {
                started.send(()).expect("the test listens");
                may_go_on.recv().expect("the test answers");
                memory.write(batches)
            },
            || (),
        );
        memory.groups
    });
    let mut answers = vec![queue.push(batch(b"0"), None).await.expect("room")];
    first_started.recv().expect("the first group starts alone");
    for n in 1..64 {
        answers.push(queue.push(batch(n.to_string().as_bytes()), None).await.expect("room"));
    }
    go_on.send(()).expect("first group");
    go_on.send(()).expect("second group");
    queue.close();
    for (n, answer) in answers.into_iter().enumerate() {
        let appended = answer.await.expect("appended");
        assert_eq!(appended.first_offset, Offset(n as u64));
    }
    let groups = writer.join().expect("the writer ends when the queue is closed");
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [1, 63]);
    let order: Vec<_> = (0..64).map(|n| n.to_string().into_bytes()).collect();
    assert_eq!(groups.concat(), order);
}

#[tokio::test]
async fn a_group_is_bounded_in_bytes() {
    let (queue, waiting) = queue();
    for _ in 0..4 {
        queue.push(batch(&[b'x'; 100]), None).await.expect("room");
    }
    queue.close();
    let mut memory = Memory::default();
    let sizes = thread::spawn(move || {
        run(waiting, 300, &Answering::default(), |batches| memory.write(batches), || ());
        memory.groups.iter().map(Vec::len).collect::<Vec<_>>()
    });
    assert_eq!(sizes.join().expect("no panic"), [2, 2]);
}

#[tokio::test]
async fn each_batch_of_a_group_gets_its_own_answer() {
    let (queue, waiting) = queue();
    let refused = queue.push(batch(b"refused"), None).await.expect("room");
    let taken = queue.push(batch(b"taken"), None).await.expect("room");
    queue.close();
    thread::spawn(move || {
        let mut memory = Memory::default();
        run(
            waiting,
            1 << 20,
            &Answering::default(),
            |batches| {
                let too_large = LogError::RecordTooLarge { bytes: 7, max: 5 };
                let mut answers = vec![Err(too_large)];
                answers.extend(memory.write(&batches[1..]));
                answers
            },
            || (),
        );
    });
    let refused = refused.await;
    assert!(matches!(refused, Err(ServiceError::RecordTooLarge { bytes: 7, max: 5 })));
    assert_eq!(taken.await.expect("appended").first_offset, Offset(0));
}

const PANIC_IN_CHILD: &str = "PROGLOG_TEST_PANIC_IN_STORAGE";

#[test]
fn a_panic_in_the_storage_thread_ends_the_process() {
    if env::var_os(PANIC_IN_CHILD).is_some() {
        let storage = spawn_storage(|| panic!("on purpose")).expect("a thread");
        let _ = storage.join();
        return;
    }
    let name = "service::writer::tests::a_panic_in_the_storage_thread_ends_the_process";
    let child = Command::new(env::current_exe().expect("this test"))
        .args(["--exact", name, "--nocapture"])
        .env(PANIC_IN_CHILD, "1")
        .output()
        .expect("runs");
    assert_eq!(child.status.code(), None, "it is aborted, it does not exit: {:?}", child.status);
    let stderr = String::from_utf8_lossy(&child.stderr);
    assert!(stderr.contains("on purpose"), "{stderr}");
    assert!(stderr.contains("the storage thread failed"), "{stderr}");
}
