//! Bytes that are not what was written: never served, and told apart from what is sound.

use std::fs;
use std::path::Path;

use crate::support::Server;

/// Flips a bit of a record's value, wherever that is in the store.
pub(crate) fn flip_a_bit(dir: &Path, value: &[u8]) {
    let store = dir.join("0.store");
    let mut bytes = fs::read(&store).expect("the store");
    let place = bytes.windows(value.len()).position(|window| window == value);
    bytes[place.expect("the value in the store")] ^= 1;
    fs::write(&store, bytes).expect("the store is written");
}

#[test]
fn a_corrupt_record_is_an_error_and_its_neighbours_are_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    for value in ["YmVmb3Jl", "Y29ycnVwdA==", "YWZ0ZXI="] {
        server.produce(value);
    }
    server.stop();
    flip_a_bit(dir.path(), b"corrupt");
    let server = Server::of_dir(dir.path());
    server.consume(1).problem(500, "corrupt");
    assert_eq!(server.consume(0).json()["record"]["value"], "YmVmb3Jl");
    assert_eq!(server.consume(2).json()["record"]["value"], "YWZ0ZXI=");
    server.stop();
}
