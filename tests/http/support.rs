//! A server in this process, and a client that sends exactly the bytes it is told to.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proglog::log::{DEFAULT_MAX_RECORD_BYTES, Log, LogConfig};
use proglog::server::{self, Listeners, ServerConfig, ShutdownTrigger};
use proglog::service::{
    AppendAnswer, Appended, Batch, Chunk, CommitLog, Durability, LocalLog, LocalLogConfig,
    LogDetails, LogInfo, Offset, PendingAppend, Record, ScanLimits, ServiceError,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// After this long a test is lost, whatever it waits for.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn defaults() -> ServerConfig {
    ServerConfig::for_records_of(DEFAULT_MAX_RECORD_BYTES)
}

/// A running server; [`Server::stop`] stops it as a signal would.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) trigger: ShutdownTrigger,
    stopped: Mutex<mpsc::Receiver<()>>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Serves the log in `dir` with default limits.
    pub(crate) fn of_dir(dir: &Path) -> Server {
        Server::with_limits(dir, LogConfig::default(), defaults())
    }

    /// Serves the log in `dir`.
    pub(crate) fn with_limits(dir: &Path, log: LogConfig, config: ServerConfig) -> Server {
        let log = Log::open(dir, log).expect("the log opens");
        let log = LocalLog::start(log, &LocalLogConfig::default()).expect("a storage thread");
        Server::start(log, config, async |log| log.close().await.expect("the log closes"))
    }

    /// Serves any log.
    pub(crate) fn over(log: impl CommitLog, config: ServerConfig) -> Server {
        Server::start(log, config, async |_| ())
    }

    fn start<L: CommitLog>(
        log: L,
        config: ServerConfig,
        close: impl AsyncFnOnce(&L) + Send + 'static,
    ) -> Server {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let (trigger, shutdown) = server::shutdown();
        let (stopping, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                let log = Arc::new(log);
                let listeners = Listeners { http: Some(listener), grpc: None };
                server::run(listeners, Arc::clone(&log), config, shutdown).await;
                close(&log).await;
            });
            drop(stopping);
        });
        Server { address, trigger, stopped: Mutex::new(stopped), thread }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    pub(crate) fn send(&self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.connect().send(method, path, body)
    }

    /// Appends a value, already in base64, and gives its offset.
    pub(crate) fn produce(&self, base64: &str) -> u64 {
        let answer = self.send("POST", "/", produce_body(base64));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["offset"].as_u64().expect("an offset")
    }

    pub(crate) fn consume(&self, offset: u64) -> Answer {
        self.send("GET", "/", format!("{{\"offset\":{offset}}}"))
    }

    /// Requests the shutdown and waits until the server is gone and the log is closed.
    pub(crate) fn stop(self) {
        self.trigger.request();
        let stopped = self.stopped.lock().expect("no panic").recv_timeout(PATIENCE);
        assert_eq!(stopped, Err(RecvTimeoutError::Disconnected), "the server goes on");
        self.thread.join().expect("the server ends well");
    }
}

pub(crate) fn produce_body(base64: &str) -> String {
    format!("{{\"record\":{{\"value\":\"{base64}\"}}}}")
}

/// One connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out");
        Client { stream: BufReader::new(stream) }
    }

    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).expect("the server takes it");
    }

    /// Like [`Client::write`], but the server may close on us.
    pub(crate) fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.write(request(method, path, body.as_ref()));
        self.answer(method)
    }

    /// Reads the answer to a request with this method.
    pub(crate) fn answer(&mut self, method: &str) -> Answer {
        self.try_answer(method).expect("an answer")
    }

    /// Like [`Client::answer`], but the server may go away before it is whole.
    pub(crate) fn try_answer(&mut self, method: &str) -> io::Result<Answer> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if method != "HEAD" && status >= 200 {
            let length = answer.header("content-length").expect("a length");
            answer.body = vec![0; length.parse().expect("a number")];
            self.stream.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(line.to_owned())
    }

    /// Waits until the server closes the connection; what it sent until then.
    pub(crate) fn until_closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("the server keeps the connection: {error}"),
        }
    }

    pub(crate) fn close_write(&mut self) {
        self.stream.get_ref().shutdown(Shutdown::Write).expect("open until now");
    }

    /// Whether nothing comes for a moment. It can only err towards yes.
    pub(crate) fn is_silent(&mut self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a time-out");
        let read = self.stream.fill_buf().map(<[u8]>::len);
        self.stream.get_ref().set_read_timeout(Some(PATIENCE)).expect("a time-out");
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

pub(crate) fn request(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n").into_bytes();
    if !body.is_empty() {
        request.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
    }
    request.extend(b"\r\n");
    request.extend(body);
    request
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// Checks that this is a problem document with this status and code, and gives it.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["code"], code, "{problem}");
        for text in ["type", "title", "detail", "hint"] {
            let said = problem[text].as_str().unwrap_or_default();
            assert!(!said.is_empty(), "{text} is missing: {problem}");
        }
        problem
    }
}

