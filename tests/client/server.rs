//! A real server over a log in a directory of its own, which can be stopped and started again.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proglog::client::{Client, ClientConfig, RetryConfig};
use proglog::log::{Log, LogConfig};
use proglog::server::{self, Listeners, ServerConfig, ShutdownTrigger};
use proglog::service::{Batch, LocalLog, LocalLogConfig, NewRecord};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

/// One that runs.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    dir: TempDir,
    config: LogConfig,
    running: Option<(ShutdownTrigger, JoinHandle<()>)>,
}

impl Server {
    pub(crate) async fn start() -> Server {
        Server::with(LogConfig::default()).await
    }

    pub(crate) async fn with(config: LogConfig) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let dir = tempfile::tempdir().expect("a directory");
        let mut server = Server { address, dir, config, running: None };
        server.run(listener);
        server
    }

    fn run(&mut self, listener: TcpListener) {
        let log = Log::open(self.dir.path(), self.config.clone()).expect("a log");
        let log = Arc::new(LocalLog::start(log, &LocalLogConfig::default()).expect("a thread"));
        let mut config = ServerConfig::for_records_of(self.config.max_record_bytes);
        config.grace = Duration::from_secs(1);
        let (trigger, shutdown) = server::shutdown();
        let listeners = Listeners { http: None, grpc: Some(listener) };
        let task = tokio::spawn(async move {
            server::run(listeners, Arc::clone(&log), config, shutdown).await;
            log.close().await.expect("closed");
        });
        self.running = Some((trigger, task));
    }

    /// In order; the port stays free for this server alone to take again.
    pub(crate) async fn stop(&mut self) {
        let (trigger, task) = self.running.take().expect("it runs");
        trigger.request();
        task.await.expect("no panic");
    }

    pub(crate) fn start_again(&mut self) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an option");
        socket.bind(self.address).expect("the same port");
        self.run(socket.listen(64).expect("a listener"));
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.address.to_string(), patient()).await.expect("a server")
    }
}

/// Tries again for as long as a test may take.
pub(crate) fn patient() -> ClientConfig {
    let max_pause = Duration::from_millis(20);
    let total = Duration::from_secs(60);
    let retry = RetryConfig { total, max_pause, ..RetryConfig::default() };
    ClientConfig { retry, ..ClientConfig::default() }
}

pub(crate) fn batch(values: &[&'static str], expected_offset: Option<u64>) -> Batch {
    let records = values.iter().map(|value| NewRecord::new(*value)).collect();
    Batch { records, expected_offset: expected_offset.map(proglog::service::Offset) }
}
