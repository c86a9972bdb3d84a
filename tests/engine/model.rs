//! Any sequence of operations, clean closes and kills among them, against a plain vector.

use proglog::log::{
    Append, Appended, CommitPolicy, Log, LogConfig, LogError, NewRecord, Offset, Record, Recovery,
    SyncPolicy, Verdict,
};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{LogDir, bases, read_all, records, verify};

#[derive(Clone, Debug)]
enum Operation {
    /// A batch of values of these sizes, appended where it is expected to be, or not.
    Append {
        sizes: Vec<usize>,
        expected: Expected,
    },
    /// A scan from somewhere on.
    Scan(Index),
    /// A reader in passing, which is not told of the log.
    LookFromOutside,
    TruncateBefore(Index),
    TruncateAfter(Index),
    Commit(Index),
    /// A clean close, and an open.
    Reopen,
    /// The process is killed: what is left of the directory is opened.
    Kill,
}

#[derive(Clone, Copy, Debug)]
enum Expected {
    Anywhere,
    Right,
    Wrong(u64),
}

fn operation() -> impl Strategy<Value = Operation> {
    let size = prop_oneof![6 => 0..60_usize, 3 => 60..400_usize, 1 => 1000..6000_usize];
    let expected = prop_oneof![
        6 => Just(Expected::Anywhere),
        2 => Just(Expected::Right),
        1 => any::<u64>().prop_map(Expected::Wrong),
    ];
    let append = (prop::collection::vec(size, 0..6), expected)
        .prop_map(|(sizes, expected)| Operation::Append { sizes, expected });
    let index = any::<Index>;
    prop_oneof![
        12 => append,
        2 => index().prop_map(Operation::Scan),
        1 => Just(Operation::LookFromOutside),
        1 => index().prop_map(Operation::TruncateBefore),
        2 => index().prop_map(Operation::TruncateAfter),
        2 => index().prop_map(Operation::Commit),
        1 => Just(Operation::Reopen),
        2 => Just(Operation::Kill),
    ]
}

fn config() -> impl Strategy<Value = LogConfig> {
    let sync = prop_oneof![3 => Just(SyncPolicy::Never), 1 => Just(SyncPolicy::Always)];
    let commit = prop_oneof![Just(CommitPolicy::OnAppend), Just(CommitPolicy::Explicit)];
    let initial = prop_oneof![Just(0_u64), Just(1), 0..1_u64 << 40];
    (1024..4096_u64, sync, commit, initial).prop_map(|(segment_bytes, sync, commit, initial)| {
        let initial_offset = Offset(initial);
        LogConfig { segment_bytes, sync, commit, initial_offset, ..LogConfig::default() }
    })
}

/// What the log should hold.
#[derive(Debug)]
struct Model {
    lowest: u64,
    committed: u64,
    /// Offset, value and key of each.
    records: Vec<(u64, Vec<u8>, Option<Vec<u8>>)>,
    /// How many values were ever made up, so that no two are alike.
    n_values: u64,
}

impl Model {
    fn next(&self) -> u64 {
        self.lowest + self.records.len() as u64
    }

    /// An offset that the log holds, or its next one.
    fn pick(&self, index: &Index) -> u64 {
        self.lowest + index.index(self.records.len() + 1) as u64
    }

    fn new_value(&mut self, size: usize) -> Vec<u8> {
        self.n_values += 1;
        let pattern = format!("{:x}.", self.n_values).into_bytes();
        pattern.into_iter().cycle().take(size).collect()
    }
}

struct World {
    dir: LogDir,
    /// Always there, but while it is opened anew.
    log: Option<Log>,
    config: LogConfig,
    model: Model,
}

impl World {
    fn new(config: LogConfig) -> World {
        let dir = LogDir::quick();
        let log = Some(Log::open(&dir.path(), config.clone()).expect("a new log"));
        let lowest = config.initial_offset.0;
        let model = Model { lowest, committed: lowest, records: Vec::new(), n_values: 0 };
        World { dir, log, config, model }
    }

