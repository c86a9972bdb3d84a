//! The inputs of an append, read by a thread of its own: while one batch is synced, the next one is
//! gathered. What is read ahead is bounded, so memory is too, whatever the inputs' size.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;

use crate::cli::failure::Failure;
use crate::text::pieces::{BlockReader, Delimiter, PieceError};

/// How many blocks may wait to be appended.
const MAX_WAITING_BLOCKS: usize = 4;

/// One input, by the name that messages give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Stdin,
    File(PathBuf),
}

/// What the reading thread tells.
pub(crate) enum Event {
    /// The following blocks are of this input.
    Starts(Input),
    /// Some whole pieces.
    Block(Bytes),
    /// The input can't be read on.
    Broken(PieceError),
    /// All inputs were read.
    End,
    /// A signal asked to stop.
    Signal(i32),
}

impl Input {
    /// `-` and no file at all are standard input.
    pub(crate) fn all(files: &[PathBuf]) -> Vec<Input> {
        let input = |path: &PathBuf| match path.as_os_str() == "-" {
            true => Input::Stdin,
            false => Input::File(path.clone()),
        };
        if files.is_empty() { vec![Input::Stdin] } else { files.iter().map(input).collect() }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Input::Stdin => "standard input".into(),
            Input::File(path) => path.display().to_string(),
        }
    }

    fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Input::Stdin => Box::new(io::stdin()),
            Input::File(path) => Box::new(File::open(path)?),
        })
    }
}

/// Refuses files that can't be read before anything of the others is appended.
pub(crate) fn check(inputs: &[Input]) -> Result<(), Failure> {
    inputs.iter().try_for_each(|input| match input {
        Input::Stdin => Ok(()),
        Input::File(path) => check_file(path),
    })
}

fn check_file(path: &Path) -> Result<(), Failure> {
    let metadata = path.metadata().map_err(|error| Failure::io("read", path, &error))?;
    if metadata.is_dir() {
        let error = io::Error::from(io::ErrorKind::IsADirectory);
        return Err(Failure::io("read", path, &error).hint("name the files in it one by one"));
    }
    Ok(())
}

/// Bytes of all inputs together, if all are plain files.
pub(crate) fn total_bytes(inputs: &[Input]) -> Option<u64> {
    let bytes_of = |input: &Input| match input {
        Input::Stdin => None,
        Input::File(path) => {
            path.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len())
        }
    };
    inputs.iter().map(bytes_of).sum()
}

/// Starts reading. The sender is for other sources of events, such as signals.
pub(crate) fn start_reading(
    inputs: Vec<Input>,
    delimiter: Delimiter,
    limit: usize,
) -> (SyncSender<Event>, Receiver<Event>) {
    let (sender, receiver) = sync_channel(MAX_WAITING_BLOCKS);
    let events = sender.clone();
    // Never joined: it may wait for standard input for ever. It writes nothing.
    std::thread::spawn(move || {
        for input in inputs {
            if !read_input(&input, delimiter, limit, &events) {
                return;
            }
        }
        let _ = events.send(Event::End);
    });
    (sender, receiver)
}

/// Whether to go on with the next input.
fn read_input(
    input: &Input,
    delimiter: Delimiter,
    limit: usize,
    events: &SyncSender<Event>,
) -> bool {
    let tell = |event| events.send(event).is_ok();
    if !tell(Event::Starts(input.clone())) {
        return false;
    }
    let mut blocks = match input.open() {
        Ok(source) => BlockReader::new(source, delimiter, limit),
        Err(error) => {
            tell(Event::Broken(error.into()));
            return false;
        }
    };
    loop {
        match blocks.next_block() {
            Ok(Some(block)) => {
                if !tell(Event::Block(block)) {
                    return false;
                }
            }
            Ok(None) => return true,
            Err(error) => {
                tell(Event::Broken(error));
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(files: &[PathBuf], delimiter: Delimiter) -> Vec<String> {
        let (_sender, receiver) = start_reading(Input::all(files), delimiter, 1000);
        let mut seen = Vec::new();
        while let Ok(event) = receiver.recv() {
            match event {
                Event::Starts(input) => seen.push(format!("starts {}", input.name())),
                Event::Block(block) => seen.push(format!("block {}", block.len())),
                Event::Broken(error) => seen.push(format!("broken {error}")),
                Event::Signal(signal) => seen.push(format!("signal {signal}")),
                Event::End => seen.push("end".into()),
            }
            if seen.last().is_some_and(|last| last == "end" || last.starts_with("broken")) {
                break;
            }
        }
        seen
    }

    #[test]
    fn files_come_in_order_and_a_missing_one_ends_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        std::fs::write(&first, "a\nb").expect("written");
        std::fs::write(&second, "").expect("written");
        let missing = dir.path().join("missing");
        let lines = Delimiter::Byte(b'\n');
        let name = |path: &PathBuf| format!("starts {}", path.display());
        assert_eq!(
            events(&[first.clone(), second.clone()], lines),
            [name(&first), "block 2".into(), "block 1".into(), name(&second), "end".into()]
        );
        let seen = events(&[missing.clone(), first], lines);
        assert_eq!(seen[0], name(&missing));
        assert!(seen[1].starts_with("broken No such file"), "{seen:?}");
    }

    #[test]
    fn inputs_are_checked_before_anything_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let failure = check(&[Input::File(dir.path().into())]).expect_err("a directory");
        assert!(failure.message.contains("directory"), "{failure}");
        let missing = Input::File(dir.path().join("missing"));
        assert!(check(&[Input::Stdin, missing]).is_err());
        assert!(check(&[Input::Stdin]).is_ok());
    }

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!(Input::all(&[]), [Input::Stdin]);
        assert_eq!(Input::all(&["-".into(), "a".into()]), [Input::Stdin, Input::File("a".into())]);
    }
}
