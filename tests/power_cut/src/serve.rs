//! `proglog serve`, with several clients that post until the power is gone.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ChildStdout;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::device::Device;
use crate::numbers::Numbers;
use crate::program::{Ending, Program, check_end, end};

const N_CLIENTS: u64 = 4;

/// What is posted, and how.
#[derive(Clone, Debug)]
pub(crate) struct Serve {
    pub(crate) round: u64,
    pub(crate) values_each: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) fsync: &'static str,
}

/// The value that a client posts as its `n`th.
pub(crate) fn value(round: u64, client: u64, n: u64) -> String {
    let padding = Numbers::new(round << 32 | client << 24 | n).below(300);
    format!("round {round} client {client} value {n} {}", "y".repeat(padding as usize))
}

impl Serve {
    pub(crate) fn choose(round: u64, fsync: &'static str, numbers: &mut Numbers) -> Serve {
        Serve {
            round,
            values_each: numbers.of_any_size(8),
            segment_bytes: numbers.one_of(&[1024, 4096, 16_384, 65_536]),
            fsync,
        }
    }

    /// Whether a record may be this round's.
    pub(crate) fn has_sent(&self, found: &str) -> bool {
        let numbers = found.split(' ').filter_map(|word| word.parse().ok());
        let [round, client, n] = numbers.collect::<Vec<u64>>()[..] else { return false };
        client < N_CLIENTS
            && n < self.values_each
            && found == value(round, client, n)
            && round == self.round
    }

    /// Answers with the offsets that were acknowledged, and their values.
    pub(crate) fn run(
        &self,
        program: &Program,
        device: &Device,
    ) -> Result<Vec<(u64, String)>, String> {
        let segment_bytes = self.segment_bytes.to_string();
        let args = [
            "serve",
            "--http-addr",
            "127.0.0.1:0",
            "--grpc-addr",
            "127.0.0.1:0",
            "--fsync",
            self.fsync,
        ];
        let mut command = program.command(&args);
        command.args(["--segment-bytes", &segment_bytes]);
        let mut child = command.spawn().expect("the program runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut stderr = child.stderr.take().expect("a pipe");
        let acknowledged = Mutex::new(Vec::new());
        let (ended, complaint) = thread::scope(|scope| {
            let complaint = scope.spawn(move || {
                let mut complaint = String::new();
                stderr.read_to_string(&mut complaint).map(|_| complaint).expect("text")
            });
            scope.spawn(|| {
                // It ends before it listens only without a disk.
                if let Some(address) = address(&mut stdout) {
                    self.post_all(&address, &acknowledged);
                }
                device.is_over();
            });
            let ended = end(&mut child, device, Ending::Kill);
            let killed = child.kill();
            let complaint = complaint.join().expect("what it said");
            (ended.and(killed.map_err(|error| format!("can't kill it: {error}"))), complaint)
        });
        let status = child.wait().expect("an end");
        ended?;
        // Without a cut it was killed when all was posted.
        check_end(status, &complaint, true)?;
        Ok(acknowledged.into_inner().expect("no panic"))
    }

    fn post_all(&self, address: &str, acknowledged: &Mutex<Vec<(u64, String)>>) {
        thread::scope(|scope| {
            for client in 0..N_CLIENTS {
                scope.spawn(move || {
                    let Ok(mut connection) = Connection::open(address) else { return };
                    for n in 0..self.values_each {
                        let value = value(self.round, client, n);
                        let Ok(Some(offset)) = connection.post(&value) else { return };
                        acknowledged.lock().expect("no panic").push((offset, value));
                    }
                });
            }
        });
    }
}

/// Where it listens, once it says so.
fn address(stdout: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = String::new();
    stdout.read_line(&mut line).ok()?;
    line.trim_end().rsplit_once(": http on ")?.1.split(", ").next().map(str::to_owned)
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: &str) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Connection(BufReader::new(stream)))
    }

    /// The offset, if the answer is a whole 200.
    fn post(&mut self, value: &str) -> io::Result<Option<u64>> {
        let body = format!("{{\"record\":{{\"value\":\"{}\"}}}}", STANDARD.encode(value));
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}", body.len());
        self.0.get_mut().write_all(format!("{head}\r\n\r\n{body}").as_bytes())?;
        let (mut is_success, mut n_bytes, mut line) = (None, 0, String::new());
        loop {
            line.clear();
            self.0.read_line(&mut line)?;
            let text = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
            is_success.get_or_insert(text.starts_with("HTTP/1.1 200 "));
            match text.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    n_bytes = value.parse().map_err(io::Error::other)?;
                }
                _ if text.is_empty() => break,
                _ => {}
            }
        }
        let mut answer = vec![0; n_bytes];
        self.0.read_exact(&mut answer)?;
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        Ok(answer["offset"].as_u64().filter(|_| is_success == Some(true)))
    }
}
