//! Logs that a crash or a bad disk has left, and what each subcommand says of them.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;

use crate::support::{Place, wait};

/// Ten records, `rec0` to `rec9`, of which the fifth has a flipped bit.
fn damaged() -> Place {
    let place = Place::new();
    let lines: String = (0..10).map(|number| format!("rec{number}\n")).collect();
    assert_eq!(place.run_with("append", lines.as_bytes()).exit, Some(0));
    let path = place.log().join("0.store");
    let mut store = std::fs::read(&path).expect("there is a store");
    let at = store.windows(4).position(|window| window == b"rec4").expect("it's in there");
    store[at] ^= 1;
    std::fs::write(&path, store).expect("written");
    place
}

/// A log whose writer was killed, with `garbage` behind what it had written.
fn killed(garbage: &[u8]) -> Place {
    let place = Place::new();
    let mut child = place.start("append --print-offsets");
    child.stdin.as_mut().expect("piped").write_all(b"one\n").expect("written");
    let mut offset = String::new();
    let stdout = child.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut offset).expect("readable");
    assert_eq!(offset, "0\n");
    child.kill().expect("killed");
    wait(&mut child);
    let store = File::options().read(true).write(true).open(place.log().join("0.store"));
    let store = store.expect("there is a store");
    let mut bytes = vec![0; store.metadata().expect("it has a length").len() as usize];
    store.read_exact_at(&mut bytes, 0).expect("readable");
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("not only zeros") + 1;
    store.write_all_at(garbage, end as u64).expect("written");
    place
}

#[test]
fn read_stops_at_damage_or_goes_on_behind_it() {
    let place = damaged();
    let said = place.run("read");
    assert_eq!((said.exit, said.stdout.as_str()), (Some(3), "rec0\nrec1\nrec2\nrec3\n"));
    assert!(said.stderr.contains("segment 0, offset 4, position "), "{}", said.stderr);
    assert!(said.stderr.contains("hint: `proglog verify`"), "{}", said.stderr);
    let said = place.run("read --offset 3:7 --skip-corrupt");
    assert_eq!((said.exit, said.stdout.as_str()), (Some(3), "rec3\nrec5\nrec6\n"));
    assert!(said.stderr.starts_with("note: offset 4 was skipped: "), "{}", said.stderr);
    let said = place.run("read --offset 5:7");
    assert_eq!((said.exit, said.stdout.as_str()), (Some(0), "rec5\nrec6\n"));
    let said = place.run("read --offset 4 --output json");
    let error: serde_json::Value = serde_json::from_str(&said.stderr).expect("a document");
    assert_eq!(error["error"]["code"], "corrupt");
    assert_eq!(error["error"]["offset"], 4);
}

#[test]
fn verify_and_dump_index_name_the_place() {
    let place = damaged();
    let said = place.run("verify");
    assert_eq!(said.exit, Some(3));
    assert!(said.stdout.contains("offset 4: corrupt_record: checksum mismatch"), "{}", said.stdout);
    assert!(said.stdout.ends_with(": damaged, 1 finding\n"), "{}", said.stdout);
    let said = place.run("verify --output json");
    let report: serde_json::Value = serde_json::from_str(&said.stdout).expect("a document");
    assert_eq!(report["verdict"], "damaged");
    assert_eq!(report["findings"][0]["offset"], 4);
    assert_eq!(place.run("dump-index --check").exit, Some(3));
}

#[test]
fn repair_gives_records_up_only_with_consent() {
    let place = damaged();
    let before = std::fs::read(place.log().join("0.store")).expect("readable");
    for words in ["repair", "repair --accept-loss", "repair --yes"] {
        let said = place.run(words);
        assert_eq!(said.exit, Some(3), "{words}: {}", said.stderr);
        assert!(said.stdout.contains("from offset 4 up to, not including, 5"), "{}", said.stdout);
        assert!(said.stderr.contains("--accept-loss"), "{}", said.stderr);
        let after = std::fs::read(place.log().join("0.store")).expect("readable");
        assert!(before == after, "{words} changed the store");
    }
    let said = place.run("repair --yes --accept-loss");
    assert_eq!(said.exit, Some(0), "{}", said.stderr);
    let quarantine = said.stdout.lines().find_map(|line| line.split_once(" are in "));
    let quarantine = quarantine.expect("it says where").1;
    assert!(std::fs::read_dir(quarantine).expect("it's there").count() > 0);
    assert_eq!(place.run("repair").stdout, "nothing to repair\n");
    let said = place.run("read");
    assert_eq!(said.exit, Some(0));
    assert_eq!(said.stdout.lines().count(), 9);
    assert_eq!(said.stderr, "note: offset 4 was lost to damage and given up by a repair\n");
    assert_eq!(place.run("verify").exit, Some(0));
}

#[test]
fn a_torn_tail_needs_recovery_and_the_next_append_says_what_it_cut() {
    let place = killed(b"\0\0\0\0\0\0\0\x20 garbage");
    let said = place.run("verify");
    assert_eq!(said.exit, Some(7), "{}", said.stdout);
    assert!(said.stdout.contains("offset 1: torn_tail: "), "{}", said.stdout);
    assert!(place.run("info").stdout.contains("needs recovery"));
    assert_eq!(place.run("read").stdout, "one\n");
    let said = place.run_with("append", b"two\n");
    assert_eq!(said.stdout, "appended 1 record at offset 1 (fsync)\n");
    assert!(said.stderr.starts_with("note: a torn tail was cut: 16 bytes from offset 1 on"));
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    assert_eq!(place.run("verify").exit, Some(0));
    assert_eq!(place.run("read").stdout, "one\ntwo\n");
}

#[test]
fn repair_does_what_loses_nothing_with_yes_alone() {
    let place = killed(b"\0\0\0\0\0\0\0\x20 garbage");
    let said = place.run("repair");
    assert_eq!(said.exit, Some(7), "{}", said.stdout);
    assert!(said.stderr.contains("`proglog repair --yes` does it"), "{}", said.stderr);
    let said = place.run("repair --yes");
    assert_eq!(said.exit, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("done: segment 0: cut 16 bytes"), "{}", said.stdout);
    assert_eq!(place.run("verify").exit, Some(0));
    assert_eq!(place.run("read").stdout, "one\n");
}
