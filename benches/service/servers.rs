//! All servers that are measured, each at an address of its own.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use proglog::log::{Log, LogConfig, SyncPolicy};
use proglog::server::{self, Listeners, ServerConfig};
use proglog::service::{Batch, CommitLog, LocalLog, LocalLogConfig, NewRecord};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::echo;

/// How many bytes the value of each record has.
pub(crate) const VALUE_BYTES: usize = 1024;

/// How many records there are to be read.
const N_READ: usize = 300_000;

/// How much memory of the system's cache is touched before anything is measured: more than the logs
/// take between two truncations. A virtual machine gets its memory at the first touch, which takes
/// several times as long as writing to it, and an echo needs none.
const TOUCHED_BYTES: u64 = 4 << 30;

/// Running servers. They stop when this is dropped, and their logs are removed.
pub(crate) struct Servers {
    pub(crate) echo_http: SocketAddr,
    pub(crate) echo_grpc: SocketAddr,
    /// Syncs before it answers.
    pub(crate) durable: Addresses,
    /// Leaves syncing to the system.
    pub(crate) relaxed: Addresses,
    /// Has records to be read.
    pub(crate) filled: Addresses,
    /// The logs of the first two.
    growing: [Arc<LocalLog>; 2],
    dir: PathBuf,
    runtime: Runtime,
}

#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
}

pub(crate) fn value() -> Bytes {
    (0..VALUE_BYTES).map(|at| (at * 7 + at / 251) as u8).collect::<Vec<_>>().into()
}

impl Servers {
    pub(crate) fn start() -> Servers {
        let runtime = runtime();
        let parent = std::env::var_os("PROGLOG_BENCH_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        let dir = parent.join(format!("proglog-bench-service-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory for the benchmark");
        touch_memory(&dir.join("touched"));
        let (echo_http, echo_grpc, durable, relaxed, filled) = runtime.block_on(async {
            let (http, echo_http) = bind().await;
            tokio::spawn(echo::http(http));
            let (grpc, echo_grpc) = bind().await;
            tokio::spawn(echo::grpc(grpc, value()));
            let durable = serve(&dir.join("durable"), SyncPolicy::Always, 0).await;
            let relaxed = serve(&dir.join("relaxed"), SyncPolicy::Never, 0).await;
            let filled = serve(&dir.join("filled"), SyncPolicy::Never, N_READ).await;
            (echo_http, echo_grpc, durable, relaxed, filled)
        });
        let (growing, filled) = ([durable.1, relaxed.1], filled.0);
        let (durable, relaxed) = (durable.0, relaxed.0);
        Servers { echo_http, echo_grpc, durable, relaxed, filled, growing, dir, runtime }
    }

    /// Lets go of the segments that are full, so that no run pays for what the ones before have left.
    pub(crate) fn truncate(&self) {
        for log in &self.growing {
            let truncated = log.truncate_before(log.info().next);
            self.runtime.block_on(truncated).expect("truncated");
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// As many threads as there are processors, as a server has them.
pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Writes a file of so many bytes and removes it.
fn touch_memory(path: &Path) {
    let mut file = File::create(path).expect("a file");
    let block = vec![1; 1 << 20];
    for _ in 0..TOUCHED_BYTES >> 20 {
        file.write_all(&block).expect("written");
    }
    fs::remove_file(path).expect("removed");
}

async fn serve(dir: &Path, sync: SyncPolicy, n_records: usize) -> (Addresses, Arc<LocalLog>) {
    let config = LogConfig { sync, ..LogConfig::default() };
    let server_config = ServerConfig::for_records_of(config.max_record_bytes);
    let log = Log::open(dir, config).expect("a log");
    let log = LocalLog::start(log, &LocalLogConfig::default()).expect("a storage thread");
    for _ in 0..n_records / echo::RECORDS_A_MESSAGE {
        let records = vec![NewRecord::new(value()); echo::RECORDS_A_MESSAGE];
        log.append(Batch { records, expected_offset: None }).await.expect("appended");
    }
    let (http, http_address) = bind().await;
    let (grpc, grpc_address) = bind().await;
    let listeners = Listeners { http: Some(http), grpc: Some(grpc) };
    let log = Arc::new(log);
    let served = Arc::clone(&log);
    tokio::spawn(async {
        let (_trigger, shutdown) = server::shutdown();
        server::run(listeners, served, server_config, shutdown).await;
    });
    (Addresses { http: http_address, grpc: grpc_address }, log)
}