/// A log without memory: its appends and reads do what a test says.
pub(crate) struct Fake {
    pub(crate) append: Box<dyn Fn(AppendAnswer) + Send + Sync>,
    pub(crate) read: fn(Offset) -> Result<Record, ServiceError>,
    pub(crate) refusal: Option<ServiceError>,
}

impl Fake {
    /// One that answers each append alike, and has nothing to read.
    pub(crate) fn answering(answer: Result<Appended, ServiceError>) -> Fake {
        Fake {
            append: Box::new(move |waiting| waiting.give(answer.clone())),
            read: |_| Err(ServiceError::Closed),
            refusal: None,
        }
    }

    /// One whose appends are answered once its gate is open.
    pub(crate) fn gated() -> (Fake, Gate) {
        let gate = Gate::default();
        let append = {
            let gate = gate.clone();
            Box::new(move |waiting| gate.let_in(waiting))
        };
        (Fake { append, ..Fake::answering(APPENDED) }, gate)
    }
}

const APPENDED: Result<Appended, ServiceError> =
    Ok(Appended { first_offset: Offset(0), last_offset: Offset(0), durability: Durability::Os });

/// Where appends wait; `None` once it is open.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Mutex<Option<Vec<AppendAnswer>>>>);

impl Default for Gate {
    fn default() -> Gate {
        Gate(Arc::new(Mutex::new(Some(Vec::new()))))
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        let waiting = self.0.lock().expect("no panic").take();
        waiting.into_iter().flatten().for_each(|waiting| waiting.give(APPENDED));
    }

    fn let_in(&self, answer: AppendAnswer) {
        match &mut *self.0.lock().expect("no panic") {
            Some(waiting) => waiting.push(answer),
            None => answer.give(APPENDED),
        }
    }
}

impl CommitLog for Fake {
    async fn submit(&self, _: Batch) -> Result<PendingAppend, ServiceError> {
        let (answer, pending) = PendingAppend::new();
        (self.append)(answer);
        Ok(pending)
    }

    async fn read(&self, offset: Offset) -> Result<Record, ServiceError> {
        (self.read)(offset)
    }

    async fn scan(&self, from: Offset, _: ScanLimits) -> Result<Chunk, ServiceError> {
        let record = (self.read)(from)?;
        Ok(Chunk { next: from.next(), records: vec![record], missing: Vec::new() })
    }

    async fn wait_for(&self, _: Offset) -> Result<(), ServiceError> {
        Err(ServiceError::Closed)
    }

    async fn offset_at_time(&self, _: u64) -> Result<Offset, ServiceError> {
        Err(ServiceError::Closed)
    }

    async fn truncate_before(&self, _: Offset) -> Result<Offset, ServiceError> {
        Err(ServiceError::Closed)
    }

    async fn refused(&self) -> ServiceError {
        match &self.refusal {
            Some(refusal) => refusal.clone(),
            None => std::future::pending().await,
        }
    }

    fn info(&self) -> LogInfo {
        LogInfo {
            lowest: Offset(0),
            next: Offset(1),
            committed: Offset(1),
            durability: Durability::Os,
            max_record_bytes: DEFAULT_MAX_RECORD_BYTES,
            refusal: self.refusal.clone(),
        }
    }

    async fn details(&self) -> Result<LogDetails, ServiceError> {
        Ok(LogDetails::default())
    }
}