    fn log(&self) -> &Log {
        self.log.as_ref().expect("an open log")
    }

    fn is_explicit(&self) -> bool {
        self.config.commit == CommitPolicy::Explicit
    }

    fn run(&mut self, operation: &Operation) {
        match operation {
            Operation::Append { sizes, expected } => self.append(sizes, *expected),
            Operation::Scan(index) => self.scan(self.model.pick(index)),
            Operation::LookFromOutside => self.look_from_outside(),
            Operation::TruncateBefore(index) => self.truncate_before(self.model.pick(index)),
            Operation::TruncateAfter(index) => self.truncate_after(self.model.pick(index)),
            Operation::Commit(index) => self.commit(self.model.pick(index)),
            Operation::Reopen => self.reopen(),
            Operation::Kill => self.kill(),
        }
        if !self.is_explicit() {
            self.model.committed = self.model.next();
        }
    }

    fn append(&mut self, sizes: &[usize], expected: Expected) {
        let next = self.model.next();
        let values: Vec<_> = sizes.iter().map(|size| self.model.new_value(*size)).collect();
        let key_of = |value: &Vec<u8>| {
            value.len().is_multiple_of(3).then(|| value[..value.len() / 9].to_vec())
        };
        let keys: Vec<Option<Vec<u8>>> = values.iter().map(key_of).collect();
        let new = values.iter().zip(&keys);
        let new =
            new.map(|(value, key)| NewRecord { key: key.as_deref(), ..NewRecord::new(value) });
        let new: Vec<_> = new.collect();
        let expected_offset = match expected {
            Expected::Anywhere => None,
            Expected::Right => Some(Offset(next)),
            Expected::Wrong(offset) => Some(Offset(offset)),
        };
        let answer = self.log().append(&Append { records: &new, expected_offset, term: 0 });
        let is_wrong = expected_offset.is_some_and(|expected| expected.0 != next);
        match answer {
            Err(LogError::EmptyBatch) => assert!(sizes.is_empty()),
            Err(LogError::OffsetMismatch { expected, next: actual }) => {
                assert!(is_wrong && actual.0 == next && Some(expected) == expected_offset);
            }
            Ok(Appended { first_offset, last_offset, durability }) => {
                assert!(!is_wrong && !sizes.is_empty());
                assert_eq!(first_offset.0, next);
                assert_eq!(last_offset.0, next + sizes.len() as u64 - 1);
                assert_eq!(durability, self.config.sync.durability());
                let appended = values.into_iter().zip(keys).zip(next..);
                self.model.records.extend(appended.map(|((value, key), o)| (o, value, key)));
            }
            Err(error) => panic!("append: {error}"),
        }
    }

    fn scan(&self, from: u64) {
        let seen = records(self.log().scan(Offset(from)).expect("a scan")).expect("records");
        self.assert_is(&seen, from);
    }

    fn look_from_outside(&self) {
        if !self.is_explicit() {
            self.assert_is(&read_all(&self.dir.path()).expect("records"), self.model.lowest);
        }
        assert_ne!(verify(&self.dir.path()).verdict(), Verdict::Damaged);
    }

    fn assert_is(&self, seen: &[Record], from: u64) {
        let wanted = &self.model.records[(from - self.model.lowest) as usize..];
        assert_eq!(seen.len(), wanted.len());
        for (seen, (offset, value, key)) in seen.iter().zip(wanted) {
            assert_eq!((seen.offset.0, &seen.value, &seen.key), (*offset, value, key));
        }
        assert!(seen.is_sorted_by_key(|record| record.timestamp_us), "time went back");
    }

