//! What a power cut leaves on a disk: all that was synced, and some of what wasn't.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The number of a directory among those of the files.
pub(crate) const DIRECTORY: usize = usize::MAX;

/// What a power cut found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leftovers {
    pub(crate) names: BTreeMap<PathBuf, usize>,
    pub(crate) durable_names: BTreeMap<PathBuf, usize>,
    /// For each file, its bytes on the device and those that were on their way.
    pub(crate) contents: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What of the leftovers got to the device.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Survives {
    /// Only what was synced.
    Synced,
    /// All of it.
    Everything,
    /// Some of what wasn't synced, sector by sector and name by name, drawn with this seed.
    Some(u64),
}

impl Leftovers {
    /// Lays out, below `to`, what was below `from`.
    pub(crate) fn lay_out(&self, from: &Path, to: &Path, mut survives: Survives) {
        let mut lost_dirs: Vec<&Path> = Vec::new();
        let mut names: Vec<&PathBuf> = self.names.keys().chain(self.durable_names.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let (now, durable) = (self.names.get(name), self.durable_names.get(name));
            let kept = if survives.draw() { now } else { durable };
            let in_lost_dir = lost_dirs.iter().any(|dir| name.starts_with(dir));
            let target = to.join(name.strip_prefix(from).expect("a name below"));
            match kept {
                None => lost_dirs.push(name),
                _ if in_lost_dir => {}
                Some(&DIRECTORY) => fs::create_dir_all(target).expect("a directory"),
                Some(node) => {
                    let (durable, now) = &self.contents[*node];
                    fs::create_dir_all(target.parent().expect("a parent")).expect("a directory");
                    let mut bytes = mix(durable, now, &mut survives);
                    if target.extension().is_some_and(|extension| extension == "store") {
                        shorten_zeros(&mut bytes);
                    }
                    fs::write(target, bytes).expect("a file");
                }
            }
        }
    }
}

/// Leaves a page of the zeros at the end: that many of them only take time to be read.
fn shorten_zeros(bytes: &mut Vec<u8>) {
    let content = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(content + 4096);
}

/// Sectors of the one and of the other.
fn mix(durable: &[u8], now: &[u8], survives: &mut Survives) -> Vec<u8> {
    const SECTOR_BYTES: usize = 512;
    let len = if survives.draw() { now.len() } else { durable.len() };
    let mut bytes = vec![0; len];
    for start in (0..len).step_by(SECTOR_BYTES) {
        let end = len.min(start + SECTOR_BYTES);
        let source = if survives.draw() { now } else { durable };
        let there = source.get(start..end.min(source.len())).unwrap_or_default();
        bytes[start..start + there.len()].copy_from_slice(there);
    }
    bytes
}

impl Survives {
    /// Whether the next thing that wasn't synced survives.
    fn draw(&mut self) -> bool {
        match self {
            Survives::Synced => false,
            Survives::Everything => true,
            Survives::Some(seed) => {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x9E37_79B9);
                *seed >> 40 & 1 == 1
            }
        }
    }
}
