//! A server in this process, and a client generated from the messages.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proglog::log::{DEFAULT_MAX_RECORD_BYTES, Log, LogConfig};
use proglog::server::{self, Listeners, ServerConfig, ShutdownTrigger};
use proglog::service::{LocalLog, LocalLogConfig};
use proglog::wire::v1;
use proglog::wire::v1::log_client::LogClient;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// After this long a test is lost, whatever it waits for.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Client = LogClient<Channel>;

/// A running server of a log in a directory of its own.
pub(crate) struct Server {
    pub(crate) dir: TempDir,
    pub(crate) address: String,
    pub(crate) log: Arc<LocalLog>,
    trigger: ShutdownTrigger,
    running: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Server {
        Server::of_dir(tempfile::tempdir().expect("a directory"), LogConfig::default()).await
    }

    pub(crate) async fn of_dir(dir: TempDir, config: LogConfig) -> Server {
        let limits = ServerConfig::for_records_of(config.max_record_bytes);
        Server::with(dir, config, limits).await
    }

    pub(crate) async fn with_limits(limits: ServerConfig) -> Server {
        let dir = tempfile::tempdir().expect("a directory");
        Server::with(dir, LogConfig::default(), limits).await
    }

    async fn with(dir: TempDir, config: LogConfig, limits: ServerConfig) -> Server {
        let log = Log::open(&log_dir(&dir), config).expect("a log");
        let log = LocalLog::start(log, &LocalLogConfig::default()).expect("a storage thread");
        let log = Arc::new(log);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (trigger, shutdown) = server::shutdown();
        let listeners = Listeners { grpc: Some(listener), ..Listeners::default() };
        let running = tokio::spawn(server::run(listeners, Arc::clone(&log), limits, shutdown));
        Server { dir, address, log, trigger, running }
    }

    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address));
        endpoint.expect("an address").connect().await.expect("connected")
    }

    pub(crate) async fn client(&self) -> Client {
        LogClient::new(self.channel().await).max_decoding_message_size(usize::MAX)
    }

    /// The offset that the next append gets.
    pub(crate) async fn log_next(&self) -> u64 {
        let told = self.client().await.get_log(v1::GetLogRequest::default()).await;
        told.expect("told").into_inner().next_offset
    }

    pub(crate) fn ask_to_stop(&self) {
        self.trigger.request();
    }

    /// Stops the server and closes the log; what is left is its directory.
    pub(crate) async fn stop(self) -> TempDir {
        self.trigger.request();
        within_patience(self.running).await.expect("the server ends well");
        within_patience(self.log.close()).await.expect("the log closes");
        self.dir
    }
}

/// Where the log is in a directory of a test.
pub(crate) fn log_dir(dir: &TempDir) -> std::path::PathBuf {
    dir.path().join("log")
}

pub(crate) async fn within_patience<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it is done in time")
}

pub(crate) fn record(value: &str) -> v1::Record {
    v1::Record { value: value.to_owned().into(), ..v1::Record::default() }
}

pub(crate) fn produce(value: &str) -> v1::ProduceRequest {
    v1::ProduceRequest { record: Some(record(value)), expected_offset: None }
}

/// Appends so many records, each with its number as its value.
pub(crate) async fn fill(client: &mut Client, n_records: usize) {
    let records = (0..n_records).map(|number| record(&number.to_string())).collect();
    let request = v1::ProduceBatchRequest { records, expected_offset: None };
    client.produce_batch(request).await.expect("appended");
}

/// Checks that a call was refused for this reason, and gives its numbers.
pub(crate) fn refused(
    status: &Status,
    code: Code,
    reason: &str,
) -> std::collections::HashMap<String, String> {
    assert_eq!(status.code(), code, "{status:?}");
    let info = status.get_details_error_info().expect("details");
    assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, "proglog"), "{status:?}");
    info.metadata
}

/// Flips one bit of a file.
pub(crate) fn flip_a_bit(path: &Path, position: usize) {
    let mut bytes = std::fs::read(path).expect("a file");
    bytes[position] ^= 1;
    std::fs::write(path, bytes).expect("written");
}

/// The default limit of a record.
pub(crate) const MAX_RECORD_BYTES: usize = DEFAULT_MAX_RECORD_BYTES as usize;