    fn truncate_before(&mut self, offset: u64) {
        let offset = offset.min(self.model.committed);
        let before = self.log().segments();
        let lowest = self.log().truncate_before(Offset(offset)).expect("a truncated log").0;
        let wholly_below = before.iter().rev().skip(1).rev().filter(|s| s.next_offset.0 <= offset);
        let at_least = wholly_below.map(|s| s.next_offset.0).max().unwrap_or(self.model.lowest);
        assert!((at_least..=offset.max(at_least)).contains(&lowest), "{lowest} of {offset}");
        assert_eq!(bases(&self.dir.path())[0], lowest, "the files that are left");
        self.model.records.retain(|(offset, ..)| *offset >= lowest);
        self.model.lowest = lowest;
    }

    fn truncate_after(&mut self, offset: u64) {
        match self.log().truncate_after(Offset(offset)) {
            Ok(()) => {
                assert!(offset >= self.model.committed, "{offset} was committed");
                self.model.records.retain(|(o, ..)| *o < offset);
            }
            Err(LogError::Committed { committed, .. }) => {
                assert_eq!(committed.0, self.model.committed);
                assert!(offset < committed.0);
            }
            Err(error) => panic!("truncate_after: {error}"),
        }
    }

    fn commit(&mut self, offset: u64) {
        if self.is_explicit() {
            self.log().commit(Offset(offset));
            self.model.committed = self.model.committed.max(offset);
            assert_eq!(self.log().committed_offset().0, self.model.committed);
        }
    }

    fn reopen(&mut self) {
        self.log.take().expect("an open log").close().expect("a clean close");
        let report = verify(&self.dir.path());
        assert_eq!(report.verdict(), Verdict::Sound, "{:?}", report.findings);
        assert_eq!(report.records, self.model.records.len() as u64);
        self.assert_is(&read_all(&self.dir.path()).expect("records"), self.model.lowest);
        self.log = Some(Log::open(&self.dir.path(), self.config.clone()).expect("a log"));
        assert_eq!(*self.log().recovery(), Recovery::default());
        self.model.committed = self.log().committed_offset().0;
    }

    fn kill(&mut self) {
        let copy = LogDir::copy_of(&self.dir.path());
        let report = verify(&copy.path());
        assert_ne!(report.verdict(), Verdict::Damaged, "{:?}", report.findings);
        self.assert_is(&read_all(&copy.path()).expect("records"), self.model.lowest);
        self.log = Some(Log::open(&copy.path(), self.config.clone()).expect("a log"));
        self.dir = copy;
        let Recovery { torn_tails, damage, .. } = self.log().recovery();
        assert!(torn_tails.is_empty() && damage.is_empty(), "{:?}", self.log().recovery());
        self.model.committed = self.log().committed_offset().0;
    }

    fn check(&self) {
        let (lowest, next) = (self.model.lowest, self.model.next());
        assert_eq!((self.log().lowest_offset().0, self.log().next_offset().0), (lowest, next));
        if !self.is_explicit() {
            assert_eq!(self.log().committed_offset().0, next);
        }
        self.scan(lowest);
        for (offset, value, _) in &self.model.records {
            assert_eq!(&self.log().read(Offset(*offset)).expect("a record").value, value);
        }
        for outside in [Some(next), lowest.checked_sub(1)].into_iter().flatten().map(Offset) {
            let answer = self.log().read(outside);
            let Err(LogError::OutOfRange { offset, lowest: l, next: n }) = answer else {
                panic!("{outside}: {answer:?}")
            };
            assert_eq!((offset, l.0, n.0), (outside, lowest, next));
        }
    }
}

/// How many sequences are tried; `PROPTEST_CASES` raises it.
fn settings() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = cases.unwrap_or(200);
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..Default::default()
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_log_is_a_vector_that_survives(
        config in config(),
        operations in prop::collection::vec(operation(), 1..40),
    ) {
        let mut world = World::new(config);
        for operation in &operations {
            world.run(operation);
            world.check();
        }
        world.reopen();
        world.check();
    }
}
