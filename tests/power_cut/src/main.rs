//! Cuts the power under the proglog binary, over and over: whatever it has acknowledged as durable is
//! there afterwards, and what it finds is sound.
//!
//! The binary works on a file system of this program's own, mounted by FUSE, which knows of each file
//! and each directory what has been synced. A cut leaves that, and of everything else whatever a disk
//! may leave: nothing, all, single sectors, single names. `PROGLOG_CUTS` says how often,
//! `PROGLOG_SEED` makes the choices of an earlier run again, `PROGLOG_BIN` names another binary.
//!
//! The same seed makes the same choices; what the program's threads do between is the scheduler's, so
//! a failure of `serve` may need a few runs to come again.

mod append;
mod device;
mod disk;
mod fuse;
mod model;
mod numbers;
mod program;
mod round;
mod serve;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use crate::disk::Disk;
use crate::model::{Checked, Model};
use crate::numbers::Numbers;
use crate::program::{Program, said};
use crate::round::Round;

/// What all rounds together did.
#[derive(Debug, Default)]
struct Tally {
    n_amid_work: u64,
    n_logs: u64,
    checked: Checked,
}

fn main() -> ExitCode {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let result = from_environment("PROGLOG_CUTS", 100).and_then(|n_cuts| {
        let seed = from_environment("PROGLOG_SEED", now.as_micros() as u64)?;
        println!("PROGLOG_SEED={seed} PROGLOG_CUTS={n_cuts}");
        cut_often(seed, n_cuts)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("power cut: {error}");
            ExitCode::FAILURE
        }
    }
}

fn from_environment(name: &str, default: u64) -> Result<u64, String> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} is no number: {text}")),
        Err(_) => Ok(default),
    }
}

fn cut_often(seed: u64, n_cuts: u64) -> Result<(), String> {
    if !Path::new("/dev/fuse").exists() {
        return Err(
            "there is no /dev/fuse here, which this needs, as root\nhint: modprobe fuse, or \
                    a container with --device /dev/fuse --cap-add SYS_ADMIN"
                .to_owned(),
        );
    }
    let mount = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    Program::new(mount.path()).is_there()?;
    let mut numbers = Numbers::new(seed);
    let (mut disk, mut model, mut tally) = (Disk::empty(), Model::default(), Tally::default());
    for number in 0..n_cuts {
        if number == 0 || numbers.one_in(12) {
            (disk, model) = (Disk::empty(), Model::default());
            tally.n_logs += 1;
        }
        let round = Round::choose(number, &model, &mut numbers);
        let worked = round.work(disk.clone(), mount.path(), &model, &mut numbers);
        let failed = |error| explain(error, number, &round);
        let (done, left, is_amid_work) = worked.map_err(failed)?;
        tally.n_amid_work += u64::from(is_amid_work);
        let checked = round.check(&left, mount.path(), &mut model, &done).map_err(|error| {
            let kept = keep(&left, seed, number);
            format!("{}\nthe log as the cut left it: {}", explain(error, number, &round), kept)
        })?;
        tally.checked.new += checked.new;
        tally.checked.old += checked.old;
        disk = left;
        if (number + 1).is_multiple_of(1000) {
            println!("{} cuts", number + 1);
        }
    }
    goes_on(disk, mount.path())?;
    println!(
        "{n_cuts} power cuts, {} of them amid work, in {} logs: {} acknowledged records checked, and \
         {} times one of an earlier cut; 0 lost, 0 wrong",
        tally.n_amid_work, tally.n_logs, tally.checked.new, tally.checked.old
    );
    if tally.checked.new == 0 && n_cuts >= 20 {
        return Err("nothing was ever acknowledged, so nothing was tested".to_owned());
    }
    Ok(())
}

fn explain(error: String, number: u64, round: &Round) -> String {
    format!("in round {number}, {round:?}:\n{error}")
}

/// After the last cut the log takes another record, and is then sound with nothing left to mend.
fn goes_on(disk: Disk, mount: &Path) -> Result<(), String> {
    let device = device::Device::new(disk);
    let session = fuse::mount(&device, mount)?;
    let program = Program::new(mount);
    let outputs = [program.output(&["append", "/proc/self/cmdline"]), program.output(&["verify"])];
    fuse::unmount(session)?;
    match outputs.iter().find(|output| !output.status.success()) {
        Some(output) => Err(format!("after the last cut: {}", said(output))),
        None => Ok(()),
    }
}

/// Copies the log's files out of the failed disk, for a look at them.
fn keep(disk: &Disk, seed: u64, number: u64) -> String {
    let to = std::env::temp_dir().join(format!("proglog-power-cut-{seed}-{number}"));
    copy(disk, disk::ROOT, &to)
        .map_or_else(|error| error.to_string(), |()| to.display().to_string())
}

fn copy(disk: &Disk, inode: u64, to: &PathBuf) -> std::io::Result<()> {
    match disk.node(inode) {
        Some(disk::Node::File(content)) => fs::write(to, content.live()),
        Some(disk::Node::Dir(names)) => {
            fs::create_dir_all(to)?;
            names.live().iter().try_for_each(|(name, inode)| copy(disk, *inode, &to.join(name)))
        }
        None => Ok(()),
    }
}
