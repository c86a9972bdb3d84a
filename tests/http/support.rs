//! A server in this process, and what most tests ask of it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proglog::log::{DEFAULT_MAX_RECORD_BYTES, Log, LogConfig};
use proglog::server::{self, Listeners, ServerConfig, ShutdownTrigger};
use proglog::service::{CommitLog, LocalLog, LocalLogConfig};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(crate) use crate::client::{Answer, Client, request, request_with};
pub(crate) use crate::fake::Fake;

pub(crate) const NDJSON: &str = "application/x-ndjson";
pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENTS: &str = "text/event-stream";
pub(crate) const BYTES: &str = "application/octet-stream";

/// After this long a test is lost, whatever it waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

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
        let close = async |log: &LocalLog| log.close().await.expect("the log closes");
        Server::start(Arc::new(log), config, close)
    }

    /// Serves any log.
    pub(crate) fn over(log: impl CommitLog, config: ServerConfig) -> Server {
        Server::over_shared(Arc::new(log), config)
    }

    /// Serves a log that the test goes on with.
    pub(crate) fn over_shared(log: Arc<impl CommitLog>, config: ServerConfig) -> Server {
        Server::start(log, config, async |_| ())
    }

    fn start<L: CommitLog>(
        log: Arc<L>,
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

    /// One request with headers, on a connection of its own.
    pub(crate) fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        self.connect().send_with(method, path, headers, body)
    }

    /// Appends NDJSON, and gives the first offset.
    pub(crate) fn append_lines(&self, lines: impl AsRef<[u8]>) -> u64 {
        let answer =
            self.send_with("POST", "/v1/records", &[("Content-Type", NDJSON)], lines.as_ref());
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["first_offset"].as_u64().expect("an offset")
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
